"""Values of a vendor's record, taken without trust: a field that is not what it should be says nothing.

Vendors add fields and change them; a call or a receipt is worth more than a tidy one of its fields. Only what it
cannot be told without (its key) is insisted on.
"""

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

from aftercall.domain.errors import Invalid, Unreadable
from aftercall.engine.reading import decode, shape

Object = dict[str, Any]

MAX_TEXT = 64 * 1024  # characters; a transcript's turns may be as long as the body allows
MAX_KEY = 200  # characters of an identifier

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
_MAX_FIELDS = 1000
_MAX_SECONDS = 10 * 366 * 86400


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
    """An identifier that nothing can be told without. Raises Invalid."""
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
