"""Hazards that the engine holds off: watchdogs, holds, restarts, ids used again, two sources, test calls."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.account import Source
from aftercall.domain.fact import Agent, Data, Fact, Kind
from aftercall.domain.project import project
from aftercall.engine.accept import Item, Taken
from aftercall.engine.draft import LONG_CALL
from aftercall.engine.enrich import enrich
from aftercall.engine.ids import new_id
from aftercall.engine.rows import CallQuery, CallRow
from aftercall.sources import freeswitch_cdr
from tests.sources.asterisk.captures import stream
from tests.sources.freeswitch_cdr.test_freeswitch_cdr import legs
from tests.support.ami import Manager, add_pbx, as_of, events
from tests.support.house import House, house
from tests.support.listened import in_state
from tests.support.receiver import Receiver
from tests.support.wait import until


async def test_h07_webhook_that_waits_gets_one_message_with_everything(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), hold_for=("wrap_up",))
        await home.post(home.finished("c1"))
        await home.post(home.fact(Kind.WRAPPED_UP, "c1", Data(wrap_up_seconds=20)))
        (request,) = await receiver.wait(1)
        assert json.loads(request.body)["wrap_up_seconds"] == 20


async def test_h07_webhook_does_not_wait_for_ever(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), hold_for=("wrap_up", "analysis"), hold_seconds=60)
        await home.post(home.finished("c1"))
        assert not await home.deliveries()
        await home.forward(61)
        (request,) = await receiver.wait(1)
        assert json.loads(request.body)["event"] == "call.completed"


async def test_h04_watchdog_completes_a_call_whose_end_never_came(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.orphaned", "call.completed"))
        await home.post(home.fact(Kind.RECEIVED, "c1", Data(direction="inbound", from_="+14085551234")))
        await home.forward(4 * 3600 + 1)
        bodies = [json.loads(r.body) for r in await receiver.wait(2)]
        assert {b["event"] for b in bodies} == {"call.orphaned", "call.completed"}
        completed = next(b for b in bodies if b["event"] == "call.completed")
        assert (completed["status"], completed["reason"]) == ("missed", "lost")


async def test_h14_later_start_under_a_reused_id_is_a_new_call(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        (first,) = await home.post(home.finished("c1"))
        await home.forward(10)
        start = home.fact(Kind.RECEIVED, "c1", Data(direction="inbound"))
        (second,) = await home.post(start)
        (again,) = await home.post(start)
        assert first.call_id != second.call_id
        assert (again.status, again.call_id) == ("duplicate", second.call_id)


async def calls(home: House) -> list[CallRow]:
    return list((await home.app.store.list_calls(home.account_id, CallQuery(limit=200))).items)


async def only(home: House) -> CallRow:
    (call,) = await calls(home)
    return call


async def said(home: House, call: CallRow) -> list[str]:
    return [e.event.name for e in await home.app.store.call_events(home.account_id, call.id)]


async def source_of(home: House, type_: str) -> Source:
    now = home.clock.now()
    made = Source(
        id=new_id("src"),
        account_id=home.account_id,
        type=type_,
        token="12345678",
        created_at=now,
        updated_at=now,
    )
    await home.app.store.add_source(made)
    return made


async def post(home: House, source: Source, *facts: Fact) -> list[Any]:
    return await home.app.intake.accept([Item(home.account_id, source, fact) for fact in facts])


async def test_h04_end_that_comes_after_all_is_a_revision(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        await home.post(home.fact(Kind.RECEIVED, "c1", Data(direction="inbound")))
        await home.forward(4 * 3600 + 1)
        call = await only(home)
        await until(lambda: completed(home, call))
        agent = Data(agent=Agent(id="101"))
        await home.post(home.fact(Kind.CONNECTED, "c1", agent), home.fact(Kind.ENDED, "c1"))
        await home.forward(3)
        await until(lambda: revised(home, call))
        told = (await only(home)).call
        assert (told.status, told.data_quality) == ("answered", ())


async def completed(home: House, call: CallRow) -> bool:
    return "call.completed" in await said(home, call)


async def revised(home: House, call: CallRow) -> bool:
    return "call.updated" in await said(home, call)


async def test_h04_watchdog_starts_anew_with_each_fact(tmp_path: Path) -> None:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        await home.post(home.fact(Kind.RECEIVED, "c1", Data(direction="inbound")))
        for _ in range(3):
            await home.forward(3 * 3600)
            await home.post(home.fact(Kind.DTMF, "c1", Data(digit="1")))
        call = await only(home)
        assert call.call.ended_at is None
        assert "call.orphaned" not in await said(home, call)


async def test_h13_call_of_hours_goes_on_after_a_restart(database_url: str, tmp_path: Path) -> None:
    """A long conference, and a new version of the server installed in the middle of it."""
    async with house(database_url, tmp_path) as home:
        start = home.clock.now() - timedelta(hours=4)
        agent = Data(agent=Agent(id="101"))
        told = [home.fact(Kind.RECEIVED, "c1", Data(direction="inbound", from_="+14085551234"), at=start)]
        for n in range(LONG_CALL + 100):
            kind = (Kind.CONNECTED, Kind.DISCONNECTED)[n % 2]
            told.append(home.fact(kind, "c1", agent, at=start + timedelta(seconds=40 * n + 5)))
        await home.post(*told[:-50])
        before = await only(home)
        assert before.fold is not None
    async with house(database_url, tmp_path) as home:
        rest = [*told[-50:], home.fact(Kind.ENDED, "c1")]
        await home.post(*rest)
        await home.forward(11)
        after = await only(home)
        assert after.id == before.id
        assert after.call == project([*told, *rest]).call
        names = await until(lambda: said_completed(home, after))
        assert len(names) == len(project([*told, *rest]).events)


async def said_completed(home: House, call: CallRow) -> list[str] | None:
    names = await said(home, call)
    return names if "call.completed" in names else None


async def test_h14_fact_of_the_earlier_call_still_finds_it(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        earlier = home.finished("c1")
        (first,) = await home.post(earlier)
        await home.forward(60)
        (second,) = await home.post(home.fact(Kind.RECEIVED, "c1", Data(direction="inbound")))
        late = home.fact(Kind.NOTED, "c1", Data(notes="of the first"), at=earlier.occurred_at)
        (noted,) = await home.post(late)
        assert first.call_id != second.call_id
        assert noted.call_id == first.call_id


async def test_h14_two_sources_with_the_same_ids_are_two_calls(tmp_path: Path) -> None:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        other = await source_of(home, "http")
        await home.post(home.finished("1795168800.0"))
        await post(home, other, home.finished("1795168800.0"))
        assert len(await calls(home)) == 2


def named(said: bytes) -> bytes:
    """As a PBX with a `systemname` says it."""
    return said.replace(b"\r\n\r\n", b"\r\nSystemName: pbx1\r\n\r\n")


async def test_h14_calls_of_a_pbx_that_was_restarted_are_over(tmp_path: Path) -> None:
    """FullyBooted tells how long the PBX has been up: what began before has ended with it."""
    async with Manager() as pbx, house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        pbx.play(as_of(events(stream("04_inbound_caller_abandons_ringing")).partition(b"Event: HangupRequest")[0],
                       home.clock.now()))  # fmt: skip
        await until(lambda: ringing(home))
        pbx.uptime = 0
        pbx.cut()
        call = await until(lambda: over(home))
        assert (call.call.status, call.call.reason) == ("missed", "pbx_restart")
        assert call.call.data_quality == ("gap",)


async def ringing(home: House) -> bool:
    return any(call.call.agents for call in await calls(home))


async def over(home: House) -> CallRow | None:
    return next((call for call in await calls(home) if call.call.ended_at is not None), None)


async def test_h15_calls_that_vanished_in_a_gap_end_flagged_and_a_cdr_heals_them(tmp_path: Path) -> None:
    """The connection is lost while they talk, and the call is over when it is there again. The PBX's own record,
    posted by another source, knows when it ended.
    """
    async with Manager() as pbx, house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        talking = events(stream("01_inbound_answered_caller_hangs_up")).partition(b"Event: HangupRequest")[0]
        pbx.play(named(as_of(talking, home.clock.now() - timedelta(seconds=60))))
        await until(lambda: ringing(home))
        pbx.cut()
        lost = (await until(lambda: over(home))).call
        assert (lost.status, lost.data_quality) == ("answered", ("gap",))
        ended = home.clock.now() - timedelta(seconds=30)
        assert lost.started_at is not None
        record = home.fact(Kind.COMPLETED, "cdr-1", Data(
            direction="inbound", status="answered", started_at=lost.started_at, connected_at=lost.connected_at,
            ended_at=ended, final=True,
        ))  # fmt: skip
        await home.post(msgspec.structs.replace(record, aliases=(f"asterisk:{lost.source_call_key}",)))
        healed = (await only(home)).call
        assert (healed.status, healed.ended_at, healed.data_quality) == ("answered", ended, ())
        assert healed.agent is not None
        assert healed.agent.id == "101"


async def test_h16_two_sources_of_one_pbx_are_one_call(database_url: str, tmp_path: Path) -> None:
    """mod_json_cdr posts to two sources of one account: an old one and its successor."""
    async with house(database_url, tmp_path) as home:
        for _ in range(2):
            source = await source_of(home, "freeswitch_cdr")
            for leg in legs("inbound_answered"):
                parsed = freeswitch_cdr.parse(source, "", {}, json.dumps(leg).encode())
                results = await post(home, source, *parsed.facts)
                assert all(isinstance(result, Taken) for result in results)
        call = await only(home)
        assert len(call.call.links) == 2
        assert call.call.status == "answered"
        assert [leg.agent.id for leg in call.call.agents] == ["101"]


async def test_h21_test_calls_are_told_as_such_and_not_counted(tmp_path: Path) -> None:
    async with Receiver() as receiver, house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        await home.post(home.finished("real"), home.finished("test", is_test=True))
        bodies = [json.loads(r.body) for r in await receiver.wait(2)]
        assert sorted(b["is_test"] for b in bodies) == [False, True]
        counted = home.app.metrics.text()
        assert 'aftercall_calls_total{status="answered"} 1' in counted


@pytest.mark.parametrize(
    "raw",
    ["anonymous", "<unknown>", "Restricted", "+266696687", '"Anonymous" <sip:anonymous@anonymous.invalid>'],
)  # fmt: skip
async def test_h22_withheld_numbers_are_no_numbers(tmp_path: Path, raw: str) -> None:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        settings = await home.app.settings.get(home.account_id)
        assert settings is not None
        await home.post(enrich(home.finished("c1", from_=raw), settings))
        call = (await only(home)).call
        assert (call.from_, call.from_presentation, call.customer_number) == (None, "anonymous", None)


@pytest.mark.parametrize(
    ("country", "raw", "e164"),
    [
        ("GB", "020 7946 0101", "+442079460101"),
        ("IN", "098765 43210", "+919876543210"),
        ("US", "(408) 555-1234", "+14085551234"),
        ("GB", "0014085551234", "+14085551234"),
        (None, "020 7946 0101", "020 7946 0101"),
        ("GB", "101", "101"),
    ],
)
async def test_h22_national_numbers_are_read_in_the_accounts_country(
    tmp_path: Path, country: str | None, raw: str, e164: str
) -> None:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        account = await home.app.store.get_account(home.account_id)
        assert account is not None
        changed = msgspec.structs.replace(account, country=country, version=account.version + 1)
        await home.app.store.update_account(changed)
        settings = await home.app.store.settings(home.account_id)
        assert settings is not None
        await home.post(enrich(home.finished("c1", from_=raw), settings))
        assert (await only(home)).call.from_ == e164


async def test_h04_silent_call_of_a_pbx_that_is_connected_is_alive(tmp_path: Path) -> None:
    """A conference in which nothing happens for hours: its end would have been told."""
    async with Manager() as pbx, house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        talking = events(stream("01_inbound_answered_caller_hangs_up")).partition(b"Event: HangupRequest")[0]
        pbx.play(as_of(talking, home.clock.now()))
        await until(lambda: ringing(home))
        (connection,) = home.app.connections._held.values()
        for _ in range(3):
            await home.forward(3 * 3600)
            await connection.say_alive()
            await until(lambda: heard_lately(home))
        call = await only(home)
        assert (call.call.phase, call.call.data_quality) == ("connected", ())
        await home.forward(4 * 3600 + 1)
        await until(lambda: completed(home, call))
        assert "end_missing" in (await only(home)).call.data_quality


async def heard_lately(home: House) -> bool:
    return (home.clock.now() - (await only(home)).speech.last_heard_at).total_seconds() < 60
