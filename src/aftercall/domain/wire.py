"""What bodies have in common: times, JSON that survives a JavaScript round trip, flat forms."""

import math
import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from aftercall.domain.webhook import DateFormat

_EXACT = 2.0**53  # beyond it JavaScript's numbers are not exact anyway
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_DEEPEST = 50  # levels; nothing that is meant to be read is nested deeper


def stamp(at: datetime | None) -> str | None:
    """`YYYY-MM-DDTHH:MM:SSZ`: whole seconds, so that strict parsers read it."""
    if at is None:
        return None
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat()[:19] + "Z"


def moment(at: datetime, form: DateFormat, where: tzinfo) -> str:
    """A time in one of the three formats; ISO 8601 has `Z` for UTC, else the zone's offset."""
    if form == "epoch":
        return str(int(at.timestamp()))
    local = at.astimezone(where).replace(microsecond=0)
    if form == "iso8601":
        return local.isoformat().replace("+00:00", "Z")
    return local.strftime("%Y-%m-%d %H:%M:%S")


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """An IANA zone; UTC when this machine does not know it (it was checked when the webhook was saved)."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def tidy(value: Any, depth: int = 0) -> Any:
    """The value as JavaScript would write it back: 5.0 as 5, keys like "7" first, times in whole seconds.

    Some receivers verify the signature over `JSON.stringify(JSON.parse(body))`. What is nested too deep
    is null.
    """
    kind = type(value)
    if kind is str or value is None or kind is int or kind is bool:
        return value
    if depth > _DEEPEST:
        return None
    if kind is dict:
        made = {str(key): tidy(item, depth + 1) for key, item in value.items()}
        if any(key.isdigit() for key in made):
            return _numbers_first(made)
        return made
    if kind is list or kind is tuple:
        return [tidy(item, depth + 1) for item in value]
    if kind is float:
        return _number(value)
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, msgspec.Struct):
        return tidy(_members(value), depth)
    return tidy(msgspec.to_builtins(value), depth + 1)


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON. Half a surrogate pair, which UTF-8 cannot say, becomes a replacement character."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_whole(msgspec.to_builtins(value)))


def flat(value: Any) -> str:
    """A JSON object as a form: one pair a member, what is nested as JSON text, null as nothing."""
    value = msgspec.to_builtins(value)
    members = value if isinstance(value, dict) else {"payload": value}
    return "&".join(f"{_quoted(key)}={_quoted(text(item))}" for key, item in members.items())


def query(raw: str) -> str:
    """A query string that somebody wrote by hand, with what may not stand in a URL percent-encoded."""
    return quote(raw, safe="!$&'()*+,;=:@/?%-._~", errors="replace")


def text(value: Any) -> str:
    """A JSON value as text: what is nested as JSON, null as nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return dumps(value).decode()


def _quoted(raw: str) -> str:
    return quote_plus(raw, errors="replace")


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def _numbers_first(members: dict[str, Any]) -> dict[str, Any]:
    """JavaScript keeps array-index keys in ascending order before all others (ECMA-262 10.1.11)."""
    indices = [k for k in members if _INDEX.fullmatch(k) and int(k) < 2**32 - 1]
    if not indices:
        return members
    indices.sort(key=int)
    return {**{k: members[k] for k in indices}, **members}


def _members(value: msgspec.Struct) -> dict[str, Any]:
    """What a value says: its members without those that say nothing."""
    pairs = [(name, getattr(value, field)) for field, name in _names(type(value))]
    return {name: item for name, item in pairs if item is not None and item != ()}


@lru_cache(maxsize=256)
def _names(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """A struct's fields and what they are called outside. Looked up once: a call has hundreds of structs."""
    return tuple(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return value
