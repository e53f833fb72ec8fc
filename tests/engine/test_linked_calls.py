"""Calls that turn out to be one, through the whole server: one record, told once, whatever came first (H8, H16)."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.account import Source
from aftercall.domain.fact import Fact
from aftercall.domain.project import project
from aftercall.engine.accept import Item, Taken
from aftercall.engine.ids import new_id
from aftercall.engine.joined import told_by
from aftercall.engine.rows import CallQuery, CallRow
from tests.sources.asterisk.captures import facts as captured
from tests.support import vendors
from tests.support.house import House, house
from tests.support.receiver import Receiver
from tests.support.wait import until

TRANSFER = "34_attended_transfer_replaces"


async def listed(home: House) -> list[CallRow]:
    return list((await home.app.store.list_calls(home.account_id, CallQuery(limit=200))).items)


async def row(home: House, call_id: str) -> CallRow:
    found = await home.app.store.get_call(home.account_id, call_id)
    assert found is not None
    return found


async def said(home: House, call_id: str) -> list[str]:
    events = await home.app.store.call_events(home.account_id, call_id)
    assert [e.event.sequence for e in events] == list(range(1, len(events) + 1))
    return [e.event.name for e in events]


async def completed(home: House, call_id: str) -> list[str]:
    async def probe() -> list[str] | None:
        names = await said(home, call_id)
        return names if "call.completed" in names else None

    return await until(probe)


def now(home: House, told: Sequence[Fact]) -> list[Fact]:
    """As if it had just happened."""
    later = home.clock.now() - told[-1].occurred_at - timedelta(seconds=1)
    return [msgspec.structs.replace(f, occurred_at=f.occurred_at + later) for f in told]


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
async def test_attended_transfer_is_one_call(database_url: str, tmp_path: Path, seed: int | None) -> None:
    async with house(database_url, tmp_path) as home:
        told = now(home, captured(TRANSFER))
        order = [*told, *told[::7]]
        if seed is not None:
            random.Random(seed).shuffle(order)
        taken = []
        for n in range(0, len(order), 5):
            taken += await home.post(*order[n : n + 5])
        await home.forward(6)
        (call,) = await listed(home)
        names = await completed(home, call.id)
        assert names.count("call.completed") == 1
        expected = project(told).call
        same = msgspec.structs.replace(call.call, links=(), source_call_key=expected.source_call_key)
        assert same == expected
        (other,) = {t.call_id for t in taken} - {call.id}
        merged = await row(home, other)
        assert merged.call.merged_into == call.id
        assert {"call.completed", "call.updated"}.isdisjoint(await said(home, other))
        assert merged.due_at is None
        assert {link.call_id for link in call.call.links} == {call.id, other}


class Story:
    """One call, told by an AI's vendor and by Twilio, which carries it."""

    def __init__(self, home: House, ai: str) -> None:
        self.home, self.ai = home, ai
        self.later = home.clock.now() - vendors.STARTED - vendors.OVER
        self.sources: dict[str, Source] = {}

    async def open(self) -> "Story":
        for type_ in (self.ai, "twilio"):
            source = Source(
                id=new_id("src"), account_id=self.home.account_id, type=type_, token="12345678",
                created_at=self.home.clock.now(), updated_at=self.home.clock.now(),
            )  # fmt: skip
            await self.home.app.store.add_source(source)
            self.sources[type_] = source
        return self

    async def tell(self, type_: str, *messages: bytes) -> list[str]:
        """Post them one by one; the ids of the calls they were taken for."""
        source, ids = self.sources[type_], []
        for body in messages:
            facts = vendors.facts(source, body, vendors.STARTED + vendors.OVER, self.later)
            items = [Item(self.home.account_id, source, fact) for fact in facts]
            results = await self.home.app.intake.accept(items)
            ids += [r.call_id for r in results if isinstance(r, Taken)]
            assert len(results) == len(facts)
        return ids

    async def settle(self) -> None:
        await self.home.forward(130)  # Vapi's report may come two minutes after the end


ORDERS = {
    "the carrier is done before the AI says a word": "TTTT.AAAA",
    "the AI is done before the carrier says a word": "AAAA.TTTT",
    "as it happens": "TATATATA",
    "the carrier completes while the AI's report is still to come": "TATAT.AATA",
    "the AI's first word comes last": "TTT.AAA.TA",
}


@pytest.mark.parametrize("ai", ["vapi", "retell", "elevenlabs"])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
async def test_ai_on_carrier_is_one_call_told_once(
    database_url: str, tmp_path: Path, ai: str, order: str
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.completed", "call.updated"))
        story = await Story(home, ai).open()
        waiting = {"A": iter(vendors.vendor(ai)), "T": iter(vendors.vendor("twilio"))}
        for turn in order:
            if turn == ".":
                await story.settle()
            elif (body := next(waiting[turn], None)) is not None:
                await story.tell(ai if turn == "A" else "twilio", body)
        await story.settle()
        (call,) = await listed(home)
        await completed(home, call.id)
        await home.forward(3)
        record = call.call
        assert (record.status, record.call_type) == ("answered", "ai_agent")
        assert record.agent is not None
        assert record.agent.kind == "ai"
        assert record.transcript is not None
        assert record.analysis is not None
        assert "RE55555555555555555555555555555555" in {r.id for r in record.recordings}
        assert {link.source_id for link in record.links} == {s.id for s in story.sources.values()}
        assert told_by(record, call.source_id) == story.sources[ai].id

        async def everything() -> list[dict[str, Any]] | None:
            sent = [d for d in await home.deliveries() if d.status == "delivered"]
            return (
                [json.loads(r.body) for r in receiver.requests]
                if len(sent) == len(await home.deliveries())
                else None
            )

        bodies = await until(everything)
        assert len({b["event_id"] for b in bodies if b["event"] == "call.completed"}) == 1
        last = max(bodies, key=lambda b: b["revision"])
        assert (last["call_id"], last["status"], last["source_id"]) == (
            call.id, "answered", story.sources[ai].id,
        )  # fmt: skip


@pytest.mark.parametrize("ai", ["vapi", "retell", "elevenlabs"])
async def test_record_when_told_by_two_does_not_depend_on_the_order(tmp_path: Path, ai: str) -> None:
    records = []
    for n, order in enumerate(ORDERS.values()):
        async with house(f"sqlite:///{tmp_path}/{n}.db", tmp_path) as home:
            story = await Story(home, ai).open()
            waiting = {"A": iter(vendors.vendor(ai)), "T": iter(vendors.vendor("twilio"))}
            for turn in order.replace(".", ""):
                if (body := next(waiting[turn], None)) is not None:
                    await story.tell(ai if turn == "A" else "twilio", body)
            (call,) = await listed(home)
            record = msgspec.structs.replace(call.call, links=())
            assert record.started_at is not None
            records.append(relative(msgspec.to_builtins(record), record.started_at))
    for record in records[1:]:
        assert record == records[0]


def relative(value: Any, start: datetime) -> Any:
    """With times as seconds from the start of the call."""
    if isinstance(value, dict):
        return {name: relative(inner, start) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [relative(inner, start) for inner in value]
    try:
        return round((datetime.fromisoformat(value) - start).total_seconds(), 2)
    except (TypeError, ValueError):
        return value
