# A source of type asterisk_ari against a websocket server on a real socket that plays captures.

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from aftercall.domain.call import Call
from aftercall.domain.errors import Invalid
from aftercall.domain.project import project
from aftercall.engine.rows import CallQuery
from aftercall.sources.asterisk_ari import session
from aftercall.sources.asterisk_ari.settings import Rest as Settings
from aftercall.sources.asterisk_ari.settings import check
from tests.sources.asterisk import captures as ami
from tests.sources.asterisk.captures import ALL, SOURCE, calls
from tests.sources.asterisk_ari.captures import CHANNELS, as_captured, events
from tests.support.ari import PASSWORD, USERNAME, Rest, add_pbx, connected
from tests.support.certificates import Authority
from tests.support.house import House, house
from tests.support.listened import change, in_state
from tests.support.receiver import Receiver
from tests.support.wait import until


@asynccontextmanager
async def at_home(tmp_path: Path, **config: Any) -> AsyncIterator[House]:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path, **config) as home:
        yield home


def as_of(told: list[dict[str, Any]], last: datetime) -> list[dict[str, Any]]:
    """A capture whose last event happens at this moment."""
    later = last - datetime.fromisoformat(told[-1]["timestamp"])
    return [
        event | {"timestamp": (datetime.fromisoformat(event["timestamp"]) + later).isoformat()}
        for event in told
    ]


async def finished(home: House) -> list[Call]:
    async def over() -> list[Call] | None:
        found = [row.call for row in (await home.app.store.list_calls(home.account_id, CallQuery())).items]
        return found if found and all(call.ended_at for call in found) else None

    return await until(over)


async def error_of(home: House, source: Any, state: str) -> str:
    return (await in_state(home, source, state)).error or ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
async def test_call_is_what_ami_makes_of_it(name: str, tmp_path: Path) -> None:
    expected = project(next(iter(calls(ami.facts(name)).values()))).call
    async with Rest() as pbx, at_home(tmp_path) as home:
        await add_pbx(home, pbx, dialplan=ami.SETTINGS["dialplan"])
        await connected(pbx)
        now = home.clock.now()
        await pbx.play(as_of(events(name), now))
        call = next(c for c in await finished(home) if c.source_call_key == expected.source_call_key)
        assert (call.status, call.reason) == (expected.status, expected.reason)
        assert call.started_at is not None
        assert expected.started_at is not None
        for one, other in ((call.connected_at, expected.connected_at), (call.ended_at, expected.ended_at)):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                lasted = (one - call.started_at) - (other - expected.started_at)
                assert abs(lasted.total_seconds()) <= 0.005


async def test_call_arrives_as_a_webhook(tmp_path: Path) -> None:
    async with Rest() as pbx, Receiver() as receiver, at_home(tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        source = await add_pbx(home, pbx)
        await connected(pbx)
        await pbx.play(as_of(events("17_queue_first_misses_second_answers"), home.clock.now()))
        await finished(home)
        await home.forward(6)
        [request] = await receiver.wait(1)
        body = json.loads(request.body)
        assert (body["status"], body["agent"]["id"], body["queue"]["name"]) == ("answered", "102", "support")
        assert "/ari/events?app=aftercall&subscribeAll=true" in pbx.asked
        status = home.app.connections.status(source)
        assert status is not None
        assert (status.events_per_second or 0) > 0


async def test_call_goes_on_when_the_connection_is_lost(tmp_path: Path) -> None:
    """Channels and bridges are asked for; what is there no more is over."""
    name = "01_inbound_answered_caller_hangs_up"
    async with Rest() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await connected(pbx)
        told = as_of(events(name), home.clock.now())
        kinds = [event["type"] for event in told]
        up = kinds.index("ChannelEnteredBridge")
        await pbx.play(told[:up])
        last = {e[m]["id"]: e[m] for e in told[:up] for m in CHANNELS if e.get(m)}
        pbx.channels = [channel | {"state": "Up"} for channel in last.values()]
        pbx.bridges = [{"id": "b", "technology": "simple_bridge", "channels": list(last)}]

        async def known() -> bool:
            return bool((await home.app.store.list_calls(home.account_id, CallQuery())).items)

        await until(known)
        await pbx.cut()
        await connected(pbx, 2)

        async def goes_on() -> bool:
            rows = (await home.app.store.list_calls(home.account_id, CallQuery())).items
            return [(row.call.phase, row.call.data_quality) for row in rows] == [("connected", ("gap",))]

        await until(goes_on)
        pbx.channels, pbx.bridges = [], []
        await change(home, source, settings=source.settings | {"app": "another"})
        [call] = await finished(home)
        assert (call.status, call.data_quality) == ("answered", ("gap",))
        assert call.agent is not None
        assert call.agent.id == "101"


async def test_pbx_that_does_not_tell_linkedids_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    async with Rest() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await connected(pbx)
        await pbx.play(as_captured("05_inbound_agent_busy")[:1])
        said = await error_of(home, source, "refused")
        assert "channelvars = CHANNEL(linkedid)" in said
        assert (await home.app.store.list_calls(home.account_id, CallQuery())).items == ()


async def test_pbx_that_does_not_tell_linkedids_is_refused_when_channels_are_listed(tmp_path: Path) -> None:
    async with Rest() as pbx, at_home(tmp_path) as home:
        pbx.channels = [as_captured("05_inbound_agent_busy")[0]["channel"]]
        assert "channelvars" in await error_of(home, await add_pbx(home, pbx), "refused")


async def test_wrong_password_is_shown_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Rest() as pbx, at_home(tmp_path) as home:
        wrong = await add_pbx(home, pbx, password="another-s3cret")
        assert "refuses the login" in await error_of(home, wrong, "refused")
        await add_pbx(home, pbx)
        await connected(pbx)
        ours = [record for record in caplog.records if not record.name.startswith("websockets.")]
        said = "".join(record.getMessage() + str(vars(record)) for record in ours)
        assert PASSWORD not in said
        assert "another-s3cret" not in said
        assert "Basic " not in said


@pytest.mark.parametrize(
    "status", [HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE]
)
async def test_interface_that_is_not_there_is_told(tmp_path: Path, status: HTTPStatus) -> None:
    async with Rest() as pbx, at_home(tmp_path) as home:
        pbx.status = status
        source = await add_pbx(home, pbx)

        async def told() -> str | None:
            found = home.app.connections.status(source)
            return found.error if found is not None else None

        said = await until(told)
        assert ("refuses" in said) == (status == HTTPStatus.FORBIDDEN)
        assert str(status.value) in said or status == HTTPStatus.FORBIDDEN


async def test_application_that_is_taken_over_is_told(tmp_path: Path) -> None:
    async with Rest() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await connected(pbx)
        await pbx.play([{"type": "ApplicationReplaced", "application": "aftercall"}])
        assert "choose another `app`" in await error_of(home, source, "refused")


async def test_messages_that_are_no_events_do_no_harm(tmp_path: Path) -> None:
    async with Rest() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await connected(pbx)
        for said in ("", "{", "[1]", "[" * 100_000, b"\xff\xfe"):
            await pbx.say(said)
        text = json.dumps(as_of(events("busy"), home.clock.now())[0])
        await pbx.say([text[:50], text[50:]])  # in two fragments

        async def known() -> bool:
            return bool((await home.app.store.list_calls(home.account_id, CallQuery())).items)

        await until(known)
        assert (await in_state(home, source, "connected")).error is None


async def test_message_that_is_too_long_ends_the_connection(tmp_path: Path) -> None:
    async with Rest() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await connected(pbx)
        await pbx.say("x" * (session.MAX_MESSAGE + 1))
        assert "broke" in await error_of(home, source, "connecting")


async def test_pbx_that_is_silent_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "QUIET", 0.2)
    async with Rest() as pbx, at_home(tmp_path) as home:
        source = await add_pbx(home, pbx)
        await connected(pbx)
        before = home.clock.now()

        async def waited() -> bool:
            return home.clock.now() - before > timedelta(seconds=0.8)

        await until(waited)
        assert (await in_state(home, source, "connected")).error is None
        assert pbx.logins == 1


async def test_connected_when_the_pbx_speaks_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        Rest(tls=authority.context()) as pbx,
        at_home(tmp_path, ca_file=Path(authority.ca_file)) as home,
    ):
        await in_state(home, await add_pbx(home, pbx, tls=True), "connected")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"app": "a b"}, "settings.app"),
        ({"app": "x&subscribeAll=false"}, "settings.app"),
        ({"prefix": "../x"}, "settings.prefix"),
        ({"username": "a:b"}, "settings.username"),
        ({"password": "x"}, "settings.password"),
        ({"host": "pbx\r\nX: y"}, "settings.host"),
        ({"port": 0}, "settings.port"),
    ],
)
def test_settings_when_not_understood(settings: dict[str, Any], field: str) -> None:
    given = {"host": "pbx.example", "username": USERNAME} | settings
    with pytest.raises(Invalid) as caught:
        check(replaced(given))
    assert caught.value.errors[0].field == field


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "ws://pbx.example:8088/ari/events?app=aftercall&subscribeAll=true"),
        ({"tls": True, "app": "crm"}, "wss://pbx.example:8089/ari/events?app=crm&subscribeAll=true"),
        (
            {"host": "2001:db8::1", "port": 80},
            "ws://[2001:db8::1]:80/ari/events?app=aftercall&subscribeAll=true",
        ),
        ({"prefix": "asterisk"}, "ws://pbx.example:8088/asterisk/ari/events?app=aftercall&subscribeAll=true"),
    ],
)
def test_url_when_made_of_settings(settings: dict[str, Any], url: str) -> None:
    made = Settings.of(replaced({"host": "pbx.example", "username": USERNAME} | settings))
    assert made.events == url
    assert PASSWORD not in made.events


def replaced(settings: dict[str, Any]) -> Any:
    import msgspec

    return msgspec.structs.replace(SOURCE, type="asterisk_ari", token=PASSWORD, settings=settings)
