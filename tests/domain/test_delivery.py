"""The one retry policy (W6): schedule, jitter, Retry-After, 410, exhaustion."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.delivery import RETRY_AFTER_CAP, SCHEDULE, Outcome, settle

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
FAILED = Outcome(ok=False, error="status", status_code=500)


def test_settle_delivered_when_ok() -> None:
    assert settle(Outcome(ok=True), 1, NOW).status == "delivered"


@pytest.mark.parametrize(("attempt", "seconds"), list(enumerate(SCHEDULE, start=1)))
def test_settle_waits_as_the_schedule_says(attempt: int, seconds: int) -> None:
    settled = settle(FAILED, attempt, NOW)
    assert (settled.status, settled.due_at) == ("pending", NOW + timedelta(seconds=seconds))


def test_settle_gives_up_after_six_retries() -> None:
    settled = settle(FAILED, len(SCHEDULE) + 1, NOW)
    assert (settled.status, settled.reason) == ("failed", "exhausted")


def test_settle_stops_at_410() -> None:
    settled = settle(Outcome(ok=False, error="gone", gone=True), 1, NOW)
    assert (settled.status, settled.reason) == ("failed", "gone")


def test_settle_stops_when_trying_again_makes_no_sense() -> None:
    assert settle(Outcome(ok=False, error="invalid_url", retry=False), 1, NOW).reason == "invalid_url"


def test_settle_honours_retry_after() -> None:
    settled = settle(Outcome(ok=False, error="status", retry_after=42.0), 1, NOW, jitter=1.0)
    assert settled.due_at == NOW + timedelta(seconds=42)


def test_settle_caps_retry_after_at_an_hour() -> None:
    settled = settle(Outcome(ok=False, error="status", retry_after=1e9), 1, NOW)
    assert settled.due_at == NOW + timedelta(seconds=RETRY_AFTER_CAP)


@given(st.floats(-1, 1), st.integers(1, 6))
def test_settle_jitter_moves_the_wait_by_a_fifth_at_most(jitter: float, attempt: int) -> None:
    due = settle(FAILED, attempt, NOW, jitter=jitter).due_at
    assert due is not None
    assert 0.8 <= (due - NOW).total_seconds() / SCHEDULE[attempt - 1] <= 1.2


def test_settle_follows_a_schedule_of_ones_own() -> None:
    assert settle(FAILED, 1, NOW, schedule=(1,)).due_at == NOW + timedelta(seconds=1)
    assert settle(FAILED, 2, NOW, schedule=(1,)).status == "failed"
