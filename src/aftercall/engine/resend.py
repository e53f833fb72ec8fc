"""Sending again: one delivery, or everything of a webhook that has not arrived since a time (W10).

A resend is a delivery of its own with the same event id and body; the automatic schedule of a webhook's first one is
neither shortened nor ended by it. What goes to a person is never repeated by itself.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec

from aftercall.domain import phone
from aftercall.domain.actions import Office
from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import Conflict
from aftercall.domain.message import Override
from aftercall.domain.sender_choice import choose
from aftercall.domain.webhook import Webhook
from aftercall.domain.wire import dumps
from aftercall.engine.circumstances import decode_message
from aftercall.engine.ids import new_id
from aftercall.engine.ports import Store
from aftercall.engine.rows import DeliveryQuery, Destination

MAX_REPLAY = 10_000  # deliveries at once; asking again goes on with the rest
PAGE = 200
ARRIVING = frozenset({"delivered", "pending"})


class Replayed(msgspec.Struct, frozen=True):
    """`arrived` have been delivered or are on their way and were left alone; `left` did not fit in this replay."""

    resent: int
    arrived: int
    left: int


def again(
    delivery: Delivery, destination: Destination, now: datetime, override: Override | None = None
) -> Delivery:
    """The delivery once more, due now; held while its destination is paused. Raises Conflict when it is disabled.

    A message gets the time it had at first, from now on, and the word of a person who overrides the guard.
    """
    if destination.status == "disabled":
        kind = "webhook" if delivery.channel == "webhook" else "connection"
        raise Conflict(f"The {kind} is disabled; enable it first.")
    paused = destination.status == "paused"
    new = new_id("dl")
    return msgspec.structs.replace(
        delivery,
        id=new,
        destination_id=destination.id,
        key=f"{delivery.event_id}:{destination.id}:{new}",
        body=delivery.body if delivery.channel == "webhook" else _renewed(delivery, now, override),
        created_at=now,
        status="held" if paused else "pending",
        reason="paused" if paused else None,
        attempts=0,
        started=0,
        due_at=None if paused else now,
        resend_of=delivery.resend_of or delivery.id,
    )


def _renewed(delivery: Delivery, now: datetime, override: Override | None) -> bytes:
    message = decode_message(delivery.body)
    lifetime = message.expires_at - delivery.created_at
    return dumps(msgspec.structs.replace(message, expires_at=now + lifetime, override=override))


def by_another_way(delivery: Delivery, office: Office) -> Delivery | None:
    """A message whose connection is gone, or that never had one, by one there is now; None where there is none."""
    message = decode_message(delivery.body)
    sms = message.sms
    if sms is not None and office.senders:
        country = phone.country(sms.to) if sms.to else office.country
        sender = choose(office.senders, office.connections, country, sms.category)
        if sender is None:
            return None
        sms = msgspec.structs.replace(sms, sender=sender.value, sender_kind=sender.kind)
        changed = dumps(msgspec.structs.replace(message, sms=sms, sender_id=sender.id))
        return msgspec.structs.replace(delivery, destination_id=sender.connection_id, body=changed)
    fitting = [c.id for c in office.connections.values() if c.channel == delivery.channel]
    return msgspec.structs.replace(delivery, destination_id=min(fitting)) if fitting else None


async def replay(
    store: Store,
    webhook: Webhook,
    since: datetime,
    until: datetime | None,
    statuses: Collection[str],
    now: datetime,
) -> Replayed:
    """Send again what is in one of `statuses`, each event and trigger once, oldest first."""
    if webhook.status == "disabled":
        raise Conflict("The webhook is disabled; enable it first.")
    arrived: set[tuple[str, str]] = set()
    wanted: dict[tuple[str, str], Delivery] = {}
    cursor: str | None = None
    while True:
        page = await store.list_deliveries(
            webhook.account_id,
            DeliveryQuery(destination_id=webhook.id, since=since, cursor=cursor, limit=PAGE),
        )
        for delivery in page.items:
            key = (delivery.event_id, delivery.trigger)
            if delivery.status in ARRIVING:
                arrived.add(key)
            elif delivery.status in statuses and (until is None or delivery.created_at < until):
                wanted[key] = delivery  # the pages go back in time: the oldest stays
        cursor = page.next_cursor
        if cursor is None:
            break
    chosen = [d for key, d in wanted.items() if key not in arrived and not d.is_test]
    chosen.sort(key=lambda d: (d.created_at, d.id))
    for start in range(0, min(len(chosen), MAX_REPLAY), PAGE):
        await _resend(store, webhook, chosen[start : start + PAGE], now)
    resent = min(len(chosen), MAX_REPLAY)
    return Replayed(resent, len(arrived & wanted.keys()), len(chosen) - resent)


async def _resend(store: Store, webhook: Webhook, deliveries: list[Delivery], now: datetime) -> None:
    """The new ones first, then the held ones they replace: a crash in between repeats, but loses nothing."""
    await store.add_resends([again(delivery, webhook, now) for delivery in deliveries])
    for delivery in deliveries:
        if delivery.status == "held":
            await store.cancel_delivery(delivery.account_id, delivery.id)
