"""A mapping as it is written: in a source's `settings.mapping`, and in the presets. Every field is explained in
docs/sources/mapped.md. What stands here as Any is read member by member, so that a complaint names its place.
"""

from typing import Any

import msgspec

Scalar = str | int | float | bool | None


class ValueForm(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where a field's value comes from, and what is done to it on the way."""

    path: str | None = None
    join: tuple[str, ...] = ()
    separator: str = " "
    value: Scalar = None
    map: dict[str, Scalar] | None = None
    otherwise: Scalar = None
    unit: str | None = None
    time: str | tuple[str, ...] | None = None
    zone: str | None = None
    prefix: str = ""


class TellingForm(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One fact that an event tells."""

    fact: str
    when: dict[str, Any] = {}
    each: str | None = None
    fields: dict[str, Any] = {}
    at: Any = None
    leg: Any = None
    final: bool = False


class GuessForm(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What event it is, where none is named."""

    event: str
    when: dict[str, Any]


class MappingForm(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How requests of one kind are read."""

    records: str | tuple[str, ...] = "$body"
    call: Any = None
    event: Any = None
    events: dict[str, Any] = {}
    guess: tuple[Any, ...] = ()
    fields: dict[str, Any] = {}
    inbound: dict[str, Any] = {}
    outbound: dict[str, Any] = {}
    status: Any = None
    statuses: dict[str, Any] = {}
    at: Any = None
    leg: Any = None
    sequence: Any = None
    id: tuple[Any, ...] = ()
    time: str | tuple[str, ...] = "auto"
    time_zone: str | None = None
    custom_fields: dict[str, Any] = {}
    rest: bool = False
    drop: tuple[str, ...] = ()


MERGED = ("events", "fields", "inbound", "outbound", "statuses", "custom_fields")


def merged(preset: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The preset with the source's own parts in it. A member replaces the preset's, null takes it away.

    Tables (`events`, `fields`, ...) are put together name by name, all else is replaced as a whole.
    """
    made = dict(preset)
    for name, value in own.items():
        below = made.get(name)
        if name in MERGED and isinstance(below, dict) and isinstance(value, dict):
            made[name] = _put(dict(below), value)
        else:
            made = _put(made, {name: value})
    return made


def _put(made: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    made |= own
    return {name: value for name, value in made.items() if value is not None}
