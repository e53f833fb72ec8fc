"""Values of a vendor's record, taken without trust: a field that is not what it should be says nothing.

Vendors add fields and change them; a call is worth more than a tidy one of its fields. Only what a call cannot
be told without (its key) is insisted on.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.fact import Kind
from aftercall.engine.reading import MAX_INTEGER, decode, shape
from aftercall.sources.limits import MAX_DEPTH, MAX_KEY, MAX_NAME, MAX_TEXT

Object = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
_MAX_FIELDS = 1000
_MAX_SECONDS = 10 * 366 * 86400
_MAX_ID = 500
_KEYPAD = "0123456789*#ABCD"
_AFTER = {Kind.RECORDING_READY: "1.", Kind.TRANSCRIPT_READY: "2.", Kind.ANALYZED: "3."}
OWN_PREFIX = "ac_"  # parameters named so are custom fields under the rest of their name


def record(body: bytes) -> Object:
    """The JSON object of a body. Raises Unreadable."""
    value = decode(body)
    if type(value) is not dict:
        raise Unreadable("The body must be a JSON object.")
    return value


def form(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, empty ones too. Raises Unreadable."""
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict", separator="&"
        )
    except ValueError:
        raise Unreadable("The body is not a form (application/x-www-form-urlencoded).") from None


def key(value: Any, field: str) -> str:
    """An identifier the call cannot be told without. Raises Invalid."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not 0 < len(value) <= MAX_KEY or "\0" in value:
        raise Invalid.field(field, f"must be a string of 1 to {MAX_KEY} characters", shape(value))
    return value


def text(value: Any, most: int = MAX_TEXT) -> str | None:
    """A text that says something, cut where it is too long."""
    if type(value) is int:
        return str(value)
    if type(value) is not str:
        return None
    return value.replace("\0", "")[:most].strip() or None


def word(value: Any) -> str | None:
    """A short text: a name, a number, an id."""
    return text(value, MAX_KEY)


def keys(value: Any) -> tuple[str, ...]:
    """The keys of a telephone that were pressed, and nothing else."""
    return tuple(char for char in word(value) or "" if char in _KEYPAD)[:64]


def number(value: Any) -> float | None:
    if type(value) is str:
        try:
            value = float(value)
        except ValueError:
            return None
    if type(value) not in (int, float) or not isfinite(value):
        return None
    return float(value)


def seconds(value: Any) -> int | None:
    """Whole seconds, cut off; None where that cannot be the length of anything."""
    found = number(value)
    return int(found) if found is not None and 0 <= found <= _MAX_SECONDS else None


def integer(value: Any) -> int | None:
    found = number(value)
    return int(found) if found is not None and found.is_integer() and abs(found) < 2**53 else None


def inner(value: Any, *names: str) -> Object:
    """The object below these names, empty where there is none."""
    for name in names:
        value = value.get(name) if type(value) is dict else None
    return value if type(value) is dict else {}


def many(value: Any) -> list[Any]:
    return value if type(value) is list else []


def epoch(value: Any, unit: float = 1.0) -> datetime | None:
    """A moment as a count of units since the epoch; `unit` is how many of them make a second."""
    found = number(value)
    if found is None or not 0 < found / unit < _LAST.timestamp():
        return None
    if unit > 1.0 and found.is_integer():
        return _EPOCH + timedelta(microseconds=int(found) * 1_000_000 // int(unit))
    return _EPOCH + timedelta(seconds=found / unit)


def written(value: Any) -> datetime | None:
    """A moment as ISO 8601 with a zone."""
    if type(value) is not str:
        return None
    try:
        at = datetime.fromisoformat(value)
        at = at.astimezone(UTC) if at.tzinfo is not None else at
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo is not None and _EPOCH <= at < _LAST else None


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
