"""The planner: one event of a call and an account's webhooks, to deliveries (promises 2, 6, 13).

The only place that decides who gets what. Whoever chose the event but does not get it is named with the reason.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from aftercall.domain.call import Call
from aftercall.domain.delivery import Delivery
from aftercall.domain.emit import Hold
from aftercall.domain.errors import Problem
from aftercall.domain.event import COMPLETED, UPDATED, Event
from aftercall.domain.filter import Choosy, own_number, refusal
from aftercall.domain.payload import Rendered, render
from aftercall.domain.trigger import fires, waiting_for
from aftercall.domain.webhook import HoldFor, Webhook

LATE_LIMIT = timedelta(seconds=60)  # an in-call event older than this is of no use to anybody (C4.2)


class Skipped(msgspec.Struct, frozen=True):
    """A webhook or rule that chose this event and does not get it."""

    subscriber_id: str = msgspec.field(name="webhook_id")
    why: str


class Plan(msgspec.Struct, frozen=True):
    deliveries: tuple[Delivery, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    holds: tuple[Hold, ...] = ()


def plan(
    event: Event,
    call: Call,
    webhooks: Sequence[Webhook],
    waiting: Sequence[Hold],
    source_id: str,
    new_id: Callable[[], str],
) -> Plan:
    """Deliveries for one event. `waiting` are the call's holds: who waits for the whole gets no revisions."""
    deliveries: list[Delivery] = []
    skipped: list[Skipped] = []
    holds: list[Hold] = []
    ours: tuple[str, str] | None = None  # our number in the call, asked for once
    for webhook in webhooks:
        chosen, certain = waiting_for(webhook.triggers, event.name)
        triggers = chosen if certain else [t for t in chosen if fires(t, call, event)]
        if not triggers:
            continue
        if webhook.filters.numbers and ours is None:
            ours = own_number(call)
        why = _switched_off(webhook) or refused(webhook, event, call, waiting, source_id, ours)
        if why is not None:
            skipped.append(Skipped(webhook.id, why))
            continue
        missing = awaited(webhook.hold_for, call) if event.name == COMPLETED else ()
        if missing:
            until = event.spoken_at + timedelta(seconds=webhook.hold_seconds)
            holds.append(Hold(webhook.id, missing, until, event))
            continue
        try:
            deliveries.extend(address(event, call, webhook, triggers, source_id, new_id))
        except Problem as error:  # a custom template can make more of a call than can be sent
            skipped.append(Skipped(webhook.id, error.code))
    return Plan(tuple(deliveries), tuple(skipped), tuple(holds))


def address(
    event: Event,
    call: Call,
    webhook: Webhook,
    triggers: Sequence[str],
    source_id: str,
    new_id: Callable[[], str],
) -> list[Delivery]:
    """The deliveries of an event to one webhook: one, or one a trigger where each has its own body."""
    chosen = triggers if webhook.format == "classic" else triggers[:1]
    made = []
    for trigger in chosen:
        suffix = f":{trigger}" if webhook.format == "classic" else ""
        rendered = render(webhook, trigger, event, call if event.call_id else None, source_id)
        key = f"{event.event_id}:{webhook.id}{suffix}"
        made.append(deliver(webhook, event, trigger, rendered, key, new_id()))
    return made


def deliver(
    webhook: Webhook,
    event: Event,
    trigger: str,
    rendered: Rendered,
    key: str,
    delivery_id: str,
    now: datetime | None = None,
) -> Delivery:
    """One delivery, due at once; held while its webhook is paused, or disabled because its receiver failed."""
    held = webhook.status != "enabled"
    return Delivery(
        id=delivery_id,
        account_id=webhook.account_id,
        destination_id=webhook.id,
        key=key,
        event_id=event.event_id,
        event=event.name,
        trigger=trigger,
        call_id=event.call_id or None,
        body=rendered.body,
        content_type=rendered.content_type,
        query=rendered.query,
        created_at=now or event.spoken_at,
        occurred_at=event.occurred_at,
        status="held" if held else "pending",
        reason=webhook.status if held else None,
        due_at=None if held else now or event.spoken_at,
        is_test=event.is_test,
    )


def awaited(hold_for: Sequence[HoldFor], call: Call) -> tuple[HoldFor, ...]:
    """What a webhook asked to wait for and the call does not have yet."""
    if not hold_for:
        return ()
    present = {
        "actions": False,  # for whoever knows of them to say
        "wrap_up": call.wrap_up_seconds is not None,
        "analysis": call.analysis is not None,
        "recording": any(r.status in ("ready", "failed") for r in call.recordings),
    }
    return tuple(what for what in hold_for if not present[what])


def _switched_off(webhook: Webhook) -> str | None:
    return "disabled" if webhook.status == "disabled" and webhook.status_reason != "failing" else None


def refused(
    webhook: Choosy,
    event: Event,
    call: Call,
    waiting: Sequence[Hold],
    source_id: str,
    ours: tuple[str, str] | None = None,
) -> str | None:
    """Why a webhook or rule that chose this event does not get it; None when it does."""
    if not event.call_id:
        return None  # a notice is about no call
    if event.late and event.spoken_at - event.occurred_at > LATE_LIMIT:
        return "late"
    if event.name == UPDATED and any(h.subscriber_id == webhook.id for h in waiting):
        return "waiting"  # the one message it asked for will say it
    if webhook.filters.sources and source_id not in webhook.filters.sources:
        return "source"
    return refusal(webhook, call, ours)
