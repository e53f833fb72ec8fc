"""H4: a vendor is asked whether a call is still on before the watchdog ends it. The vendors are real HTTP servers."""

import json
import logging
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from aftercall.domain.account import Source, Timing
from aftercall.engine import jwt, liveness
from aftercall.engine.accept import Item, Taken
from aftercall.engine.rows import CallQuery, CallRow
from aftercall.net import question
from aftercall.sources import SOURCES, retell, twilio
from tests.engine.test_connections import settle
from tests.support.house import House, house
from tests.support.listened import add_source, change
from tests.support.receiver import BEHAVIOURS, Answer, Receiver
from tests.support.vendors import SOURCES_DIRECTORY, STARTED, facts, retold, vendor
from tests.support.wait import until

SECRET = "APIkey:a-secret-of-tests"
ACCOUNT = "AC22222222222222222222222222222222"
KEYS = {"twilio": "CA11111111111111111111111111111111", "retell": "call_0a1b2c", "livekit": "RM_1"}
PATHS = {
    "twilio": f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{KEYS['twilio']}.json",
    "retell": f"/v2/get-call/{KEYS['retell']}",
    "livekit": "/twirp/livekit.RoomService/ListRooms",
}
ALIVE = {
    "twilio": {"sid": KEYS["twilio"], "status": "in-progress", "end_time": None, "duration": None},
    "retell": {"call_id": KEYS["retell"], "call_status": "ongoing", "start_timestamp": 1755774164250},
    "livekit": {"rooms": [{"sid": "RM_0", "name": "other"}, {"sid": "RM_1", "name": "call-1"}]},
}  # fmt: skip
GONE = {
    "twilio": Answer(404, body=b'{"code": 20404, "status": 404}'),
    "retell": Answer(422, body=b'{"status": "error"}'),
    "livekit": Answer(body=b'{"rooms":[]}'),
}
SOON = 120.0  # seconds before the watchdog's time


@dataclass
class Scene:
    """A house with one source of a vendor, whose API is a server of the test's."""

    home: House
    api: Receiver
    source: Source
    began: datetime

    @property
    def kind(self) -> Any:
        return SOURCES[self.source.type]

    @property
    def watchdog(self) -> float:
        timing: Timing = self.source.timing or self.kind.timing
        return timing.watchdog

    async def post(self, *bodies: bytes) -> list[Taken]:
        """As if the vendor had sent it now; times of fixtures are moved to today."""
        now = self.home.clock.now()
        told = [fact for body in bodies for fact in facts(self.source, body, now - self.later, self.later)]
        items = [
            Item(self.home.account_id, self.source, msgspec.structs.replace(f, received_at=now)) for f in told
        ]
        results = await self.home.app.intake.accept(items)
        return [result for result in results if isinstance(result, Taken)]

    @property
    def later(self) -> timedelta:
        """By how much fixtures are moved: their call begins with the test."""
        return timedelta(seconds=int((self.began - STARTED).total_seconds()))

    def answer(self, body: Any, status: int = 200) -> None:
        self.api.plan(PATHS[self.source.type], Answer(status, body=json.dumps(body).encode()))

    async def soon(self) -> None:
        """The watchdog will end the call soon, and that is noticed."""
        await self.forward(self.watchdog - SOON)
        await self.home.app.liveness.look()

    async def forward(self, seconds: float) -> None:
        """Until all calls have said what they had to say by then, and only the watchdog is waited for."""
        await self.home.forward(seconds)

        async def waits() -> bool:
            rows = (await self.home.app.store.list_calls(self.home.account_id, CallQuery())).items
            return all(row.due_at is not None and row.due_at > self.home.clock.now() for row in rows)

        await until(waits)

    async def call(self) -> CallRow:
        (row,) = (await self.home.app.store.list_calls(self.home.account_id, CallQuery(limit=10))).items
        return row

    async def said(self) -> Counter[str]:
        events = await self.home.app.store.call_events(self.home.account_id, (await self.call()).id)
        return Counter(event.event.name for event in events)

    async def left(self) -> float:
        """Seconds until the watchdog."""
        due = (await self.call()).due_at
        assert due is not None
        return (due - self.home.clock.now()).total_seconds()

    async def is_known_to_be_on(self) -> bool:
        return await self.left() > self.watchdog - SOON

    async def heard(self, event: str) -> None:
        async def reached() -> bool:
            return (await self.said())[event] > 0

        await until(reached)

    async def completed(self) -> CallRow:
        await self.heard("call.completed")
        return await self.call()

    async def ended_by_the_watchdog(self) -> None:
        await self.home.forward(SOON + 1)
        await self.heard("call.orphaned")
        await self.home.forward(self.kind.timing.quiet)
        call = (await self.completed()).call
        assert call.reason == ("lost" if call.status == "missed" else None)
        assert "end_missing" in call.data_quality
        assert (await self.said())["call.orphaned"] == 1

    def counted(self, result: str) -> int:
        return self.home.app.metrics.counters["aftercall_liveness_total", f'result="{result}"']


@asynccontextmanager
async def scene(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None = None
) -> AsyncIterator[Scene]:
    async with Receiver() as api, house(database_url or f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        monkeypatch.setattr(twilio, "API", api.url(""))
        monkeypatch.setattr(retell, "API", api.url(""))
        settings = {"twilio": {"account_sid": ACCOUNT}, "retell": {}, "livekit": {"url": api.url("/")}}[kind]
        yield Scene(home, api, await add_source(home, kind, SECRET, settings), datetime.now(UTC))


def opening(kind: str) -> list[bytes]:
    """What the vendor sends while the call goes on."""
    if kind == "twilio":
        return [urlencode(params).encode() for params in callbacks()[:-1]]
    if kind == "retell":
        return vendor("retell")[:1]
    lines = (SOURCES_DIRECTORY / "livekit/fixtures/inbound.jsonl").read_bytes().splitlines()
    return lines[:2]


def callbacks() -> list[dict[str, str]]:
    lines = (SOURCES_DIRECTORY / "twilio/fixtures/outbound_answered.jsonl").read_text().splitlines()
    return [json.loads(line)["params"] for line in lines]


@pytest.mark.parametrize("kind", ["twilio", "retell", "livekit"])
async def test_h04_call_that_its_vendor_says_is_on_is_not_ended_until_it_is_gone(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(kind, tmp_path, monkeypatch) as it:
        await it.post(*opening(kind))
        it.answer(ALIVE[kind])
        for _ in range(2):
            await it.soon()
            assert await it.is_known_to_be_on()
        assert it.counted("alive") == len(it.api.requests) == 2
        it.api.plan(PATHS[kind], GONE[kind])
        await it.soon()
        await it.home.app.liveness.look()  # what is known is not asked again
        assert (it.counted("unknown"), len(it.api.requests)) == (1, 3)
        await it.ended_by_the_watchdog()


async def test_h04_server_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "LOOK", 0.05)
    async with scene("retell", tmp_path, monkeypatch) as it:
        await it.post(*opening("retell"))
        it.answer(ALIVE["retell"])
        await it.forward(it.watchdog - SOON)
        await until(it.is_known_to_be_on)
        assert len(it.api.requests) == 1


@pytest.mark.parametrize(
    ("kind", "login"),
    [
        ("twilio", f"Basic {b64encode(f'{ACCOUNT}:{SECRET}'.encode()).decode()}"),
        ("retell", f"Bearer {SECRET}"),
    ],
)
async def test_h04_vendor_is_asked_with_the_source_s_secret(
    kind: str, login: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(kind, tmp_path, monkeypatch) as it:
        await it.post(*opening(kind))
        await it.soon()
        (asked,) = it.api.requests
        assert (asked.method, asked.target) == ("GET", PATHS[kind])
        assert asked.header("authorization") == login


@pytest.mark.parametrize(("secret", "settings"), [(SECRET, {}), ("a-secret-of-tests", {"api_key": "APIkey"})])
async def test_h04_livekit_is_asked_with_a_token_for_listing_rooms(
    secret: str, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("livekit", tmp_path, monkeypatch) as it:
        it.source = await change(it.home, it.source, token=secret, settings=it.source.settings | settings)
        await it.post(*opening("livekit"))
        await it.soon()
        (asked,) = it.api.requests
        assert (asked.method, asked.target, asked.body) == ("POST", PATHS["livekit"], b"{}")
        token = jwt.token(jwt.bearer(asked.header("authorization")))
        jwt.check_times(token.claims, it.home.clock.now())
        assert token.signed_with(b"a-secret-of-tests")
        assert (token.claims["iss"], token.claims["video"]) == ("APIkey", {"roomList": True})


async def test_h04_end_that_twilio_tells_when_asked_completes_the_call_once(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("twilio", tmp_path, monkeypatch, database_url) as it:
        await it.post(*opening("twilio"))
        it.answer(resource(it.later))
        await it.soon()
        await it.home.forward(11)
        told = (await it.completed()).call
        assert (told.status, told.billable_seconds, told.ended_at) == (
            "answered", 42, STARTED + timedelta(seconds=50) + it.later
        )  # fmt: skip
        assert "end_missing" not in told.data_quality
        assert it.counted("ended") == 1
        late = callbacks()[-1] | {"Timestamp": "Thu, 21 Aug 2025 11:03:35 +0000"}
        taken = await it.post(urlencode(late).encode())
        assert {one.status for one in taken} == {"duplicate"}
        await it.home.forward(it.watchdog)
        assert (await it.call()).call == told
        said = await it.said()
        assert (said["call.completed"], said["call.updated"], said["call.orphaned"]) == (1, 0, 0)


def resource(later: timedelta, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((SOURCES_DIRECTORY / "twilio/fixtures/call_resource.json").read_text())
    for name, seconds in (("start_time", 8), ("end_time", 50)):
        made[name] = format_datetime(STARTED + timedelta(seconds=seconds) + later)
    return made | more


@pytest.mark.parametrize(
    ("status", "reason"), [("no-answer", "no_answer"), ("busy", "busy"), ("failed", "failed")]
)
async def test_h04_twilio_tells_why_nobody_talked(
    status: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("twilio", tmp_path, monkeypatch) as it:
        await it.post(*opening("twilio")[:2])
        it.answer(resource(it.later, status=status, duration="0"))
        await it.soon()
        await it.home.forward(11)
        told = (await it.completed()).call
        assert (told.status, told.reason) == ("missed", reason)


async def test_h04_end_that_retell_tells_when_asked_is_the_one_it_posts(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("retell", tmp_path, monkeypatch, database_url) as it:
        _, ended, analysed = vendor("retell")
        await it.post(*opening("retell"))
        it.answer(json.loads(retold(analysed, it.later))["call"])
        await it.soon()
        await it.home.forward(3)
        told = (await it.completed()).call
        assert told.hangup is not None
        assert (told.status, told.duration_seconds, told.hangup.cause) == ("answered", 60, "user_hangup")
        assert told.analysis is not None
        assert told.data_quality == ()
        assert {one.status for one in await it.post(analysed)} == {"duplicate"}
        await it.post(ended)
        await it.home.forward(60)
        assert (await it.call()).call == told
        said = await it.said()
        assert (said["call.completed"], said["call.analyzed"], said["call.updated"]) == (1, 1, 0)


FAILURES = [Answer(401), Answer(429), Answer(503), Answer(200, body=b"<html>"), Answer(302)]
BROKEN = ["silent", "close", "reset", "garbage", "drip", "endless", "huge-header"]


@pytest.mark.parametrize("answer", [*FAILURES, *(BEHAVIOURS[name] for name in BROKEN)])
async def test_h04_vendor_that_gives_no_answer_changes_nothing(
    answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(question, "DEADLINE", 0.3)
    async with scene("retell", tmp_path, monkeypatch) as it:
        await it.post(*opening("retell"))
        it.api.plan(PATHS["retell"], answer)
        await it.soon()
        assert it.counted("failed") == 1
        await it.ended_by_the_watchdog()
    assert SECRET not in caplog.text
    assert any(record.msg == "vendor_gave_no_answer" for record in caplog.records)


async def test_h04_vendor_that_cannot_be_reached_is_asked_again_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("twilio", tmp_path, monkeypatch) as it:
        await it.post(*opening("twilio"))
        monkeypatch.setattr(twilio, "API", "http://127.0.0.1:9")
        await it.soon()
        assert it.counted("failed") == 1
        monkeypatch.setattr(twilio, "API", it.api.url(""))
        it.answer(ALIVE["twilio"])
        await it.home.app.liveness.look()
        assert await it.is_known_to_be_on()


HOSTILE: list[tuple[str, bytes]] = [
    ("twilio", b"[]"),
    ("twilio", b'{"sid": "CA99999999999999999999999999999999", "status": "completed"}'),
    ("twilio", b'{"sid": ["CA"], "status": "in-progress"}'),
    ("twilio", b"[" * 100_000),
    ("retell", b'{"call_id": "call_0a1b2c/../other", "call_status": "ongoing"}'),
    ("retell", b"\xff\xfe"),
    ("livekit", b'"rooms"'),
]


@pytest.mark.parametrize(("kind", "body"), HOSTILE)
async def test_h04_answer_about_nothing_of_ours_counts_for_none(
    kind: str, body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(kind, tmp_path, monkeypatch) as it:
        await it.post(*opening(kind))
        it.api.plan(PATHS[kind], Answer(body=body))
        await it.soon()
        assert it.counted("failed") == 1
        await it.ended_by_the_watchdog()


ODD: list[tuple[str, dict[str, Any]]] = [
    ("twilio", {"sid": KEYS["twilio"], "status": ["completed"], "end_time": {}}),
    ("twilio", {"sid": KEYS["twilio"], "status": "completed", "end_time": None}),
    ("twilio", {"sid": KEYS["twilio"], "status": "completed", "end_time": "yesterday, about noon"}),
    ("twilio", {"sid": KEYS["twilio"], "status": "of a later version"}),
    ("retell", {"call_id": KEYS["retell"], "call_status": {"ongoing": 1}, "end_timestamp": "soon"}),
    ("livekit", {"rooms": {"sid": "RM_1"}}),
    ("livekit", {"rooms": ["RM_1", None, {"sid": ["RM_1"]}]}),
]


@pytest.mark.parametrize(("kind", "said"), ODD)
async def test_h04_answer_that_does_not_say_leaves_the_call_to_the_watchdog(
    kind: str, said: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(kind, tmp_path, monkeypatch) as it:
        await it.post(*opening(kind))
        it.answer(said)
        await it.soon()
        assert it.counted("unknown") == 1
        await it.ended_by_the_watchdog()


async def test_h04_end_with_odd_details_is_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene("twilio", tmp_path, monkeypatch) as it:
        await it.post(*opening("twilio"))
        odd = {"duration": "-5", "from": ["x"], "to": 7, "caller_name": "\0", "direction": {}}
        it.answer(resource(it.later, **odd))
        await it.soon()
        await it.home.forward(11)
        call = (await it.completed()).call
        assert (call.ended_at, "end_missing" in call.data_quality) == (
            STARTED + timedelta(seconds=50) + it.later, False
        )  # fmt: skip


async def test_h04_after_one_question_without_an_answer_the_next_look_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("retell", tmp_path, monkeypatch) as it:
        for n in range(3):
            body = json.loads(opening("retell")[0])
            body["call"] |= {"call_id": f"call_{n}", "telephony_identifier": None}
            await it.post(json.dumps(body).encode())
        for n in range(3):
            it.api.plan(f"/v2/get-call/call_{n}", Answer(429), GONE["retell"])
        await it.soon()
        assert len(it.api.requests) == 1
        await it.home.app.liveness.look()
        assert [it.counted("failed"), it.counted("unknown"), len(it.api.requests)] == [2, 1, 3]


async def test_h04_call_of_a_source_that_cannot_ask_is_not_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("twilio", tmp_path, monkeypatch) as it:
        await it.post(*opening("twilio"))
        it.source = await change(it.home, it.source, settings={})
        await it.soon()
        settings = {"account_sid": ACCOUNT}
        it.source = await change(it.home, it.source, settings=settings, status="paused")
        await it.home.app.liveness.look()
        assert it.api.requests == []
        it.source = await change(it.home, it.source, status="enabled")
        await it.home.app.liveness.look()
        assert len(it.api.requests) == 1


async def test_h04_short_watchdog_leaves_a_call_alone_for_three_quarters_of_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("retell", tmp_path, monkeypatch) as it:
        it.source = await change(it.home, it.source, timing=Timing(watchdog=400.0))
        await it.post(*opening("retell"))
        it.answer(ALIVE["retell"])
        await it.forward(290)
        await it.home.app.liveness.look()
        assert it.api.requests == []
        await it.forward(20)
        await it.home.app.liveness.look()
        assert len(it.api.requests) == 1


@pytest.mark.postgres
async def test_h04_two_nodes_ask_once(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("retell", tmp_path, monkeypatch, postgres_database) as it:
        for _ in range(6):
            it.source = await add_source(it.home, "retell", SECRET, {})
            body = json.loads(opening("retell")[0])
            body["call"]["telephony_identifier"] = None
            await it.post(json.dumps(body).encode())
        it.answer(ALIVE["retell"])
        async with house(postgres_database, tmp_path, node_name="b") as other:
            await settle(it.home, other)
            for home in (it.home, other):
                home.clock.ahead = timedelta(seconds=it.watchdog - SOON)
            for home in (it.home, other, it.home, other):
                await home.app.fleet.beat()
            for home in (it.home, other):
                assert home.app.fleet.buckets is not None
                await home.app.liveness.look()
            assert len(it.api.requests) == 6
