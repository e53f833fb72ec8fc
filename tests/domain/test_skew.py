# H11: a source's clock that is wrong is found out and put right; what only comes late is left alone.

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.fact import Data, Fact, Kind, Recording
from aftercall.domain.project import project
from aftercall.domain.skew import APART, FARTHEST, FLAG, KEPT, TOLERATED, Skew, shifted

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DELAYS = st.lists(st.floats(0.001, 0.9), min_size=KEPT, max_size=KEPT)
AFTERWARDS = (Kind.COMPLETED, Kind.ENDED, Kind.RECORDING_READY, Kind.ANALYZED, Kind.NOTED)


def heard(at: float, old: float, *, key: str | None = None, kind: Kind = Kind.RINGING) -> Fact:
    """A fact that arrives at this second and tells of something so many seconds before, by its clock."""
    received_at = NOW + timedelta(seconds=at)
    return Fact(
        kind=kind, call_key=key or f"c{at:g}", natural_id="n", received_at=received_at,
        occurred_at=received_at - timedelta(seconds=old),
    )  # fmt: skip


def listen(skew: Skew, *facts: Fact) -> float:
    for fact in facts:
        skew.hear([fact])
    return skew.believed(0.0)


@given(st.integers(-int(FARTHEST) + 1, int(FARTHEST) - 1), DELAYS)
def test_a_constant_skew_is_believed_when_it_is_more_than_delay(off: int, delays: list[float]) -> None:
    skew = Skew()
    believed = listen(skew, *(heard(i * APART, off + delay) for i, delay in enumerate(delays)))
    assert skew.median is not None
    assert off <= skew.median <= off + 1
    if abs(skew.median) > TOLERATED:
        assert believed == pytest.approx(skew.median, abs=0.001)
    else:
        assert believed == 0.0


@given(st.sampled_from(AFTERWARDS), st.floats(0.001, FARTHEST), DELAYS)
def test_what_is_told_after_the_call_is_no_sample_however_late(
    kind: Kind, late: float, delays: list[float]
) -> None:
    skew = Skew()
    told = [heard(i * 60, late + delay, kind=kind) for i, delay in enumerate(delays)]
    assert listen(skew, *told) == 0.0
    assert len(skew) == 0


@given(st.floats(FARTHEST + 1, 40 * 86400.0))
def test_old_events_are_no_sample_whatever_they_tell(age: float) -> None:
    assert listen(Skew(), *(heard(i * 60, age) for i in range(KEPT))) == 0.0


@given(st.floats(5, 600), st.floats(1.5, 100))
def test_a_backlog_that_is_sent_faster_than_it_grew_is_no_skew(outage: float, speed: float) -> None:
    """For so many seconds nothing came; then everything comes, an event a second, so much faster."""
    skew = Skew()
    at, waiting = 0.0, outage
    while waiting > 0:
        assert listen(skew, heard(at, waiting)) == 0.0
        at += 1 / speed
        waiting -= 1 - 1 / speed


def test_one_long_call_proves_nothing() -> None:
    assert listen(Skew(), *(heard(i * 60, 30.0, key="the same") for i in range(KEPT))) == 0.0


def test_times_that_are_those_of_arrival_are_no_sample() -> None:
    skew = Skew()
    listen(skew, *(heard(i * 60, 0.0) for i in range(KEPT)))
    assert len(skew) == 0


def test_the_future_is_a_sample_whoever_tells_it() -> None:
    assert listen(Skew(), *(heard(i * 60, -30.0, kind=Kind.COMPLETED) for i in range(KEPT))) == -30.0


def test_a_clock_that_was_set_right_is_believed_again() -> None:
    skew = Skew()
    assert listen(skew, *(heard(i * 60, 10.0) for i in range(KEPT))) == 10.0
    for i in range(KEPT, KEPT + 15):
        skew.hear([heard(i * 60, 0.1)])
        assert skew.believed(10.0) == 10.0
    for i in range(KEPT + 15, 2 * KEPT):
        skew.hear([heard(i * 60, 0.1)])
    assert skew.believed(10.0) == 0.0


def test_a_small_change_keeps_what_is_believed() -> None:
    skew = Skew()
    listen(skew, *(heard(i * 60, 10.4) for i in range(KEPT)))
    assert skew.believed(10.0) == 10.0


def test_the_freshest_news_of_what_comes_together_counts() -> None:
    """A list of what is still there, after a gap, tells when each call began."""
    skew = Skew()
    skew.hear([heard(0, 300, key="a"), heard(0, 20, key="b"), heard(0, 0.2, key="a")])
    assert skew.median == pytest.approx(0.2)


times = st.integers(0, 86_400_000).map(lambda ms: NOW + timedelta(milliseconds=ms))


@given(st.lists(times, min_size=5, max_size=5), st.floats(-FARTHEST, FARTHEST))
def test_durations_are_what_they_were_and_never_negative(at: list[datetime], off: float) -> None:
    kinds = (Kind.RECEIVED, Kind.AGENT_DIALED, Kind.AGENT_ANSWERED, Kind.CONNECTED, Kind.ENDED)
    facts = [
        Fact(kind=kind, call_key="c", natural_id=kind.value, occurred_at=moment, received_at=NOW - timedelta(9),
             data=Data(ended_at=moment if kind is Kind.ENDED else None))
        for kind, moment in zip(kinds, at, strict=True)
    ]  # fmt: skip
    before, after = project(facts).call, project([shifted(fact, off) for fact in facts]).call
    for name in ("duration_seconds", "talk_time_seconds", "ring_time_seconds"):
        old, new = getattr(before, name), getattr(after, name)
        assert new is None or new >= 0
        assert (old is None) == (new is None)
    assert (FLAG in after.data_quality) == bool(off)


def test_all_times_of_the_clock_are_shifted_and_those_of_arrival_are_not() -> None:
    fact = heard(0, 30.0, kind=Kind.COMPLETED)
    began = fact.occurred_at - timedelta(seconds=60)
    told = Data(started_at=began, ended_at=fact.occurred_at, recording=Recording(started_at=began))
    moved = shifted(msgspec.structs.replace(fact, data=told), 30.0)
    assert moved.occurred_at == moved.data.ended_at == NOW
    assert moved.data.recording is not None
    assert moved.data.started_at == moved.data.recording.started_at == NOW - timedelta(seconds=60)
    assert moved.data.flags == (FLAG,)
    assert shifted(moved, 0.0) is moved
    mine = heard(0, 0.0)
    assert shifted(mine, 30.0) is mine
