"""Times as sources write them: ISO 8601, or seconds or milliseconds since the epoch, to aware UTC."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from aftercall.domain.errors import Invalid
from aftercall.engine.reading import shape

RULE = (
    "must be an ISO 8601 date and time with a zone, such as 2025-08-21T11:02:44Z, or seconds since the epoch"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 1e11  # as seconds that is the year 5138
_SHORTEST = len("20250821T1058")  # a date alone is no moment


def instant(value: Any, field: str, zone: str | None) -> tuple[datetime, bool]:
    """The moment, and whether it was read in `zone` because none was given. Raises Invalid."""
    if type(value) is str:
        at = _written(value, field)
    elif type(value) is int or type(value) is float:
        at = _counted(value, field)
    else:
        raise Invalid.field(field, RULE, shape(value))
    local = at.tzinfo is None
    if local:
        if zone is None:
            raise Invalid.field(
                field, "has no time zone; write one (Z, +05:30) or give the source a time zone", shape(value)
            )
        at = at.replace(tzinfo=_zone(zone))
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise Invalid.field(field, "must lie between 1970 and 2200", shape(value)) from None
    if not _EPOCH <= at < _LAST:
        raise Invalid.field(field, "must lie between 1970 and 2200", shape(value))
    return at, local


def _written(text: str, field: str) -> datetime:
    try:
        if len(text) < _SHORTEST:
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid.field(field, RULE, shape(text)) from None


def _counted(number: float, field: str) -> datetime:
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    if not 0 <= seconds < _MILLISECONDS_FROM:
        raise Invalid.field(field, "must lie between 1970 and 2200", "a number")
    return _EPOCH + timedelta(seconds=seconds)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
