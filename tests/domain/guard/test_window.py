# Hours in all zones of a recipient, and the first moment at which a message may go, across changes of clock (S5).

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercall.domain.guard.window import (
    HORIZON,
    Hours,
    Timetable,
    easter,
    is_holiday,
    is_open,
    minutes,
    next_open,
)
from aftercall.domain.phone import zones

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = frozenset(DAYS)
DAYTIME = (Hours(ALWAYS, minutes("08:00"), minutes("21:00")),)
NIGHT = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
# Zones whose clocks change by an hour, by half an hour, at midnight, and never.
ZONES = (
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Africa/Cairo",
    "Asia/Kolkata", "Pacific/Auckland", "America/Sao_Paulo", "UTC", "Pacific/Apia", "Africa/Casablanca",
)  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "opens"),
    [
        ("+12125551234", "2026-11-20 13:00"),  # one zone
        (
            "+18005551234",
            "2026-11-20 22:00",
        ),  # 42 zones, from the Marianas to the Virgin Islands: all of them
        ("+919876543210", "2026-11-20 03:30"),  # 09:00 there: now
        ("+2348031234567", "2026-11-20 07:00"),
    ],
)
def test_next_open_is_within_all_zones_of_the_number(number: str, opens: str) -> None:
    assert next_open((Timetable(DAYTIME, zones(number)),), NIGHT) == at(opens)


@pytest.mark.parametrize(
    ("local", "opened"),
    [
        ("2026-11-20 12:59", False),
        ("2026-11-20 13:00", True),
        ("2026-11-21 01:59", True),
        ("2026-11-21 02:00", False),
    ],
)
def test_hours_are_half_open(local: str, opened: bool) -> None:
    assert is_open((Timetable(DAYTIME, ("America/New_York",)),), at(local)) is opened


@pytest.mark.parametrize(
    ("opens", "closes", "now", "expected"),
    [
        # New York, 14 March 2027: 02:00 to 03:00 does not exist.
        ("02:30", "05:00", "2027-03-14 05:00", "2027-03-14 07:00"),
        ("08:00", "21:00", "2027-03-14 05:00", "2027-03-14 12:00"),  # an hour earlier than the day before
        # New York, 7 November 2027: 01:00 to 02:00 comes twice.
        ("01:15", "01:45", "2027-11-07 04:00", "2027-11-07 05:15"),
        ("01:15", "01:45", "2027-11-07 05:50", "2027-11-07 06:15"),
        ("00:30", "01:30", "2027-11-07 05:40", "2027-11-07 06:00"),
        ("08:00", "21:00", "2027-11-07 05:00", "2027-11-07 13:00"),
    ],
)
def test_next_open_where_the_clock_is_changed(opens: str, closes: str, now: str, expected: str) -> None:
    hours = (Hours(ALWAYS, minutes(opens), minutes(closes)),)
    assert next_open((Timetable(hours, ("America/New_York",)),), at(now)) == at(expected)


def test_next_open_goes_over_sundays_and_holidays() -> None:
    french = (Hours(ALWAYS - {"sun"}, minutes("08:00"), minutes("22:00"), ("easter+1", "05-01")),)
    saturday_night = at("2026-04-04 21:30")  # before Easter: Sunday and Monday are closed
    assert next_open((Timetable(french, ("Europe/Paris",)),), saturday_night) == at("2026-04-07 06:00")
    assert next_open((Timetable(french, ("Europe/Paris",)),), at("2026-05-01 09:00")) == at(
        "2026-05-02 06:00"
    )


def test_next_open_is_none_when_hours_of_far_zones_never_meet() -> None:
    morning = (Hours(ALWAYS, minutes("09:00"), minutes("10:00")),)
    assert next_open((Timetable(morning, ("Asia/Tokyo", "America/New_York")),), NIGHT) is None


def test_a_timetable_of_several_hours_is_open_in_each() -> None:
    texan = (
        Hours(ALWAYS - {"sun"}, minutes("09:00"), minutes("21:00")),
        Hours(frozenset({"sun"}), minutes("12:00"), minutes("21:00")),
    )
    table = (Timetable(texan, ("America/Chicago",)),)
    assert next_open(table, at("2026-11-22 12:00")) == at("2026-11-22 18:00")
    assert next_open(table, at("2026-11-23 12:00")) == at("2026-11-23 15:00")


@pytest.mark.parametrize(
    ("year", "sunday"),
    [
        (1954, date(1954, 4, 18)),
        (1981, date(1981, 4, 19)),
        (2008, date(2008, 3, 23)),
        (2024, date(2024, 3, 31)),
        (2025, date(2025, 4, 20)),
        (2026, date(2026, 4, 5)),
        (2038, date(2038, 4, 25)),
    ],
)
def test_easter(year: int, sunday: date) -> None:
    assert easter(year) == sunday


@pytest.mark.parametrize(
    ("day", "named", "is_one"),
    [
        (date(2026, 12, 25), "12-25", True),
        (date(2027, 12, 25), "12-25", True),
        (date(2026, 12, 25), "2027-12-25", False),
        (date(2026, 5, 14), "easter+39", True),
        (date(2026, 4, 3), "easter-2", True),
    ],
)
def test_holidays_are_days_dates_and_days_from_easter(day: date, named: str, is_one: bool) -> None:
    assert is_holiday(day, (named,)) is is_one


@st.composite
def timetables(draw: st.DrawFn) -> tuple[Timetable, ...]:
    made = []
    for _ in range(draw(st.integers(1, 2))):
        opens = draw(st.integers(0, 1438))
        hours = Hours(
            frozenset(draw(st.sets(st.sampled_from(DAYS), min_size=1))),
            opens,
            draw(st.integers(opens + 1, 1440)),
        )
        made.append(
            Timetable((hours,), tuple(draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=3))))
        )
    return tuple(made)


# Moments around the changes of clock in both hemispheres, and any others.
CHANGES = (
    "2026-02-14",
    "2026-03-07",
    "2026-03-28",
    "2026-04-04",
    "2026-04-23",
    "2026-10-03",
    "2026-10-24",
    "2026-10-31",
)
moments = st.one_of(
    st.integers(0, 700 * 1440).map(lambda minute: at("2026-01-01") + timedelta(minutes=minute)),
    st.builds(
        lambda day, minute: at(day) + timedelta(minutes=minute),
        st.sampled_from(CHANGES),
        st.integers(0, 2880),
    ),
)


@settings(max_examples=60, deadline=None)
@given(timetables(), moments)
def test_next_open_is_the_first_minute_at_which_all_are_open(
    tables: tuple[Timetable, ...], now: datetime
) -> None:
    days = 3
    found = next_open(tables, now, days)
    end = found if found is not None else now + timedelta(days=days)
    if found is not None:
        assert found >= now
        assert is_open(tables, found)
    # Zones are whole minutes from UTC today, so nothing opens within a minute.
    minute = now
    while minute < end:
        assert not is_open(tables, minute), minute
        minute += timedelta(minutes=1)


@given(timetables(), moments)
@settings(max_examples=100, deadline=None)
def test_next_open_is_within_the_horizon(tables: tuple[Timetable, ...], now: datetime) -> None:
    found = next_open(tables, now)
    assert found is None or now <= found <= now + timedelta(days=HORIZON)
