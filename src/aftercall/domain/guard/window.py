"""Hours: whether messages may go at a moment, and the first moment at which they may, across changes of clock."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

HORIZON = 14  # days; what does not open for so long never does, as far as a message is concerned
_ABBREVIATED = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(msgspec.Struct, frozen=True):
    """A part of a timetable: on these days that are no holidays, minutes [opens, closes) of the local day."""

    days: frozenset[str]
    opens: int
    closes: int
    holidays: tuple[str, ...] = ()


class Timetable(msgspec.Struct, frozen=True):
    """Open where any of its hours are, in each of its zones."""

    hours: tuple[Hours, ...]
    zones: tuple[str, ...]


def is_open(timetables: Iterable[Timetable], at: datetime) -> bool:
    """Whether all of them are open in all of their zones."""
    return all(
        _open_in(table.hours, at.astimezone(zone)) for table in timetables for zone in _known(table.zones)
    )


def next_open(timetables: Sequence[Timetable], now: datetime, days: int = HORIZON) -> datetime | None:
    """The first moment from `now` on at which all are open; None where there is none within so many days.

    All hours are half-open, so the times at which all are open begin where those of one of them do: at its
    opening time, or where a clock is put over it. It is enough to try these moments in order.
    """
    if is_open(timetables, now):
        return now
    last = now + timedelta(days=days)
    for day in range(days + 1):
        start = now + timedelta(days=day)
        begins = {at for at in _openings(timetables, start) if start < at <= start + timedelta(days=1)}
        for at in sorted(begins):
            if at <= last and is_open(timetables, at):
                return at
    return None


def minutes(clock: str) -> int:
    """Minutes since midnight of a time of day such as 08:00; 24:00 is the end of the day."""
    return int(clock[:2]) * 60 + int(clock[3:])


def is_holiday(day: date, holidays: tuple[str, ...]) -> bool:
    """`holidays` are days of the year (12-25), dates (2026-12-25) and days from Easter Sunday (easter+1)."""
    return bool(holidays) and (
        day.isoformat() in holidays or f"{day:%m-%d}" in holidays or _from_easter(day) in holidays
    )


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone of an IANA name; None where there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _open_in(hours: tuple[Hours, ...], local: datetime) -> bool:
    day, minute = _ABBREVIATED[local.weekday()], local.hour * 60 + local.minute
    return any(
        part.opens <= minute < part.closes
        and day in part.days
        and not is_holiday(local.date(), part.holidays)
        for part in hours
    )


def _openings(timetables: Sequence[Timetable], start: datetime) -> Iterator[datetime]:
    """Moments at which a timetable may begin to be open, within the day from `start` on at least."""
    for zone in {zone for table in timetables for zone in _known(table.zones)}:
        yield from _changes(zone, start)
        first = start.astimezone(zone).date()
        for day in (first, first + timedelta(days=1)):
            for opens in {part.opens for table in timetables for part in table.hours}:
                local = datetime.combine(day, time(opens // 60, opens % 60), tzinfo=zone)
                yield local.astimezone(UTC)
                yield local.replace(fold=1).astimezone(UTC)  # the second time where the clock was put back


def _changes(zone: ZoneInfo, start: datetime) -> Iterator[datetime]:
    """The moment within the day from `start` on at which the zone's clock is put forward or back."""
    low, high = start, start + timedelta(days=1)
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield high.replace(microsecond=0)


@lru_cache(maxsize=256)
def _known(names: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    return tuple(zone for name in names if (zone := zone_named(name)))


def _from_easter(day: date) -> str:
    return f"easter{(day - easter(day.year)).days:+d}"


@lru_cache(maxsize=16)
def easter(year: int) -> date:
    """Easter Sunday, by Gauss's rule with the corrections for the Gregorian calendar."""
    golden = year % 19
    century = year // 100
    moon = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    moon -= moon // 28 * (1 - moon // 28 * (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    offset = moon - weekday
    month = 3 + (offset + 40) // 44
    return date(year, month, offset + 28 - 31 * (month // 4))
