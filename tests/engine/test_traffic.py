# Counting: by minute and hour, over restarts and several nodes, whatever the store does meanwhile.

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.account import Source
from aftercall.domain.errors import Unavailable
from aftercall.engine.inputs import raw_input
from aftercall.engine.metrics import Metrics
from aftercall.engine.source_status import per_minute
from aftercall.engine.traffic import Tally, Traffic
from aftercall.engine.upstream import Request
from tests.support.house import House, house

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = Source(id="src_1", account_id="ac_1", created_at=NOON, updated_at=NOON)


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(database_url, tmp_path) as opened:
        yield opened


def node(home: House, name: str) -> Traffic:
    return Traffic(home.app.store, home.clock, Metrics(), name)


async def total(traffic: Traffic) -> int:
    hours = await traffic.hours("ac_1", "src_1", datetime.now(UTC) - timedelta(hours=23))
    return sum(hour.counts.ignored for hour in hours)


async def test_nodes_add_up_and_nothing_is_counted_twice(home: House) -> None:
    one, two = node(home, "one"), node(home, "two")
    for traffic in (one, two):
        traffic.count(SOURCE, "ignored", 3)
        await traffic.write()
        traffic.count(SOURCE, "ignored", 4)
        await traffic.write()
    one.count(SOURCE, "ignored")  # not written yet: only the node itself knows
    assert (await total(one), await total(two)) == (15, 14)
    assert one.since_start("src_1").ignored == 8


async def test_hours_turn_and_stay(home: House) -> None:
    traffic = node(home, "one")
    for _ in range(5):
        traffic.count(SOURCE, "ignored", 2)
        home.clock.ahead += timedelta(minutes=61)
    await traffic.write()
    rows = await home.app.store.traffic("ac_1", "src_1", 0)
    assert [row.hour.counts.ignored for row in rows] == [2] * 5
    assert await total(traffic) == traffic.since_start("src_1").ignored == 10


async def test_a_store_that_is_away_costs_no_count(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: object) -> None:
        raise Unavailable

    traffic = node(home, "one")
    traffic.count(SOURCE, "ignored", 2)
    monkeypatch.setattr(home.app.store, "put_traffic", away)
    await traffic.write()
    traffic.count(SOURCE, "ignored", 3)
    assert await total(traffic) == 5
    monkeypatch.undo()
    await traffic.write()
    assert await total(node(home, "another")) == 5


async def test_what_a_node_counted_is_there_after_it_stopped(home: House) -> None:
    traffic = node(home, "one")
    traffic.start()
    traffic.count(SOURCE, "ignored", 2)
    await traffic.stop()
    assert await total(node(home, "another")) == 2


async def test_old_hours_and_expired_input_are_dropped(home: House) -> None:
    now = home.clock.now()
    kept = raw_input(SOURCE, Request(url="", body=b"x", now=now), "unparsable", "why")
    assert kept is not None
    await home.app.store.add_inputs([kept])
    home.app.traffic.count(SOURCE, "ignored")
    await home.app.traffic.write()
    assert await home.app.housekeeping.tidy() == 0
    home.clock.ahead = timedelta(days=32)
    assert await home.app.housekeeping.tidy() == 2


@given(st.lists(st.integers(0, 7200), max_size=60), st.integers(0, 7200))
def test_rates_are_those_of_what_came_within_the_time(came: list[int], ends: int) -> None:
    """A minute that lies across the beginning of the window counts in part."""
    tally = Tally("ac_1", "src_1")
    for second in sorted(came):
        tally.count("taken", 1, NOON + timedelta(seconds=second))
    now = NOON + timedelta(seconds=max([ends, *came]))
    found = per_minute(list(tally.unwritten.values()), now)
    for minutes, rate in ((1, found.last_minute), (5, found.last_5_minutes), (60, found.last_hour)):
        past = (now - NOON).total_seconds() - minutes * 60
        inside = sum(second >= (past // 60 + 1) * 60 for second in came)
        touching = sum(second >= past // 60 * 60 for second in came)
        assert inside / minutes - 0.01 <= rate <= touching / minutes + 0.01
