"""How a call is shown: its record, its events and who did not get them, its messages (L1, L2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from aftercall.api.deliveries import DeliveryOut
from aftercall.api.message_shown import DecisionOut, MessageOut, decided
from aftercall.api.message_shown import shown as message_shown
from aftercall.api.reasons import why_skipped
from aftercall.api.timeline import Moment, rule_id_of
from aftercall.domain.call import Call
from aftercall.domain.fact import Fact
from aftercall.domain.plan import Skipped
from aftercall.engine.joined import told_by
from aftercall.engine.message_rows import MessageRow
from aftercall.engine.rows import CallRow, SpokenEvent


class CallOut(Call, frozen=True, kw_only=True, omit_defaults=False):
    """A call as it is known now. `revision` is 0 until it is completed."""

    call_id: str
    source_id: str
    revision: int
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class EventOut(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    event_id: str
    occurred_at: datetime
    received_at: datetime
    spoken_at: datetime
    sequence: int
    revision: int
    late: bool
    is_test: bool
    details: dict[str, Any]
    skipped: tuple["SkippedOut", ...]


class SkippedOut(msgspec.Struct, frozen=True):
    """A webhook that chose the event and did not get it, or a post-call action that waited for it and did not run."""

    webhook_id: str | None
    rule_id: str | None
    name: str | None
    code: str
    reason: str


class CallMessage(MessageOut, frozen=True, kw_only=True):
    """`decision` is the guard's in one line; all of it is in /v1/messages/{message_id}/decision."""

    rule_name: str | None
    decision: str


class CallDetail(CallOut, frozen=True, kw_only=True, omit_defaults=False):
    timeline: tuple[Moment, ...]
    events: tuple[EventOut, ...]
    deliveries: tuple[DeliveryOut, ...]
    messages: tuple[CallMessage, ...]


class DecisionsOut(msgspec.Struct, frozen=True):
    items: tuple[DecisionOut, ...]


class FactsOut(msgspec.Struct, frozen=True):
    items: tuple[Fact, ...]


class EventsOut(msgspec.Struct, frozen=True):
    items: tuple[EventOut, ...]


def call_fields(row: CallRow) -> dict[str, Any]:
    return {
        **{name: getattr(row.call, name) for name in Call.__struct_fields__},
        "call_id": row.id,
        "source_id": told_by(row.call, row.source_id),
        "revision": row.speech.revision,
        "completed_at": row.speech.completed_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def acting(events: Sequence[SpokenEvent]) -> bool:
    """Whether a post-call action was left out of any of them."""
    return any(rule_id_of(skipped) for spoken in events for skipped in spoken.skipped)


def message_out(row: MessageRow, rules: Mapping[str, str]) -> CallMessage:
    return CallMessage(
        **msgspec.structs.asdict(message_shown(row)),
        rule_name=rules.get(row.rule_id or ""),
        decision=decided(row).text,
    )


def _skipped(skipped: Skipped, rules: Mapping[str, str]) -> SkippedOut:
    rule_id = rule_id_of(skipped)
    return SkippedOut(
        webhook_id=None if rule_id else skipped.subscriber_id,
        rule_id=rule_id,
        name=rules.get(rule_id or ""),
        code=skipped.why,
        reason=why_skipped(skipped.why, "action" if rule_id else "webhook"),
    )


def event_out(spoken: SpokenEvent, rules: Mapping[str, str]) -> EventOut:
    event = spoken.event
    return EventOut(
        event=event.name,
        event_id=event.event_id,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        spoken_at=event.spoken_at,
        sequence=event.sequence,
        revision=event.revision,
        late=event.late,
        is_test=event.is_test,
        details=event.details,
        skipped=tuple(_skipped(skipped, rules) for skipped in spoken.skipped),
    )
