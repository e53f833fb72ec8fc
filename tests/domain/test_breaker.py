"""The circuit breaker (W12): opens after five failures, probes along the schedule, closes on success."""

from datetime import UTC, datetime, timedelta

from aftercall.domain.breaker import OPENS_AFTER, LaneState, failed, given_up, succeeded

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SCHEDULE = (5, 30, 120)
NEW = LaneState(account_id="ac", destination_id="wb")


def failing(times: int, state: LaneState = NEW, now: datetime = NOW) -> LaneState:
    for _ in range(times):
        state = failed(state, now, "timeout", SCHEDULE)
    return state


def test_breaker_stays_closed_before_the_fifth_failure() -> None:
    assert not failing(OPENS_AFTER - 1).is_open


def test_breaker_opens_at_the_fifth_failure_in_a_row() -> None:
    state = failing(OPENS_AFTER)
    assert state.open_until == NOW + timedelta(seconds=5)


def test_breaker_failures_still_in_flight_do_not_push_the_probe_away() -> None:
    assert failing(20).open_until == NOW + timedelta(seconds=5)


def test_breaker_probes_follow_the_schedule_and_stay_at_its_end() -> None:
    state, now, waits = failing(OPENS_AFTER), NOW, []
    for _ in range(4):
        assert state.open_until is not None
        waits.append((state.open_until - now).total_seconds())
        now = state.open_until
        state = failed(state, now, "timeout", SCHEDULE)
    assert waits == [5, 30, 120, 120]


def test_breaker_closes_on_one_success() -> None:
    state = succeeded(failing(7), NOW)
    assert not state.is_open
    assert (state.failures, state.failing_since) == (0, None)


def test_breaker_gives_up_after_a_day_of_nothing_but_failures() -> None:
    state = failing(OPENS_AFTER)
    assert not given_up(state, NOW + timedelta(hours=23, minutes=59))
    assert given_up(state, NOW + timedelta(hours=24))


def test_breaker_counts_the_day_from_the_first_failure_after_a_success() -> None:
    state = failing(1, succeeded(failing(9), NOW), NOW + timedelta(hours=20))
    assert not given_up(state, NOW + timedelta(hours=25))
