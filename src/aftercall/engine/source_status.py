"""How a source is doing: what it sends, what became of it, its clock and connection, what needs somebody (R1)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.skew import TOLERATED
from aftercall.engine.clocks import Measured
from aftercall.engine.holding import Connection, Gap
from aftercall.engine.input_rows import Counts, Hour

DAY = timedelta(hours=23)  # with the hour that has begun

Health = Literal["ok", "attention", "down", "silent", "paused"]


class PerMinute(msgspec.Struct, frozen=True):
    """Events a minute, on average over the time named."""

    last_minute: float
    last_5_minutes: float
    last_hour: float


class ClockStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`skew_seconds` is the running median of received - occurred, `corrected_by` what times are shifted by."""

    mode: Literal["auto", "trust"]
    skew_seconds: float | None
    samples: int
    corrected_by: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    health: Health
    notes: tuple[str, ...]
    last_event_at: datetime | None
    events_per_minute: PerMinute
    last_day: Counts
    clock: ClockStatus
    connection: Connection | None
    gaps: tuple[Gap, ...]


def standing(
    source: Source,
    hours: Sequence[Hour],
    measured: Measured,
    connection: Connection | None,
    gaps: tuple[Gap, ...],
    now: datetime,
) -> Standing:
    """`hours` are those of the last day, on all nodes, or the last there were before."""
    since = int((now - DAY).timestamp()) // 3600
    last_day = Counts()
    for hour in hours:
        if hour.number >= since:
            last_day.merge(hour.counts)
    last_at = max((hour.last_at for hour in hours if hour.last_at is not None), default=None)
    clock = ClockStatus(
        mode="auto" if source.corrects_clock else "trust",
        skew_seconds=None if measured.skew is None else round(measured.skew, 3),
        samples=measured.samples,
        corrected_by=source.clock_skew if source.corrects_clock else 0.0,
    )
    notes = _notes(last_day, clock)
    return Standing(
        health=_health(source, connection, last_at, notes),
        notes=tuple(notes),
        last_event_at=last_at,
        events_per_minute=per_minute(hours, now),
        last_day=last_day,
        clock=clock,
        connection=connection,
        gaps=gaps,
    )


def per_minute(hours: Sequence[Hour], now: datetime) -> PerMinute:
    """The minute that has begun counts whole, the one that began the window as far as it is within."""
    passed, seconds = divmod(int(now.timestamp()), 60)
    counts: dict[int, int] = {}
    for hour in hours:
        for slot, count in enumerate(hour.minutes):
            minute = hour.number * 60 + slot
            counts[minute] = counts.get(minute, 0) + count

    def over(minutes: int) -> float:
        whole = sum(counts.get(passed - back, 0) for back in range(minutes))
        return round((whole + counts.get(passed - minutes, 0) * (1 - seconds / 60)) / minutes, 2)

    return PerMinute(over(1), over(5), over(60))


def _health(
    source: Source, connection: Connection | None, last_at: datetime | None, notes: Sequence[str]
) -> Health:
    if source.status == "paused":
        return "paused"
    if connection is not None and connection.state in ("connecting", "refused"):
        return "down"
    if notes:
        return "attention"
    return "ok" if last_at is not None or connection is not None else "silent"


def _notes(last_day: Counts, clock: ClockStatus) -> list[str]:
    notes = []
    if last_day.unparsable:
        notes.append(f"{last_day.unparsable} records of the last day could not be read: see its inputs.")
    if last_day.refused:
        notes.append(
            f"{last_day.refused} requests of the last day were refused: a wrong token or signature, too large,"
            " sent while it was paused, or not stored."
        )
    if last_day.limited:
        notes.append(f"{last_day.limited} requests of the last day were too many at once.")
    if last_day.gaps:
        notes.append(f"The connection was lost {last_day.gaps} times in the last day.")
    skew = clock.corrected_by or clock.skew_seconds or 0.0
    if abs(skew) > TOLERATED:
        way = "behind" if skew > 0 else "ahead of"
        what = "times are put right" if clock.corrected_by else "times are taken as they are"
        notes.append(f"Its clock seems {abs(skew):.1f} s {way} ours; {what}.")
    return notes
