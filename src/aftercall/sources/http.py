"""Call events in our own vocabulary as JSON: POST /v1/events, and /in/{source} for sources of type http (R1).

The fields are in docs/reference/events-in.md. What is not understood is kept in custom_fields or refused.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Invalid, Problem, TooLarge
from aftercall.domain.fact import (
    Data,
    Fact,
    Kind,
)
from aftercall.engine.reading import MAX_INTEGER, decode, read, shape
from aftercall.engine.taking import MAX_KEY
from aftercall.engine.upstream import Parsed, Unparsable
from aftercall.sources.fields import said
from aftercall.sources.limits import check
from aftercall.sources.moments import instant
from aftercall.sources.names import same_as

timing: Timing = Timing(gate=0.3, quiet=2.0, settle_max=10.0)
unparsable: Unparsable = "refuse"

MAX_ITEMS = 1000
KINDS: Mapping[str, Kind] = {
    **{kind.value: kind for kind in Kind if kind is not Kind.ORPHANED},
    "call.queued": Kind.DEPARTMENT_ENTERED,
}
# When an event leaves out occurred_at, the time it is about says it.
WHEN = {
    Kind.RECEIVED: "started_at", Kind.INITIATED: "started_at", Kind.ANSWERED: "answered_at",
    Kind.CONNECTED: "connected_at", Kind.ENDED: "ended_at", Kind.COMPLETED: "ended_at",
}  # fmt: skip


def parse(source: Source, path: str, headers: dict[str, str], body: bytes) -> Parsed:  # noqa: ARG001
    """One event or a list of events; a bad one does not take its neighbours down."""
    facts: list[Fact] = []
    errors: list[tuple[int, str]] = []
    for i, item in enumerate(items(body)[0]):
        try:
            facts.append(fact(decode_item(item), source))
        except Problem as problem:
            errors.append((i, problem.message))
    return Parsed(tuple(facts), tuple(errors))


def items(body: bytes, most: int = MAX_ITEMS) -> tuple[list[Any], bool]:
    """The events of a body, those of a list not decoded yet, and whether it was a list.

    Raises Unreadable when the whole cannot be read, TooLarge when it holds too many.
    """
    if body.lstrip()[:1] != b"[":
        return [decode(body)], False
    try:
        many: list[Any] = list(msgspec.json.decode(body, type=list[msgspec.Raw]))
    except (msgspec.MsgspecError, RecursionError):
        many = _salvage(body)
    if len(many) > most:
        raise TooLarge(f"At most {most} events fit in one request; this one has {len(many)}.")
    return many, True


def decode_item(item: Any) -> Any:
    return decode(bytes(item)) if type(item) is msgspec.Raw else item


def _salvage(body: bytes) -> list[Any]:
    """The items of a list in which one says what only lenient JSON can say, such as half a surrogate pair."""
    try:
        return [msgspec.Raw(json.dumps(item)) for item in json.loads(body)]
    except (ValueError, RecursionError):
        return [decode(body)]  # says what is wrong


def fact(item: Any, source: Source, received_at: datetime | None = None) -> Fact:
    """The fact an event tells. Raises Invalid, naming the field, the rule and the value's shape."""
    if type(item) is not dict:
        raise Invalid.field("event", "every event must be an object", shape(item))
    check(item)
    kind = _kind(item.get("event"))
    call_key = _key(item, "call_id")
    if call_key is None:
        raise Invalid.field("call_id", "is required: the call's key at the source")
    told, flags = said(item, source)
    at = item.get("occurred_at")
    if at is not None:
        occurred_at, local = instant(at, "occurred_at", source.time_zone)
        if local:
            flags = ("clock_local_assumed",)
    else:
        occurred_at = _when(kind, told)
    if flags:
        told["flags"] = flags
    if kind is Kind.COMPLETED:
        told["final"] = True
    if source.direction is not None:
        told.setdefault("direction", source.direction)
    return Fact(
        kind=kind,
        call_key=call_key,
        occurred_at=occurred_at,
        natural_id=_key(item, "event_id") or _digest(item),
        received_at=received_at,
        leg=_key(item, "leg_id"),
        seq=_sequence(item.get("sequence")),
        data=read(told, Data),
        aliases=same_as(item) if "same_as" in item else (),
    )


def _kind(name: Any) -> Kind:
    kind = KINDS.get(name) if type(name) is str else None
    if kind is None:
        rule = f"must be one of {', '.join(KINDS)}"
        raise Invalid.field("event", rule, "nothing" if name is None else shape(name))
    return kind


def _key(item: dict[str, Any], name: str) -> str | None:
    """An identifier: a string, or a number that is used as one."""
    value = item.get(name)
    if value is None:
        return None
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not 0 < len(value) <= MAX_KEY:
        raise Invalid.field(name, f"must be a string of 1 to {MAX_KEY} characters", shape(value))
    return value


def _sequence(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MAX_INTEGER:
        raise Invalid.field("sequence", "must be a whole number that is not negative", shape(value))
    return value


def _when(kind: Kind, told: dict[str, Any]) -> datetime:
    at: datetime | None = told.get(WHEN.get(kind, ""))
    if at is None and kind in (Kind.ENDED, Kind.COMPLETED):
        started, seconds = told.get("started_at"), told.get("duration_seconds")
        if started is not None and type(seconds) is int:
            at = started + timedelta(seconds=seconds)
    if at is None:
        also = f" (or {WHEN[kind]})" if kind in WHEN else ""
        raise Invalid.field("occurred_at", f"is required{also}: when it happened, with a time zone")
    return at


def _digest(item: dict[str, Any]) -> str:
    """An id made of the content, for events without one: the same content is the same fact (H2)."""
    said = item
    if None in item.values():
        said = {name: value for name, value in item.items() if value is not None}
    return blake2b(msgspec.json.encode(said, order="sorted"), digest_size=16).hexdigest()
