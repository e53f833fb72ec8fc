# A source of type freeswitch against an event socket on a real socket that plays written streams (pbx.py).

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aftercall.engine.rows import CallQuery, CallRow
from aftercall.sources.freeswitch import session
from aftercall.sources.freeswitch.count import ORDINARY
from aftercall.sources.freeswitch.framing import MAX_BODY
from tests.sources.freeswitch import scenarios
from tests.sources.freeswitch.pbx import DID, Pbx
from tests.sources.freeswitch.test_scenarios import OUTCOMES
from tests.support.certificates import Authority
from tests.support.esl import EventSocket, add_freeswitch
from tests.support.house import House, house
from tests.support.listened import in_state
from tests.support.receiver import Receiver
from tests.support.wait import until

A, B = "a-0000-4000", "b-0000-4000"


@asynccontextmanager
async def at_home(tmp_path: Path, **config: Any) -> AsyncIterator[House]:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path, **config) as home:
        yield home


def live(home: House, pbx: Pbx) -> Pbx:
    """The same calls, whose last event happens now."""
    return pbx.as_of(home.clock.now())


async def rows(home: House) -> list[CallRow]:
    return list((await home.app.store.list_calls(home.account_id, CallQuery())).items)


async def the_call(home: House, wanted: Callable[[CallRow], bool], key: str = A) -> CallRow:
    async def found() -> CallRow | None:
        return next(
            (row for row in await rows(home) if row.call.source_call_key == key and wanted(row)), None
        )

    return await until(found)


def over(row: CallRow) -> bool:
    return row.call.ended_at is not None


def flagged(row: CallRow) -> bool:
    return "gap" in row.call.data_quality


async def logged_in(pbx: EventSocket, times: int) -> None:
    async def enough() -> bool:
        return pbx.logins >= times

    await until(enough)


def beginning() -> Pbx:
    """A call as far as it has been answered."""
    return Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").talk(5, "a", "b")


def row(leg: str, call: str, **more: str) -> dict[str, str]:
    """One of `show channels as json`."""
    ours = {"name": "sofia/internal/101@192.0.2.9", "direction": "outbound"}
    theirs = {"name": "sofia/external/+14085551234@198.51.100.7", "direction": "inbound"}
    shown = {"uuid": leg, "call_uuid": call, "callstate": "ACTIVE", "cid_num": "+14085551234"}
    return shown | (theirs if leg == call else ours) | more


TALKING = [row(A, A), row(B, A)]
BRIDGED = [{"uuid": A, "b_uuid": B}]


async def test_call_arrives_as_a_webhook(tmp_path: Path) -> None:
    async with EventSocket() as pbx, Receiver() as receiver, at_home(tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        source = await add_freeswitch(home, pbx)
        assert (await in_state(home, source, "connected")).error is None
        pbx.play(live(home, scenarios.answered()).said)
        await the_call(home, over)
        await home.forward(6)
        [request] = await receiver.wait(1)
        body = json.loads(request.body)
        assert (body["event"], body["status"], body["direction"]) == ("call.completed", "answered", "inbound")
        assert (body["to"], body["agent"]["id"], body["talk_time_seconds"]) == (DID, "101", 60)
        assert body["custom_fields"] == {"crm": "A 17"}
        status = home.app.connections.status(source)
        assert status is not None
        assert status.last_event_at is not None


async def test_all_scenarios_at_once_in_odd_pieces(tmp_path: Path) -> None:
    """Each call of a PBX of its own, read in pieces of seventeen bytes."""
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_freeswitch(home, pbx), "connected")
        for n, make in enumerate(scenarios.ALL):
            made = live(home, make())
            said = made.said.replace(b"-0000-4000", f"-{n:04}-4000".encode()).replace(
                b"c0de-01", b"c0de-%02d" % n
            )
            pbx.play(said, 17)
        for n, make in enumerate(scenarios.ALL):
            call = (await the_call(home, over, f"a-{n:04}-4000")).call
            assert (call.status, call.reason) == OUTCOMES[make.__name__][:2]


async def test_call_arrives_byte_by_byte(tmp_path: Path) -> None:
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_freeswitch(home, pbx), "connected")
        await pbx.play_bytewise(live(home, scenarios.missed()).said)
        call = (await the_call(home, over)).call
        assert (call.status, call.reason) == ("missed", "no_answer")


async def test_what_is_asked_of_the_pbx(tmp_path: Path) -> None:
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_freeswitch(home, pbx), "connected")
        await in_state(home, await add_freeswitch(home, pbx, all_events=True), "connected")
        first, second = pbx.subscriptions
        assert first.startswith("event json CHANNEL_CREATE ")
        assert "HEARTBEAT" in first.partition(" CUSTOM ")[0]  # what follows CUSTOM are subclasses
        assert second == "event json ALL"


async def test_call_goes_on_when_the_connection_is_lost(database_url: str, tmp_path: Path) -> None:
    async with EventSocket() as pbx, Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        await in_state(home, await add_freeswitch(home, pbx), "connected")
        told = live(home, Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b"))
        pbx.play(told.said)
        await the_call(home, lambda row: row.call.phase == "dialing")
        pbx.channels, pbx.calls = TALKING, BRIDGED
        pbx.cut()
        await logged_in(pbx, 2)
        found = await the_call(home, flagged)
        assert (found.call.phase, found.call.ended_at) == ("connected", None)
        told.events.clear()
        told.start = home.clock.now()
        pbx.play(told.unbridge(0, "a", "b").gone(0, "a", how="recv_bye").gone(0, "b").said)
        found = await the_call(home, over)
        await home.forward(6)
        await receiver.wait(1)
        assert (found.call.status, found.call.data_quality) == ("answered", ("gap",))


async def test_calls_are_over_when_the_pbx_was_restarted(tmp_path: Path) -> None:
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_freeswitch(home, pbx), "connected")
        pbx.play(live(home, beginning()).said)
        await the_call(home, lambda row: row.call.connected_at is not None)
        pbx.cut()
        found = await the_call(home, over)
        assert found.call.hangup is not None
        assert (found.call.hangup.by, found.call.data_quality) == ("unknown", ("gap",))
        await logged_in(pbx, 2)
        pbx.play(live(home, Pbx("c0de-2", seq=1).caller(leg="n").gone(1, "n", how="recv_cancel")).said)
        assert (await the_call(home, over, "n-0000-4000")).call.data_quality == ()


async def test_events_that_were_lost_are_made_up_for(tmp_path: Path) -> None:
    """The count jumps: the PBX is asked what it still has."""
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_freeswitch(home, pbx), "connected")
        told = live(home, beginning())
        pbx.play(told.said)
        await the_call(home, lambda row: row.call.connected_at is not None)
        pbx.channels = [row(A, A)]
        pbx.play(Pbx(seq=told.seq + 2 * ORDINARY).say(0, "HEARTBEAT").said)
        found = await the_call(home, flagged)
        assert (found.call.ended_at, pbx.logins) == (None, 1)
        pbx.channels = []
        pbx.play(Pbx(seq=told.seq + 4 * ORDINARY).say(0, "HEARTBEAT").said)
        assert (await the_call(home, over)).call.status == "answered"


async def test_open_calls_are_flagged_when_channels_may_not_be_listed(tmp_path: Path) -> None:
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_freeswitch(home, pbx), "connected")
        pbx.play(live(home, beginning()).said)
        await the_call(home, lambda row: row.call.connected_at is not None)
        pbx.may_list = False
        pbx.cut()
        assert (await the_call(home, flagged)).call.ended_at is None


async def test_wrong_password_is_shown_and_not_tried_again_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        source = await add_freeswitch(home, pbx, password="another-s3cret")
        status = await in_state(home, source, "refused")
        assert status.error == "the PBX refuses the password"
        assert (len(pbx.asked), pbx.sessions) == (1, 0)
        said = caplog.text + "".join(str(vars(record)) for record in caplog.records)
        assert "another-s3cret" not in said


async def test_address_that_is_not_let_in_is_said_so(tmp_path: Path) -> None:
    async with EventSocket(rude=True) as pbx, at_home(tmp_path) as home:
        status = await in_state(home, await add_freeswitch(home, pbx), "refused")
        assert "apply-inbound-acl" in (status.error or "")
        assert pbx.asked == []  # the password was not sent


async def test_connected_through_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        EventSocket(tls=authority.context()) as pbx,
        at_home(tmp_path, ca_file=Path(authority.ca_file)) as home,
    ):
        await in_state(home, await add_freeswitch(home, pbx, tls=True), "connected")


async def test_pbx_that_does_not_answer_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "QUIET", 0.2)
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        source = await add_freeswitch(home, pbx)
        await in_state(home, source, "connected")

        async def asked() -> bool:
            return pbx.asked.count("api uptime") >= 2

        await until(asked)
        assert pbx.logins == 1
        pbx.mute = True
        status = await in_state(home, source, "connecting")
        assert status.error == "the PBX does not answer any more"
        pbx.mute = False
        await logged_in(pbx, 2)


async def test_pbx_that_does_not_list_its_channels_is_lost(tmp_path: Path) -> None:
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        pbx.lists_nothing = True
        source = await add_freeswitch(home, pbx)
        await in_state(home, source, "connected")
        await home.forward(session.QUIET + 1)
        pbx.play(Pbx().say(0, "HEARTBEAT").said)
        status = await in_state(home, source, "connecting")
        assert status.error == "the PBX does not list its channels"


async def test_goodbye_ends_the_connection_and_it_is_made_again(tmp_path: Path) -> None:
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        source = await add_freeswitch(home, pbx)
        await in_state(home, source, "connected")
        pbx.say_goodbye()
        assert (await in_state(home, source, "connecting")).error == "the PBX has said goodbye"
        await logged_in(pbx, 2)


async def test_event_that_is_too_large_ends_the_connection(tmp_path: Path) -> None:
    async with EventSocket() as pbx, at_home(tmp_path) as home:
        source = await add_freeswitch(home, pbx)
        await in_state(home, source, "connected")
        pbx.play(b"Content-Length: %d\nContent-Type: text/event-json\n\n" % (MAX_BODY + 1))
        status = await in_state(home, source, "connecting")
        assert status.error == "the PBX sent a message that is too large"


async def test_other_server_is_not_quoted(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 internal.example ESMTP\n\n")
        await reader.read()
        writer.close()

    other = await asyncio.start_server(greet, "127.0.0.1", 0)
    pbx = EventSocket()
    pbx.port = other.sockets[0].getsockname()[1]
    async with at_home(tmp_path) as home:
        status = await in_state(home, source := await add_freeswitch(home, pbx), "connecting")

        async def failed() -> str | None:
            found = home.app.connections.status(source)
            return found.error if found is not None else None

        error = status.error or await until(failed)
        assert error == "this is no event socket of FreeSWITCH: its greeting is missing"
    other.close()
    await other.wait_closed()
