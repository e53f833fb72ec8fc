# Who holds a source's connection: one node of the fleet, as long as the source is wanted, and nothing heard is lost.

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Busy, Unavailable
from aftercall.domain.fact import Data, Fact, Kind
from aftercall.engine import holding, inflow
from aftercall.engine.accept import Item
from aftercall.engine.connections import SETTLED
from aftercall.engine.fleet import BEAT, DEAD_AFTER
from aftercall.engine.rows import CallQuery
from aftercall.engine.upstream import Lost, Parsed, Reply, Request, Upstream
from tests.support.ami import Manager, add_pbx
from tests.support.house import House, house
from tests.support.listened import change, in_state
from tests.support.wait import until

SOURCES = 6


@asynccontextmanager
async def at_home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        yield home


async def sessions(pbx: Manager, count: int) -> None:
    async def reached() -> bool:
        return pbx.sessions == count

    await until(reached)


async def settle(*homes: House) -> None:
    """Everybody learns of everybody, and waits as long as it takes to be sure."""
    for home in homes:
        await home.app.fleet.beat()
        home.app.connections.wake()
    for home in homes:
        await until(partial(noticed, home))
        await home.forward(SETTLED)
        home.app.connections.wake()


async def noticed(home: House) -> bool:
    return home.app.connections._buckets == home.app.fleet.buckets


async def kill(home: House) -> None:
    """As kill -9 would: no heartbeat, no farewell, nothing committed any more."""
    connections = home.app.connections
    tasks = [home.app.fleet._task, connections._task, *(h._task for h in connections._held.values())]
    holding_tasks = [task for task in tasks if task is not None]
    for task in holding_tasks:
        task.cancel()
    await asyncio.gather(*holding_tasks, return_exceptions=True)


def holders(source: Source, *homes: House) -> list[str]:
    found = [home.app.connections.status(source) for home in homes]
    return sorted(status.state for status in found if status is not None)


@pytest.mark.postgres
async def test_one_of_two_nodes_holds_a_connection_and_the_other_takes_over(
    postgres_database: str, tmp_path: Path
) -> None:
    async with Manager() as pbx, house(postgres_database, tmp_path, node_name="a") as first:
        made = [await add_pbx(first, pbx) for _ in range(SOURCES)]
        await sessions(pbx, SOURCES)
        async with house(postgres_database, tmp_path, node_name="b") as second:
            await settle(first, second)
            await sessions(pbx, SOURCES)

            async def shared() -> bool:
                return all(holders(s, first, second) == ["connected", "elsewhere"] for s in made)

            await until(shared)
            assert pbx.most == SOURCES
            await kill(first)
            for _ in range(3):
                await second.forward(DEAD_AFTER / 2)
            second.app.connections.wake()
            for source in made:
                await in_state(second, source, "connected")
            await sessions(pbx, SOURCES)


@pytest.mark.postgres
async def test_node_that_leaves_hands_over(postgres_database: str, tmp_path: Path) -> None:
    async with Manager() as pbx, house(postgres_database, tmp_path, node_name="a") as first:
        async with house(postgres_database, tmp_path, node_name="b") as second:
            await settle(first, second)
            made = [await add_pbx(second, pbx) for _ in range(SOURCES)]
            await sessions(pbx, SOURCES)
        await first.forward(BEAT)
        first.app.connections.wake()
        for source in made:
            await in_state(first, source, "connected")
        assert pbx.most == SOURCES


async def test_node_that_may_be_thought_dead_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Manager() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        fleet = home.app.fleet
        monkeypatch.setattr(fleet, "buckets", tuple(range(256)))
        monkeypatch.setattr(type(fleet), "silent", True)
        await sessions(pbx, 0)


async def test_paused_source_is_disconnected_until_it_is_resumed(tmp_path: Path) -> None:
    async with Manager() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await sessions(pbx, 1)
        source = await change(home, source, status="paused")
        await sessions(pbx, 0)
        assert home.app.connections.status(source) is None
        source = await change(home, source, status="enabled")
        await in_state(home, source, "connected")
        assert await home.app.store.delete_source(home.account_id, source.id, home.clock.now())
        home.app.dispatcher.forget(home.account_id)
        await sessions(pbx, 0)


async def test_suspended_account_is_disconnected(tmp_path: Path) -> None:
    async with Manager() as pbx, at_home(tmp_path) as home:
        await add_pbx(home, pbx)
        await sessions(pbx, 1)
        account = await home.app.store.get_account(home.account_id)
        assert account is not None
        await home.app.store.update_account(
            msgspec.structs.replace(account, status="suspended", version=account.version + 1)
        )
        home.app.dispatcher.forget(home.account_id)
        await sessions(pbx, 0)


async def test_changed_settings_make_a_new_connection_and_a_new_name_does_not(tmp_path: Path) -> None:
    async with Manager() as pbx, Manager() as other, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await sessions(pbx, 1)
        source = await change(home, source, name="Head office")

        async def renamed() -> bool:
            return home.app.connections._held[source.id].source.name == "Head office"

        await until(renamed)
        assert (pbx.logins, pbx.sessions) == (1, 1)
        await change(home, source, settings=source.settings | {"port": other.port})
        await sessions(other, 1)
        await sessions(pbx, 0)


class Fake:
    """A type whose connection tells so many facts at once, and then lasts."""

    def __init__(self, facts: Sequence[Fact] = (), error: Exception | None = None) -> None:
        self.timing = Timing()
        self.facts, self.error = facts, error
        self.runs, self.told = 0, 0
        self.reply = Reply()

    def check(self, source: Source) -> None: ...

    def verify(self, source: Source, request: Request) -> None: ...

    def read(self, source: Source, request: Request) -> Parsed:
        return Parsed()

    async def run(self, source: Source, upstream: Upstream) -> None:
        self.runs += 1
        if self.error is not None:
            raise self.error
        upstream.connected()
        for fact in self.facts:
            await upstream.deliver([fact])
            self.told += 1
        await asyncio.Event().wait()


@asynccontextmanager
async def held(home: House, fake: Any) -> AsyncIterator[holding.Holding]:
    into = inflow.Inflow(home.source, home.app.settings, home.app.intake)
    made = holding.Holding(fake, into, home.app.store, home.clock, home.app.door.connect)
    try:
        yield made
    finally:
        made.let_go()
        await made.until_gone()


def started(home: House, count: int) -> list[Fact]:
    data = Data(direction="inbound", from_="+14085551234")
    return [home.fact(Kind.RECEIVED, f"c{n}", data) for n in range(count)]


async def test_facts_wait_when_the_store_cannot_take_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflow, "MAX_WAITING", 10)
    async with at_home(tmp_path) as home:
        accept, refused = home.app.intake.accept, asyncio.Event()

        async def full(items: Sequence[Item]) -> Any:
            refused.set()
            raise Busy if len(items) % 2 else Unavailable

        monkeypatch.setattr(home.app.intake, "accept", full)
        fake = Fake(started(home, 30))
        async with held(home, fake):
            await refused.wait()

            async def stopped_reading() -> bool:
                return fake.told == 9  # the tenth was kept, and its teller waits

            await until(stopped_reading)
            monkeypatch.setattr(home.app.intake, "accept", accept)

            async def stored() -> bool:
                return len((await home.app.store.list_calls(home.account_id, CallQuery())).items) == 30

            await until(stored)


async def test_what_was_heard_is_committed_when_the_connection_is_let_go_of(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        fake = Fake(started(home, 30))
        async with held(home, fake):

            async def told() -> bool:
                return fake.told == 30

            await until(told)
        assert len((await home.app.store.list_calls(home.account_id, CallQuery())).items) == 30


@pytest.mark.parametrize("error", [Lost("away"), Unavailable("later"), ValueError("a bug")])
async def test_lost_connection_is_made_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(holding, "FIRST_WAIT", 0.001)
    async with at_home(tmp_path) as home:
        fake = Fake(error=error)
        async with held(home, fake) as made:

            async def again() -> bool:
                return fake.runs >= 5

            await until(again)
            status = made.status()
            assert status.state == "connecting"
            expected = {"Lost": "away", "Unavailable": "later"}.get(type(error).__name__)
            assert expected is None or status.error == expected
            assert "a bug" not in (status.error or "")
