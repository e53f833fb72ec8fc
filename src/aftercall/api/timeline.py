"""Everything that happened to one call, merged in time (L1, L2)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from aftercall.api.message_shown import decode_decision
from aftercall.api.reasons import why_skipped
from aftercall.domain.action_results import rule_of
from aftercall.domain.delivery import Delivery
from aftercall.domain.guard.decision import masked
from aftercall.domain.guard.explain import in_short
from aftercall.domain.plan import Skipped
from aftercall.domain.trigger import title
from aftercall.engine.circumstances import decode_message
from aftercall.engine.message_rows import MessageRow, StoredReceipt
from aftercall.engine.rows import CallRow, SpokenEvent

STATES = {
    "pending": "Waits to be sent", "held": "Held", "delivered": "Delivered", "failed": "Failed",
    "cancelled": "Cancelled", "sent": "Sent", "undelivered": "Not delivered", "blocked": "Not sent",
    "unknown": "In doubt",
}  # fmt: skip
WHAT = {"sms": "Text", "email": "Mail"}


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """`message_id` is the delivery of a text or mail, `rule_id` the post-call action behind it."""

    at: datetime
    type: Literal["step", "event", "delivery", "skipped", "decision", "receipt", "reply", "opt_out"]
    text: str
    event_id: str | None = None
    delivery_id: str | None = None
    webhook_id: str | None = None
    message_id: str | None = None
    rule_id: str | None = None


def timeline(
    row: CallRow,
    events: Iterable[SpokenEvent],
    deliveries: Iterable[Delivery],
    messages: Iterable[MessageRow] = (),
    receipts: Mapping[str, Sequence[StoredReceipt]] | None = None,
    rules: Mapping[str, str] | None = None,
) -> tuple[Moment, ...]:
    """Steps and events at the time they happened, deliveries and refusals at the time they were decided.

    `receipts` by message, `rules` are the names of post-call actions by id.
    """
    rules = rules or {}
    moments = [_step(row, i) for i in range(len(row.call.call_flow))]
    for spoken in events:
        event = spoken.event
        moments.append(
            Moment(at=event.occurred_at, type="event", text=title(event.name), event_id=event.event_id)
        )
        moments += [_skipped(spoken, skipped, rules) for skipped in spoken.skipped]
    moments += [_delivery(delivery, rules) for delivery in deliveries]
    for message in messages:
        moments += _message(message, (receipts or {}).get(message.delivery.id, ()))
    return tuple(sorted(moments, key=lambda moment: moment.at))


def rule_id_of(skipped: Skipped) -> str | None:
    """The post-call action that did not run; None where it was a webhook that did not get the event."""
    return skipped.subscriber_id if skipped.subscriber_id.startswith("rl_") else None


def _skipped(spoken: SpokenEvent, skipped: Skipped, rules: Mapping[str, str]) -> Moment:
    rule_id = rule_id_of(skipped)
    why = why_skipped(skipped.why, "action" if rule_id else "webhook")
    return Moment(
        at=spoken.event.spoken_at,
        type="skipped",
        text=f"Action {rules.get(rule_id) or rule_id} did not run: {why}" if rule_id else why,
        event_id=spoken.event.event_id,
        webhook_id=None if rule_id else skipped.subscriber_id,
        rule_id=rule_id,
    )


def _step(row: CallRow, number: int) -> Moment:
    step = row.call.call_flow[number]
    what = step.name or step.id
    return Moment(at=step.at, type="step", text=f"{step.type}: {what}" if what else step.type)


def _delivery(delivery: Delivery, rules: Mapping[str, str]) -> Moment:
    state = STATES[delivery.status]
    why = f" ({delivery.reason})" if delivery.reason else ""
    is_message, rule_id = delivery.channel != "webhook", rule_of(delivery)
    what = title(delivery.trigger)
    if is_message:
        message = decode_message(delivery.body)
        rule_id = message.rule_id
        named = rules.get(rule_id or "")
        to = masked(message.to) or "nobody"
        what = f"{WHAT[delivery.channel]} to {to}" + (f" by action {named}" if named else "")
    return Moment(
        at=delivery.created_at,
        type="delivery",
        text=f"{what}: {state}{why} after {delivery.attempts} attempts",
        event_id=delivery.event_id,
        delivery_id=delivery.id,
        webhook_id=None if is_message else delivery.destination_id,
        message_id=delivery.id if is_message else None,
        rule_id=rule_id,
    )


def _message(row: MessageRow, receipts: Sequence[StoredReceipt]) -> Iterator[Moment]:
    """What the guard decided last, and what has come back."""
    decision = decode_decision(row.decision)
    told: list[tuple[datetime | None, Literal["decision", "receipt", "reply", "opt_out"], str]] = [
        (decision.evaluated_at, "decision", in_short(decision)),
        *((stored.received_at, "receipt", _receipt(row, stored)) for stored in receipts),
        (row.replied_at, "reply", "The recipient wrote back"),
        (row.opted_out_at, "opt_out", "The recipient opted out"),
    ]
    for at, kind, text in told:
        if at is not None:
            yield Moment(
                at=at, type=kind, text=text, delivery_id=row.delivery.id, message_id=row.delivery.id,
                rule_id=row.rule_id,
            )  # fmt: skip


def _receipt(row: MessageRow, stored: StoredReceipt) -> str:
    receipt = stored.receipt
    why = receipt.detail or receipt.error or ""
    return f"{WHAT[row.delivery.channel]} reported {receipt.status}" + (f": {why}" if why else "")
