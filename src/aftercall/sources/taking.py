"""What is taken from a record of a call: keys pressed, custom fields, the ids of facts. See `engine/taking.py`."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.fact import Kind
from aftercall.engine.reading import MAX_INTEGER
from aftercall.engine.taking import MAX_TEXT, Object, word
from aftercall.sources.limits import MAX_DEPTH, MAX_NAME

_MAX_ID = 500
_KEYPAD = "0123456789*#ABCD"
_AFTER = {Kind.RECORDING_READY: "1.", Kind.TRANSCRIPT_READY: "2.", Kind.ANALYZED: "3."}
OWN_PREFIX = "ac_"  # parameters named so are custom fields under the rest of their name


def keys(value: Any) -> tuple[str, ...]:
    """The keys of a telephone that were pressed, and nothing else."""
    return tuple(char for char in word(value) or "" if char in _KEYPAD)[:64]


def tidy(value: Any, depth: int = 2) -> Any:
    """A value as custom fields and variables may hold it: what is too deep becomes text, NULs go."""
    match value:
        case str():
            return value.replace("\0", "")[:MAX_TEXT]
        case bool() | None:
            return value
        case int():
            return value if abs(value) <= MAX_INTEGER else str(value)
        case dict() | list() if depth > MAX_DEPTH:
            return tidy(msgspec.json.encode(value).decode())
        case dict():
            return {name.replace("\0", "")[:MAX_NAME]: tidy(item, depth + 1) for name, item in value.items()}
        case list():
            return [tidy(item, depth + 1) for item in value]
        case _:
            return value


def custom(source: Source, *given: Mapping[str, Any]) -> Object | None:
    """Custom fields, under the names the source's mapping gives them."""
    made: Object = {}
    for fields in given:
        for name, value in fields.items():
            if value is not None and value != "":
                made[source.fields.get(name, name)] = value
    return tidy(made) or None


def own(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of a URL's or a form's parameters that its owner added for AfterCall: `ac_crm=1` is `crm`."""
    return {
        name.removeprefix(OWN_PREFIX): value
        for name, value in pairs
        if name.startswith(OWN_PREFIX) and len(name) > len(OWN_PREFIX)
    }


def named(id_: str, kind: Kind) -> str:
    """The natural id of one of the facts a request tells. What came after the call is told in this order."""
    id_ = id_.replace("\0", "")[:_MAX_ID]
    return f"{id_}#{_AFTER.get(kind, '')}{kind.value.removeprefix('call.')}"
