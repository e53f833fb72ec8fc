"""Calls that turn out to be one, through the whole server: one record, told once, whatever came first (H8, H16)."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from aftercall.domain.account import Source
from aftercall.domain.fact import Agent, Data, Fact, Kind
from aftercall.domain.project import project
from aftercall.engine.accept import Item, Setting, Taken, look_again
from aftercall.engine.draft import LONG_CALL
from aftercall.engine.ids import new_id
from aftercall.engine.joined import told_by
from aftercall.engine.linking import MOST
from aftercall.engine.rebuild import rebuild
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
async def test_h08_attended_transfer_is_one_call(database_url: str, tmp_path: Path, seed: int | None) -> None:
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
        (other,) = {link.call_id for link in call.call.links} - {call.id}
        assert {t.call_id for t in taken} <= {call.id, other}
        merged = await row(home, other)
        assert merged.call.merged_into == call.id
        assert {"call.completed", "call.updated"}.isdisjoint(await said(home, other))
        assert merged.due_at is None


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
async def test_h16_ai_on_carrier_is_one_call_told_once(
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
async def test_h16_record_does_not_depend_on_the_order(tmp_path: Path, ai: str) -> None:
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


def noted(home: House, key: str, *aliases: str, at: datetime | None = None) -> Fact:
    """A fact that says nothing but that the call goes by other names."""
    return msgspec.structs.replace(home.fact(Kind.NOTED, key, at=at), aliases=aliases)


async def test_h08_both_are_revised_when_both_had_been_completed(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.completed", "call.updated"))
        elder, younger = home.finished("elder", seconds=60), home.finished("younger", seconds=20)
        first, second = await home.post(elder, younger)
        assert first.call_id != second.call_id
        (taken,) = await home.post(noted(home, "younger", "key:elder", at=younger.occurred_at))
        assert taken.call_id == first.call_id
        await home.forward(3)
        bodies = [json.loads(r.body) for r in await receiver.wait(4)]
        updated = {b["call_id"]: b for b in bodies if b["event"] == "call.updated"}
        assert updated.keys() == {first.call_id, second.call_id}
        assert [b["revision"] for b in updated.values()] == [2, 2]
        assert updated[second.call_id]["merged_into"] == first.call_id
        changed = {c["path"]: c["new"] for c in updated[second.call_id]["changes"]}
        assert changed == {"merged_into": first.call_id}
        assert {k["call_key"] for k in updated[first.call_id]["links"]} == {"elder", "younger"}


async def test_h08_merged_call_says_nothing_more(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        elder, younger = home.finished("elder", seconds=60), home.finished("younger", seconds=20)
        first, second = await home.post(elder, younger)
        await home.post(noted(home, "elder", "key:younger"))
        await home.forward(3)
        before = await said(home, second.call_id)
        notes = home.fact(Kind.NOTED, "younger", Data(notes="Late"), at=younger.occurred_at)
        told = await home.post(notes, home.fact(Kind.WRAPPED_UP, "younger", Data(wrap_up_seconds=9)))
        assert {t.call_id for t in told} == {first.call_id}
        (again,) = await home.post(notes)
        assert (again.status, again.call_id) == ("duplicate", first.call_id)
        await home.forward(3)
        survivor = (await row(home, first.call_id)).call
        assert (survivor.notes, survivor.wrap_up_seconds) == ("Late", 9)
        assert await said(home, second.call_id) == before == ["call.ended", "call.completed", "call.updated"]


async def test_h08_key_is_named_before_it_is_heard_of(database_url: str, tmp_path: Path) -> None:
    """The younger call's facts come under a key that was merged before anybody had heard of it."""
    async with house(database_url, tmp_path) as home:
        start = home.clock.now() - timedelta(seconds=60)
        said_first = msgspec.structs.replace(
            home.fact(Kind.RECEIVED, "elder", Data(direction="inbound"), at=start), aliases=("key:younger",)
        )
        (first,) = await home.post(said_first)
        agent = Data(agent=Agent(id="101"))
        (second,) = await home.post(
            home.fact(Kind.CONNECTED, "younger", agent, at=start + timedelta(seconds=9))
        )
        await home.post(home.fact(Kind.ENDED, "elder", at=start + timedelta(seconds=30)))
        assert second.call_id == first.call_id
        (call,) = await listed(home)
        assert (call.call.status, call.call.talk_time_seconds) == ("answered", 21)
        assert call.call.agent == Agent(id="101")


@pytest.mark.parametrize("seed", range(6))
async def test_h16_calls_that_share_names_however_they_come(tmp_path: Path, seed: int) -> None:
    """What hangs together, directly or through others, is one call in the log, and is completed once."""
    dice = random.Random(seed)
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        keys = [f"call-{n}" for n in range(8)]
        pairs = [dice.sample(keys, 2) for _ in range(5)]
        start = home.clock.now() - timedelta(seconds=100)
        told = [
            home.fact(
                Kind.COMPLETED, key, Data(direction="inbound", started_at=start, ended_at=home.clock.now())
            )
            for key in keys
        ]
        for n, (one, two) in enumerate(pairs):
            if dice.random() < 0.5:
                told.append(noted(home, one, f"key:{two}"))
            else:
                told += [noted(home, one, f"twilio:{n}"), noted(home, two, f"twilio:{n}")]
        dice.shuffle(told)
        while told:
            batch = told[: dice.randint(1, 4)]
            told = told[len(batch) :]
            await home.post(*batch)
            await home.forward(dice.choice([0, 3]))
        await home.forward(20)
        groups = components(keys, pairs)
        calls = await listed(home)
        made = {frozenset(link.call_key for link in c.call.links) or frozenset({c.call_key}) for c in calls}
        assert made == groups
        for call in calls:
            names = await completed(home, call.id)
            assert names.count("call.completed") == 1
        linked = [link.call_id for call in calls for link in call.call.links]
        assert len(linked) == len(set(linked))


def components(keys: Sequence[str], pairs: Sequence[Sequence[str]]) -> set[frozenset[str]]:
    found = [{key} for key in keys]
    for one, two in pairs:
        joined = [group for group in found if one in group or two in group]
        found = [group for group in found if group not in joined] + [set().union(*joined)]
    return set(map(frozenset, found))


async def test_h13_long_call_goes_on_from_its_last_state_after_a_transfer(tmp_path: Path) -> None:
    """A conference of hours, joined by a consultation: it is not folded from its start each time (promise 3)."""
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        start = home.clock.now() - timedelta(hours=4)
        told = [home.fact(Kind.RECEIVED, "elder", Data(direction="inbound"), at=start)]
        agent = Data(agent=Agent(id="101"))
        told += [
            home.fact(kind, "elder", agent, at=start + timedelta(seconds=20 * n + offset))
            for n in range(LONG_CALL // 2)
            for kind, offset in ((Kind.CONNECTED, 1), (Kind.DISCONNECTED, 11))
        ]
        talked = LONG_CALL // 2 * 10
        (first, *_) = await home.post(*told)
        await home.post(noted(home, "younger", "key:elder", at=start + timedelta(hours=3)))
        for n in range(5):
            at = start + timedelta(hours=3, seconds=60 * n + 1)
            joined = home.fact(Kind.CONNECTED, ("elder", "younger")[n % 2], agent, at=at)
            left = home.fact(
                Kind.DISCONNECTED, ("younger", "elder")[n % 2], agent, at=at + timedelta(seconds=7)
            )
            taken = await home.post(joined, left)
            assert {t.call_id for t in taken} == {first.call_id}
            call = await row(home, first.call_id)
            assert call.fold is not None
        await home.post(home.fact(Kind.ENDED, "younger", at=home.clock.now()))
        call = await row(home, first.call_id)
        assert call.call.talk_time_seconds == talked + 5 * 7
        assert await differences(home) == []


async def test_h16_rebuild_finds_linked_calls_as_they_should_be(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        story = await Story(home, "vapi").open()
        for type_ in ("twilio", "vapi"):
            await story.tell(type_, *vendors.vendor(type_))
        await home.post(*now(home, captured(TRANSFER)))
        assert len(await listed(home)) == 2
        assert await differences(home) == []


async def differences(home: House) -> list[Any]:
    """What `rebuild` would correct."""
    calls = await listed(home)
    linked = [link.call_id for call in calls for link in call.call.links]
    asked = [(home.account_id, id_) for id_ in {*linked, *(call.id for call in calls)}]
    return await rebuild(home.app.store, asked, home.clock.now(), write=False)


async def test_h14_reused_name_does_not_link_with_the_call_that_had_it(tmp_path: Path) -> None:
    """A PBX that counts anew uses an id again a day later: the transfer then concerns the new calls (H14)."""
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        named = msgspec.structs.replace(home.finished("a"), aliases=("pbx:7",))
        (old,) = await home.post(named)
        await home.forward(24 * 3600)
        (new,) = await home.post(msgspec.structs.replace(home.finished("b"), aliases=("pbx:7",)))
        assert new.call_id != old.call_id
        assert [call.call.links for call in await listed(home)] == [(), ()]


async def test_h08_ai_hands_on_to_a_person_and_the_call_goes_on(database_url: str, tmp_path: Path) -> None:
    """The AI's record ends when it has left; Twilio tells that Jordan answered, and of the end minutes later."""
    async with house(database_url, tmp_path) as home:
        story = await Story(home, "vapi").open()
        story.later -= timedelta(seconds=200)
        lines = (
            (vendors.SOURCES_DIRECTORY / "twilio/fixtures/inbound_answered.jsonl").read_text().splitlines()
        )
        bodies = [urlencode(json.loads(line)["params"]).encode() for line in lines]
        child = [
            b.replace(b"11%3A03%3A04", b"11%3A03%3A50") for b in bodies[3:6]
        ]  # Jordan answers after the AI
        left = bodies[6].replace(b"CallDuration=251", b"CallDuration=205")
        await story.tell("twilio", bodies[0], bodies[1])
        await story.tell("vapi", *vendors.vendor("vapi"))
        ai = (await listed(home))[0].call
        assert (ai.duration_seconds, ai.talk_time_seconds) == (62, 60)
        await story.tell("twilio", *child, left, bodies[8])
        (call,) = await listed(home)
        record = call.call
        assert [(leg.agent.kind, leg.agent.id) for leg in record.agents] == [
            ("ai", "as-1"),
            ("human", "jordan"),
        ]
        assert (record.status, record.duration_seconds, record.talk_time_seconds) == (
            "answered",
            272,
            60 + 205,
        )
        assert record.transcript is not None
        assert await differences(home) == []


async def test_h08_webhook_that_waits_for_a_merged_call_gets_the_survivors(tmp_path: Path) -> None:
    async with Receiver() as receiver, house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        await home.webhook(receiver.url("/hook"), hold_for=("wrap_up",), hold_seconds=60)
        start = home.clock.now() - timedelta(seconds=50)
        (first,) = await home.post(home.fact(Kind.RECEIVED, "elder", Data(direction="inbound"), at=start))
        await home.post(home.finished("younger", seconds=20))
        await home.post(noted(home, "elder", "key:younger"))
        await home.post(home.fact(Kind.ENDED, "elder", Data(final=True)))
        await home.forward(61)
        (request,) = await receiver.wait(1)
        assert json.loads(request.body)["call_id"] == first.call_id
        await home.forward(61)
        assert len(await home.deliveries()) == 1


async def test_h14_transfer_is_of_the_calls_that_were_on_then(tmp_path: Path) -> None:
    """Both keys are used again within minutes; a late word on the first transfer does not touch the new calls."""
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        a, b = home.finished("a", seconds=60), home.finished("b", seconds=20)
        first, second = await home.post(a, b)
        await home.forward(120)
        starts = [home.fact(Kind.RECEIVED, key, Data(direction="inbound")) for key in ("a", "b")]
        third, fourth = await home.post(*starts)
        await home.post(noted(home, "b", "key:a", at=b.occurred_at))
        assert (await row(home, second.call_id)).call.merged_into == first.call_id
        for taken in (third, fourth):
            call = (await row(home, taken.call_id)).call
            assert (call.links, call.merged_into) == ((), None)


async def test_h16_name_that_everybody_has_does_not_make_one_call_of_all(tmp_path: Path) -> None:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        for n in range(6):
            told = [home.finished(f"{n}-{i}") for i in range(10)]
            await home.post(*(msgspec.structs.replace(f, aliases=("vapi:unknown",)) for f in told))
        linked = [call for call in await listed(home) if call.call.links]
        assert max(len(call.call.links) for call in linked) == MOST
        assert len(await listed(home)) == 60 - MOST + 1


async def test_h16_linked_call_and_a_plain_one_come_due_together(tmp_path: Path) -> None:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        start = home.clock.now() - timedelta(seconds=5)
        ends = [home.fact(Kind.ENDED, key, at=start) for key in ("plain", "one", "two")]
        await home.post(*ends, noted(home, "one", "key:two", at=start))
        ids = sorted((home.account_id, call.id) for call in await listed(home))
        settings = await home.app.settings.get(home.account_id)
        assert settings is not None
        later = home.clock.now() + timedelta(seconds=11)
        setting = Setting({home.account_id: settings}, {}, home.app.dispatcher, later)
        async with home.app.store.begin() as work:
            done = await look_again(work, await work.lock_calls(ids), setting)
        assert len(done.completed) == 2
