"""How far a source's clock is from ours (H11): the running median of received - occurred, in seconds.

Positive: its clock is behind, or what it says takes long to arrive; a difference cannot tell which. So a skew is
believed only when many samples of several calls agree on it, taken some seconds apart, so that a backlog sent all
at once counts little. Only what is told while a call goes on is a sample: a report at the end of a call, or later,
comes when it comes. What is said to have happened in the future is always one.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import msgspec

from aftercall.domain.fact import Data, Fact, Kind

TOLERATED = 2.0  # seconds; less is delay, or a clock of whole seconds
FARTHEST = 900.0  # seconds; more is old news, or a wrong time zone, and no matter of clocks
KEPT = 31  # samples
APART = 5.0  # seconds between samples
NEEDED = 9  # samples before anything is believed
CALLS = 3  # that they must come from
AGREE = 0.8  # of the samples must lie within
NEAR = 1.5  # seconds of the median
STEP = 1.0  # seconds by which the median must have moved before another skew is believed

PROGRESS = frozenset(Kind) - {
    Kind.ENDED, Kind.COMPLETED, Kind.ORPHANED, Kind.VOICEMAIL_LEFT, Kind.RECORDING_READY, Kind.RECORDING_FAILED,
    Kind.TRANSCRIPT_READY, Kind.TRANSCRIPT_FAILED, Kind.ANALYZED, Kind.ANALYSIS_FAILED, Kind.ANALYSIS_SKIPPED,
    Kind.DISPOSITION_UPDATED, Kind.WRAPPED_UP, Kind.NOTED,
}  # fmt: skip
FLAG = "clock_skew"


class Skew:
    """The samples of one source."""

    def __init__(self) -> None:
        self._samples: deque[tuple[str, float]] = deque(maxlen=KEPT)
        self._last_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def median(self) -> float | None:
        return median(seconds for _, seconds in self._samples) if self._samples else None

    def hear(self, facts: Sequence[Fact]) -> None:
        """What arrived at one moment: the freshest news of it is a sample."""
        at = facts[-1].received_at if facts else None
        if at is None or (self._last_at is not None and abs((at - self._last_at).total_seconds()) < APART):
            return
        latest: dict[str, Fact] = {}
        for fact in facts:
            known = latest.get(fact.call_key)
            if known is None or fact.occurred_at > known.occurred_at:
                latest[fact.call_key] = fact
        found = [sample for fact in latest.values() if (sample := _sample(fact)) is not None]
        if found:
            self._samples.append(min(found, key=lambda sample: abs(sample[1])))
            self._last_at = at

    def believed(self, so_far: float) -> float:
        """The skew to go by from now on, 0 for none. What was believed so far stays unless there is proof."""
        middle = self.median
        if middle is None or len(self._samples) < NEEDED or len({key for key, _ in self._samples}) < CALLS:
            return so_far
        near = sum(abs(seconds - middle) <= NEAR for _, seconds in self._samples)
        if near < AGREE * len(self._samples):
            return so_far
        if abs(middle) <= TOLERATED:
            return 0.0
        return so_far if so_far and abs(middle - so_far) < STEP else round(middle, 3)


def _sample(fact: Fact) -> tuple[str, float] | None:
    """A call's latest fact tells how old its news are."""
    if fact.received_at is None or not has_own_time(fact):
        return None
    seconds = (fact.received_at - fact.occurred_at).total_seconds()
    if abs(seconds) > FARTHEST or (seconds >= 0 and fact.kind not in PROGRESS):
        return None
    return fact.call_key, seconds


def has_own_time(fact: Fact) -> bool:
    """Whether its time is the source's. Where a source says none, that of arrival stands in its place."""
    return fact.occurred_at != fact.received_at


def shifted(fact: Fact, seconds: float) -> Fact:
    """The fact with the times of its source's clock put right, and flagged."""
    if not seconds:
        return fact
    by = timedelta(seconds=seconds)
    data = fact.data
    changes: dict[str, Any] = {
        name: at + by
        for name in ("started_at", "answered_at", "connected_at", "ended_at")
        if _is_own(at := getattr(data, name), fact)
    }
    if data.recording is not None and data.recording.started_at is not None:
        started_at = data.recording.started_at + by
        changes["recording"] = msgspec.structs.replace(data.recording, started_at=started_at)
    if not has_own_time(fact) and not changes:
        return fact
    at = fact.occurred_at + by if has_own_time(fact) else fact.occurred_at
    return msgspec.structs.replace(fact, occurred_at=at, data=_flagged(data, changes))


def _is_own(at: datetime | None, fact: Fact) -> bool:
    return at is not None and at != fact.received_at


def _flagged(data: Data, changes: dict[str, Any]) -> Data:
    flags = data.flags if FLAG in data.flags else (*data.flags, FLAG)
    return msgspec.structs.replace(data, **changes, flags=flags)
