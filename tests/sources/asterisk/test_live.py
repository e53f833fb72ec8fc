# A source of type asterisk against a manager interface on a real socket that plays captures.

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aftercall.domain.project import project
from aftercall.engine.rows import CallQuery, CallRow
from aftercall.sources.asterisk import session
from tests.sources.asterisk.captures import ALL, SETTINGS, calls, facts, first_call, stream
from tests.sources.asterisk.pbx import Pbx
from tests.support.ami import PASSWORD, Manager, add_pbx, as_of, channels, events
from tests.support.certificates import Authority
from tests.support.house import House, house
from tests.support.listened import in_state
from tests.support.receiver import Receiver
from tests.support.wait import until

LOST = "81_ami_connection_lost"


@asynccontextmanager
async def at_home(tmp_path: Path, **config: Any) -> AsyncIterator[House]:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path, **config) as home:
        yield home


async def only_call(home: House, *flags: str) -> CallRow:
    """The one call, once its record is flagged so."""

    async def found() -> CallRow | None:
        rows = (await home.app.store.list_calls(home.account_id, CallQuery())).items
        assert len(rows) <= 1
        return next((row for row in rows if row.call.data_quality == flags), None)

    return await until(found)


async def logged_in(pbx: Manager, times: int) -> None:
    async def enough() -> bool:
        return pbx.logins >= times

    await until(enough)


async def ended(home: House) -> None:
    async def over() -> bool:
        rows = (await home.app.store.list_calls(home.account_id, CallQuery())).items
        return any(row.call.ended_at is not None for row in rows)

    await until(over)
    await home.forward(6)


async def test_call_arrives_as_a_webhook(tmp_path: Path) -> None:
    async with Manager() as pbx, Receiver() as receiver, at_home(tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        source = await add_pbx(home, pbx)
        assert (await in_state(home, source, "connected")).error is None
        pbx.play(as_of(events(stream("01_inbound_answered_caller_hangs_up")), home.clock.now()))
        await ended(home)
        [request] = await receiver.wait(1)
        body = json.loads(request.body)
        assert (body["event"], body["status"], body["direction"]) == ("call.completed", "answered", "inbound")
        assert (body["from"], body["agent"]["id"], body["talk_time_seconds"]) == ("447700900123", "101", 5)
        status = home.app.connections.status(source)
        assert status is not None
        assert status.last_event_at is not None
        assert (status.events_per_second or 0) > 0


async def test_call_arrives_whatever_the_pieces(tmp_path: Path) -> None:
    async with Manager() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        said = as_of(events(stream("missed_noanswer")), home.clock.now())
        await pbx.play_bytewise(said)
        await ended(home)
        call = (await only_call(home)).call
        assert (call.status, call.reason) == ("missed", "no_answer")


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [1, 61])
@pytest.mark.parametrize("name", ALL)
async def test_every_captured_call_arrives_over_a_socket(name: str, pieces: int, tmp_path: Path) -> None:
    """Recorded as the stream alone is read: status, reason, agents, events, and the times within the call."""
    expected = project(first_call(name))
    async with Manager() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx, dialplan=SETTINGS["dialplan"]), "connected")
        pbx.play(as_of(events(stream(name)), home.clock.now()), pieces)
        await ended(home)

        async def settled() -> CallRow | None:
            rows = (await home.app.store.list_calls(home.account_id, CallQuery())).items
            found = next(row for row in rows if row.call_key == expected.call.source_call_key)
            said = await home.app.store.call_events(home.account_id, found.id)
            return found if any(spoken.event.name == "call.completed" for spoken in said) else None

        row = await until(settled)
        call, wanted = row.call, expected.call
        assert (call.status, call.reason, call.direction) == (wanted.status, wanted.reason, wanted.direction)
        assert [(a.agent.id, a.missed, a.reason) for a in call.agents] == [
            (a.agent.id, a.missed, a.reason) for a in wanted.agents
        ]
        assert (call.hangup and call.hangup.by) == (wanted.hangup and wanted.hangup.by)
        assert [d.digit for d in call.digits] == [d.digit for d in wanted.digits]
        assert (call.talk_time_seconds, call.duration_seconds) == (
            wanted.talk_time_seconds,
            wanted.duration_seconds,
        )
        if len(calls(facts(name))) == 1:  # of two linkedids that are one call, the other tells events as well
            said = await home.app.store.call_events(home.account_id, row.id)
            assert Counter(spoken.event.name for spoken in said) == Counter(e.name for e in expected.events)


async def test_call_goes_on_when_the_connection_is_lost(database_url: str, tmp_path: Path) -> None:
    """What the PBX has still is asked for, what it has no more is over; the call says that something was missed."""
    async with Manager() as pbx, Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        await in_state(home, await add_pbx(home, pbx), "connected")
        pbx.play(as_of(events(stream("81_part1")), home.clock.now() - timedelta(seconds=5)))
        assert (await only_call(home)).call.connected_at is None
        pbx.channels = channels(stream("81_part2"))
        pbx.cut()
        await logged_in(pbx, 2)
        row = await only_call(home, "gap")
        assert (row.call.phase, row.call.ended_at) == ("connected", None)
        pbx.channels = []
        pbx.cut()
        await ended(home)
        await receiver.wait(1)
        call = (await only_call(home, "gap")).call
        assert (call.status, call.agent.id if call.agent else None) == ("answered", "101")
        assert call.hangup is not None
        assert call.hangup.by == "unknown"


@pytest.mark.parametrize("queues", [True, False])
async def test_caller_who_waits_is_in_the_queue_again(tmp_path: Path, queues: bool) -> None:
    """A PBX that was never heard before has a caller in a queue, or has no queues at all."""
    async with Manager() as pbx, at_home(tmp_path) as home:
        caller = Pbx(start=home.clock.now()).caller().of(0) | {"ChannelStateDesc": "Up"}
        said = "".join(f"{name}: {value}\r\n" for name, value in caller.items())
        pbx.channels = [f"Event: CoreShowChannel\r\n{said}".encode()]
        entry = "Event: QueueEntry\r\nQueue: support\r\nPosition: 2\r\nUniqueid: 1795168800.0\r\nWait: 30"
        pbx.waiting = [entry.encode()] if queues else None
        source = await add_pbx(home, pbx)
        call = (await only_call(home, "gap", "start_missing")).call
        assert (call.queue.name if call.queue else None) == ("support" if queues else None)
        assert (await in_state(home, source, "connected")).error is None


async def test_call_ends_when_one_of_its_legs_ended_unseen(tmp_path: Path) -> None:
    async with Manager() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        pbx.play(as_of(events(stream("81_part1")), home.clock.now() - timedelta(seconds=5)))
        await only_call(home)
        caller = [channel for channel in channels(stream("81_part2")) if b"PJSIP/carrier" in channel]
        assert len(caller) == 1
        pbx.channels = caller
        pbx.cut()
        await only_call(home, "gap")
        said = events(stream(LOST))
        [hangup] = [m for m in said.split(b"\r\n\r\n") if b"Event: Hangup\r" in m and b"PJSIP/carrier" in m]
        pbx.play(as_of(hangup, home.clock.now()) + b"\r\n\r\n")
        await ended(home)
        assert (await only_call(home, "gap")).call.ended_at is not None


async def test_open_calls_are_flagged_when_channels_may_not_be_listed(tmp_path: Path) -> None:
    async with Manager() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        pbx.play(as_of(events(stream("81_part1")), home.clock.now()))
        await only_call(home)
        pbx.may_list = False
        pbx.cut()
        assert (await only_call(home, "gap")).call.ended_at is None


async def test_wrong_password_is_shown_and_not_tried_again_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Manager() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx, password="another-s3cret")
        status = await in_state(home, source, "refused")
        assert status.error is not None
        assert "refuses the login" in status.error
        assert (pbx.actions.count("Login"), pbx.sessions) == (1, 0)
        said = caplog.text + "".join(str(vars(record)) for record in caplog.records)
        assert "another-s3cret" not in said + status.error


async def test_password_is_never_sent_nor_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Manager() as pbx, at_home(tmp_path) as home:
        await in_state(home, await add_pbx(home, pbx), "connected")
        pbx.cut()
        await logged_in(pbx, 2)
        assert PASSWORD.encode() not in pbx.asked
        assert PASSWORD not in caplog.text + "".join(str(vars(record)) for record in caplog.records)


async def test_password_is_not_sent_in_plain_text_without_tls(tmp_path: Path) -> None:
    async with Manager(challenges=False) as pbx, at_home(tmp_path) as home:
        status = await in_state(home, await add_pbx(home, pbx), "refused")
        assert "TLS" in (status.error or "")
        assert "Login" not in pbx.actions


@pytest.mark.parametrize("challenges", [True, False])
async def test_connected_when_the_pbx_speaks_tls(tmp_path: Path, challenges: bool) -> None:
    authority = Authority(tmp_path)
    async with (
        Manager(tls=authority.context(), challenges=challenges) as pbx,
        at_home(tmp_path, ca_file=Path(authority.ca_file)) as home,
    ):
        await in_state(home, await add_pbx(home, pbx, tls=True), "connected")
        assert (b"Secret: " in pbx.asked) is not challenges


async def test_pbx_that_does_not_answer_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "QUIET", 0.2)
    async with Manager() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await in_state(home, source, "connected")

        async def pinged() -> bool:
            return pbx.actions.count("Ping") >= 2

        await until(pinged)
        assert pbx.logins == 1
        pbx.mute = True
        status = await in_state(home, source, "connecting")
        assert status.error == "the PBX does not answer any more"
        pbx.mute = False
        await logged_in(pbx, 2)


async def test_other_server_is_not_quoted(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 internal.example ESMTP\r\n")
        await reader.read()
        writer.close()

    async with (
        Manager() as pbx,
        await asyncio.start_server(greet, "127.0.0.1", 0) as other,
        at_home(tmp_path) as home,
    ):
        source = await add_pbx(home, pbx, port=other.sockets[0].getsockname()[1])

        async def told() -> str | None:
            found = home.app.connections.status(source)
            return found.error if found is not None else None

        assert await until(told) == "this is no manager interface of Asterisk: its banner is missing"


async def test_address_is_refused_when_the_operator_does_not_allow_it(tmp_path: Path) -> None:
    async with Manager() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx, host="169.254.169.254")

        async def told() -> str | None:
            found = home.app.connections.status(source)
            return found.error if found is not None else None

        assert "may not be dialled" in await until(told)
