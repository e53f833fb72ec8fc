"""Everything that happened to one call, merged in time (L1)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from aftercall.api.reasons import why_skipped
from aftercall.domain.delivery import Delivery
from aftercall.domain.plan import Skipped
from aftercall.domain.trigger import title
from aftercall.engine.rows import CallRow, SpokenEvent

STATES = {
    "pending": "Waits to be sent", "held": "Held", "delivered": "Delivered", "failed": "Failed",
    "cancelled": "Cancelled", "sent": "Sent", "undelivered": "Not delivered", "blocked": "Not sent",
    "unknown": "In doubt",
}  # fmt: skip


WHAT = {"webhook": "", "sms": "Text, ", "email": "Mail, "}


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    type: Literal["step", "event", "delivery", "skipped"]
    text: str
    event_id: str | None = None
    delivery_id: str | None = None
    webhook_id: str | None = None


def timeline(
    row: CallRow, events: Iterable[SpokenEvent], deliveries: Iterable[Delivery]
) -> tuple[Moment, ...]:
    """Steps and events at the time they happened, deliveries and refusals at the time they were decided."""
    moments = [_step(row, i) for i in range(len(row.call.call_flow))]
    for spoken in events:
        event = spoken.event
        moments.append(
            Moment(at=event.occurred_at, type="event", text=title(event.name), event_id=event.event_id)
        )
        moments += [_skipped(spoken, skipped) for skipped in spoken.skipped]
    moments += [_delivery(delivery) for delivery in deliveries]
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _skipped(spoken: SpokenEvent, skipped: Skipped) -> Moment:
    return Moment(
        at=spoken.event.spoken_at,
        type="skipped",
        text=why_skipped(skipped.why),
        event_id=spoken.event.event_id,
        webhook_id=skipped.subscriber_id,
    )


def _step(row: CallRow, number: int) -> Moment:
    step = row.call.call_flow[number]
    what = step.name or step.id
    return Moment(at=step.at, type="step", text=f"{step.type}: {what}" if what else step.type)


def _delivery(delivery: Delivery) -> Moment:
    state = STATES[delivery.status]
    why = f" ({delivery.reason})" if delivery.reason else ""
    return Moment(
        at=delivery.created_at,
        type="delivery",
        text=f"{WHAT[delivery.channel]}{title(delivery.trigger)}: {state}{why} after {delivery.attempts} attempts",
        event_id=delivery.event_id,
        delivery_id=delivery.id,
        webhook_id=delivery.destination_id if delivery.channel == "webhook" else None,
    )
