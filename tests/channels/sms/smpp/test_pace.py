# How submits slow down after a complaint and recover (S3).

import pytest

from aftercall.channels.sms.smpp.pace import LOWEST, Pace


class Time:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_without_a_complaint_there_is_no_limit() -> None:
    pace = Pace(Time())
    for _ in range(1000):
        await pace.turn()
    assert pace.rate is None


async def test_a_complaint_halves_the_rate_there_was() -> None:
    pace = Pace(Time())
    for _ in range(100):
        await pace.turn()
    pace.throttled()
    assert pace.rate == 50


async def test_complaints_at_the_same_time_are_one() -> None:
    time = Time()
    pace = Pace(time)
    for _ in range(100):
        await pace.turn()
    for _ in range(10):
        pace.throttled()
    assert pace.rate == 50
    time.seconds += 1.5
    pace.throttled()
    assert pace.rate == 25


async def test_the_rate_has_a_floor() -> None:
    time = Time()
    pace = Pace(time)
    for _ in range(20):
        pace.throttled()
        time.seconds += 2
    assert pace.rate == LOWEST


async def test_the_rate_grows_until_there_is_no_limit() -> None:
    time = Time()
    pace = Pace(time)
    for _ in range(100):
        await pace.turn()
    pace.throttled()
    time.seconds += 2
    await pace.turn()
    assert pace.rate == pytest.approx(70)
    time.seconds += 20
    await pace.turn()
    assert pace.rate is None
