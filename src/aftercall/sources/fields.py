"""The fields of an event: flat ones, those under `data`, other names for them, and what is unknown.

What is not understood is kept in custom_fields or refused, never dropped.
"""

from typing import Any

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import (
    Agent,
    Analysis,
    Billing,
    Data,
    Hangup,
    Named,
    Recording,
    Transcript,
    Transfer,
    Turn,
    Voicemail,
)
from aftercall.engine.reading import shape
from aftercall.engine.taking import MAX_KEY
from aftercall.sources.moments import instant

ENVELOPE = frozenset({
    "event", "call_id", "occurred_at", "event_id", "leg_id", "sequence", "source", "data", "same_as",
})  # fmt: skip
ALIASES = {
    "department": "queue",
    "menu": "ivr",
    "wrap_up_notes": "notes",
    "server_answered_at": "answered_at",
}
FIELDS = frozenset(f.encode_name for f in msgspec.structs.fields(Data)) - {"flags"}
TIMES = ("started_at", "answered_at", "connected_at", "ended_at")
NAMED = frozenset({"agent", "queue", "ivr", "auto_attendant", "campaign", "broadcast"})
NESTED: dict[str, frozenset[str]] = {
    name: frozenset(f.encode_name for f in msgspec.structs.fields(kind))
    for name, kind in (
        ("agent", Agent), ("queue", Named), ("ivr", Named), ("auto_attendant", Named), ("campaign", Named),
        ("broadcast", Named), ("hangup", Hangup), ("transfer", Transfer), ("voicemail", Voicemail),
        ("recording", Recording), ("transcript", Transcript), ("analysis", Analysis), ("billing", Billing),
    )
}  # fmt: skip
TURN = frozenset(f.encode_name for f in msgspec.structs.fields(Turn))
TEXTS = frozenset(
    {"from", "to", "did", "caller_id", "uuid", "parent_call_id", "digit"}
)  # often sent as numbers
SHORT = TEXTS | {"from_name", "to_name", "disposition", "sub_disposition", "by"}
SPECIAL = SHORT | NAMED | {"digits"}  # texts that are looked at
MAX_SECONDS = 10 * 366 * 86400


def said(item: dict[str, Any], source: Source) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What an event says, ready to be read as Data, and the flags its times raise. Raises Invalid."""
    told: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, value in item.items():
        if value is None or name in ENVELOPE:
            continue
        if (
            name in FIELDS and name not in told
        ):  # nearly every one; written out, because every event passes here
            told[name] = value
        else:
            _place(name, value, told, custom, source.fields)
    for name, value in _object(item, "data").items():
        if value is not None:
            _place(name, value, told, custom, source.fields)
    for name, value in _object(told, "custom_fields").items():
        _put(custom, source.fields.get(name, name), value)
    flags = _times(told, source.time_zone)
    for name, value in list(told.items()):
        if type(value) is not str or name in SPECIAL:
            _tidy(name, value, told, custom)
    if custom:
        told["custom_fields"] = custom
    return told, flags


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise Invalid.field(name, "must be an object", shape(value))
    return value


def _place(
    name: str, value: Any, told: dict[str, Any], custom: dict[str, Any], fields: dict[str, str]
) -> None:
    name = ALIASES.get(name, name)
    if name not in FIELDS and name in fields:
        name = ALIASES.get(fields[name], fields[name])
    _put(told if name in FIELDS else custom, name, value)


def _put(target: dict[str, Any], name: str, value: Any) -> None:
    if name in target and target[name] != value:
        raise Invalid.field(name, "is given twice with different values")
    target[name] = value


def _times(told: dict[str, Any], zone: str | None) -> tuple[str, ...]:
    local = False
    for name in TIMES:
        if name in told:
            told[name], assumed = instant(told[name], name, zone)
            local |= assumed
    recording = told.get("recording")
    if type(recording) is dict:
        told["recording"] = recording = dict(recording)
        for name in ("started_at", "expires_at"):
            if recording.get(name) is not None:
                recording[name], assumed = instant(recording[name], f"recording.{name}", zone)
                local |= assumed
    return ("clock_local_assumed",) if local else ()


def _tidy(name: str, value: Any, told: dict[str, Any], custom: dict[str, Any]) -> None:
    """Forgive what is clear, keep aside what is unknown, refuse what cannot be meant."""
    kind = type(value)
    if kind is str:
        told[name] = _text(name, value)
    elif kind is int or kind is float:
        told[name] = _number(name, value)
    elif name in NESTED:
        if name == "transcript" and kind is list:
            value = {"turns": value}
        if type(value) is dict:
            told[name] = _known(name, value, custom)
            if name in NAMED and not told[name]:
                del told[name]  # {"id": null, "name": null} names nobody


def _text(name: str, value: str) -> Any:
    if name in SHORT and len(value) > MAX_KEY:
        raise Invalid.field(name, f"may have at most {MAX_KEY} characters", shape(value))
    if name in NAMED:
        return {"name": value}
    return list(value) if name == "digits" else value


def _number(name: str, value: float) -> Any:
    if name in TEXTS and type(value) is int:
        return str(value)
    if type(value) is float and not value.is_integer():
        return value
    if not 0 <= value <= MAX_SECONDS:
        raise Invalid.field(name, f"must be between 0 and {MAX_SECONDS}", "a number")
    return int(value)


def _known(field: str, value: dict[str, Any], custom: dict[str, Any]) -> dict[str, Any]:
    """The members of an object that we know; the others go to custom_fields as `agent.team`."""
    made: dict[str, Any] = {}
    for name, inner in value.items():
        if inner is None:
            continue
        if name not in NESTED[field]:
            _put(custom, f"{field}.{name}", inner)
        elif name == "from_agent" and type(inner) is dict:
            made[name] = {k: v for k, v in inner.items() if k in NESTED["agent"]}
            custom.update({f"{field}.{name}.{k}": v for k, v in inner.items() if k not in NESTED["agent"]})
        elif name == "turns":
            made[name] = _turns(inner)
        else:
            made[name] = str(inner) if type(inner) is int and name in ("id", "number") else inner
    return made


def _turns(turns: Any) -> Any:
    for i, turn in enumerate(turns if type(turns) is list else ()):
        for name in turn if type(turn) is dict else ():
            if name not in TURN:
                raise Invalid.field(f"transcript.turns[{i}].{name}", "is not a known field")
    return turns
