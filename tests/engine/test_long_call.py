"""A call of hundreds of facts over both stores: folded on from its last state, whatever comes in which order."""

import random
from datetime import timedelta
from pathlib import Path

import msgspec

from aftercall.domain.fact import Agent, Data, Fact, Kind
from aftercall.domain.project import project
from aftercall.engine.draft import LONG_CALL
from aftercall.engine.rows import CallRow
from tests.support.house import House, house
from tests.support.receiver import Receiver


def conference(home: House, count: int) -> list[Fact]:
    """People are rung, answer and leave again, for four hours."""
    start = home.clock.now() - timedelta(hours=4)
    facts = [home.fact(Kind.RECEIVED, "c1", Data(direction="inbound", from_="+14085551234"), at=start)]
    kinds = (Kind.AGENT_DIALED, Kind.AGENT_ANSWERED, Kind.DISCONNECTED)
    for n in range(1, count):
        fact = home.fact(
            kinds[n % 3], "c1", Data(agent=Agent(id=f"ag_{n // 3}")), at=start + timedelta(seconds=n)
        )
        facts.append(msgspec.structs.replace(fact, leg=f"leg-{n // 3}", natural_id=f"{n:04}"))
    return facts


async def row_of(home: House, call_id: str) -> CallRow:
    row = await home.app.store.get_call(home.account_id, call_id)
    assert row is not None
    return row


async def test_long_call_is_the_whole_of_its_facts_in_any_order(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        facts = conference(home, 600)
        late = facts.pop(20)
        order = sorted(
            facts, key=lambda f: f.occurred_at.timestamp() + random.Random(f.natural_id).random() * 9
        )
        taken = await home.post(*order[:100])
        for first in range(100, len(order), 7):
            await home.post(*order[first - 3 : first + 7])
        row = await row_of(home, taken[0].call_id)
        assert (row.facts, row.fold is not None) == (599, True)
        assert row.call == project(facts).call
        await home.post(late)  # older than all that is kept
        assert (await row_of(home, row.id)).call == project([*facts, late]).call


async def test_each_event_of_a_long_call_is_said_once(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.agent_answered",))
        await home.post(*conference(home, 1)[:1])
        await home.forward(1)  # past the gate
        facts = conference(home, 300)[1:]
        for first in range(0, len(facts), 30):
            await home.post(*facts[first + 15 : first + 30])
            await home.post(*facts[first : first + 15])
        requests = await receiver.wait(100)
        assert len({request.header("webhook-id") for request in requests}) == len(requests) == 100


async def test_long_call_goes_on_from_a_state_it_cannot_read(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        facts = conference(home, LONG_CALL + 20)
        taken = await home.post(*facts[:-1])
        row = await row_of(home, taken[0].call_id)
        async with home.app.store.begin() as work:
            unread = msgspec.structs.replace(row, fold=b"of another version", version=row.version + 1)
            await work.update_calls([unread])
        await home.post(facts[-1])
        assert (await row_of(home, row.id)).call == project(facts).call


async def test_end_of_a_long_call_that_never_came_is_said(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.orphaned",))
        facts = conference(home, LONG_CALL + 20)
        taken = await home.post(*facts)
        await home.forward(4 * 3600 + 1)
        await receiver.wait(1)
        row = await row_of(home, taken[0].call_id)
        assert row.call.ended_at is not None
        assert "end_missing" in row.call.data_quality
