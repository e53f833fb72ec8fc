# What Kamailio posts to a server with a store, and what a webhook is told: repeats, retries, ends that never come.

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Problem
from aftercall.engine.accept import Item, Taken
from aftercall.engine.enrich import enrich
from aftercall.engine.rows import CallQuery, CallRow
from aftercall.engine.setup import new_source
from aftercall.sources import kamailio
from tests.sources.kamailio.test_calls import bodies
from tests.support.house import House, house
from tests.support.receiver import Receiver
from tests.support.wait import until

DIALOG_TIMEOUT = 3600  # seconds


async def a_source(home: House, **more: Any) -> Source:
    source = new_source(home.account_id, "kamailio", home.clock.now(), **more)
    await home.app.store.add_source(source)
    return source


async def post(home: House, source: Source, *records: bytes | dict[str, Any]) -> list[Taken]:
    """One request, as the ingest route takes it."""
    lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    parsed = kamailio.parse(source, "", {}, b"\n".join(lines))
    settings = await home.app.settings.get(home.account_id)
    assert settings is not None
    items = [Item(home.account_id, source, enrich(fact, settings)) for fact in parsed.facts]
    results = await home.app.intake.accept(items)
    assert not any(isinstance(result, Problem) for result in results)
    return [result for result in results if isinstance(result, Taken)]


async def calls(home: House) -> list[CallRow]:
    return list((await home.app.store.list_calls(home.account_id, CallQuery())).items)


async def said_to_be_over(home: House) -> bool:
    return (await calls(home))[0].call.ended_at is not None


def moved(body: bytes, since: datetime) -> bytes:
    """A captured record at the same place in a call that begins then."""
    record = json.loads(body)
    for name in ("t", "time", "start_time", "end_time", "confirmed_at"):
        if name in record:
            record[name] = type(record[name])(float(record[name]) - 1795168834 + since.timestamp())
    return json.dumps(record).encode()


def created(at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "event": "dialog:created", "time": f"{at.timestamp():.6f}", "callid": "c1", "from_tag": "a",
        "src_user": "+14085551234", "dst_ouser": "+14085559876", "dir": "inbound",
    } | more  # fmt: skip


async def test_posts_that_were_refused_and_come_again_are_one_call_and_one_webhook(
    database_url: str, tmp_path: Path
) -> None:
    """The capture in which the receiver answered 503 four times. Here each post was taken, and its answer lost."""
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        source = await a_source(home)
        since = home.clock.now() - timedelta(seconds=10)
        statuses = []
        for body in bodies("09_http_sink_fails_first.posts.jsonl"):
            statuses += [taken.status for taken in await post(home, source, moved(body, since))]
        assert statuses.count("duplicate") >= 3
        await home.forward(5)
        [request] = await receiver.wait(1)
        body = json.loads(request.body)
        assert (body["status"], body["talk_time_seconds"], body["hangup"]["by"]) == ("answered", 2, "callee")
        await home.forward(60)
        assert [delivery.event for delivery in await home.deliveries()] == ["call.completed"]
        assert len(await calls(home)) == 1


async def test_failed_invite_that_is_posted_twice_is_completed_once(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.ended", "call.completed", "call.updated"))
        source = await a_source(home)
        at = home.clock.now().timestamp()
        invite = {
            "method": "INVITE", "callid": "c1", "from_tag": "a", "to_tag": "b", "sip_code": "486",
            "src_user": "+14085551234", "dst_ouser": "+14085559876", "dir": "inbound",
        }  # fmt: skip
        await post(home, source, invite | {"time": at})
        await home.forward(2)
        await receiver.wait(2)
        taken = await post(home, source, invite | {"time": at + 0.004})
        assert [one.status for one in taken] == ["duplicate"]
        await home.forward(60)
        assert sorted(d.event for d in await home.deliveries()) == ["call.completed", "call.ended"]


@pytest.mark.parametrize("answered", [True, False])
async def test_h4_end_that_never_comes_is_told_a_minute_after_the_dialogs_timeout(
    database_url: str, tmp_path: Path, *, answered: bool
) -> None:
    """Neither dialog:end nor a CDR. The source's watchdog is the proxy's dialog timeout and 60 s."""
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.orphaned", "call.completed"))
        timing = msgspec.structs.replace(kamailio.timing, watchdog=DIALOG_TIMEOUT + 60.0)
        source = await a_source(home, timing=timing)
        at = home.clock.now()
        start = created(at, event="dialog:start", time=f"{at.timestamp() + 2:.6f}")
        await post(home, source, created(at), *([start] if answered else []))
        await home.forward(DIALOG_TIMEOUT)
        assert (await calls(home))[0].call.ended_at is None
        await home.forward(65)
        await until(lambda: said_to_be_over(home))
        await home.forward(5)
        await home.settled("delivered", event="call.orphaned")
        [delivery] = await home.settled("delivered", event="call.completed")
        completed = json.loads(delivery.body)
        expected = ("answered", None) if answered else ("missed", "lost")
        assert (completed["status"], completed["reason"]) == expected
        assert completed["data_quality"] == ["end_missing"]


async def test_h4_bye_after_the_watchdog_corrects_the_call(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.completed", "call.updated"))
        source = await a_source(home, timing=Timing(watchdog=60.0))
        at = home.clock.now()
        start = created(at, event="dialog:start", time=f"{at.timestamp() + 2:.6f}")
        await post(home, source, created(at), start)
        await home.forward(70)
        await until(lambda: said_to_be_over(home))
        await home.forward(5)
        await receiver.wait(1)
        await post(home, source, {
            "method": "BYE", "callid": "c1", "from_tag": "a", "to_tag": "b", "sip_code": "200",
            "time": at.timestamp() + 65, "hangup_by": "caller",
        })  # fmt: skip
        await home.forward(5)
        body = json.loads((await receiver.wait(2))[1].body)
        assert (body["event"], body["revision"]) == ("call.updated", 2)
        assert (body["talk_time_seconds"], body["hangup"]["by"]) == (63, "caller")
        assert "end_missing" not in body.get("data_quality", [])


async def test_default_watchdog_is_the_dialog_modules_twelve_hours_and_a_minute() -> None:
    assert kamailio.timing.watchdog == 12 * 3600 + 60


async def test_overlapping_calls_of_one_caller_are_completed_each(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        source = await a_source(home)
        at = home.clock.now() - timedelta(seconds=30)
        records = []
        for n, callee in enumerate(("+14085559876", "+14085559877")):
            began = at + timedelta(seconds=n)
            record = created(began, callid=f"c{n}", dst_ouser=callee)
            stamps = {
                "start_time": began,
                "answered": at + timedelta(seconds=5),
                "end_time": at + timedelta(seconds=20),
            }
            cdr = {name: f"{moment.timestamp():.6f}" for name, moment in stamps.items()}
            records += [record, record | cdr | {"final": "200"}]
        await post(home, source, *records[::2])  # both ring
        await post(home, source, *records[1::2])
        await home.forward(3)
        told = [json.loads(request.body) for request in await receiver.wait(2)]
        assert {(body["to"], body["duration_seconds"]) for body in told} == {
            ("+14085559876", 20),
            ("+14085559877", 19),
        }
        assert {body["talk_time_seconds"] for body in told} == {15}
