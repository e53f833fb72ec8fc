"""kill -9 at random instants while texts go out: none is handed over twice, none is lost (S5, X1, promise 12)."""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.receiver import Exchange, Receiver
from tests.support.server import Server, finished_call
from tests.support.written import OURS, connect, gateway, settled, text_missed_calls, texts

pytestmark = pytest.mark.e2e

KILLS = 4
IN_FLIGHT = 12
LANES = 5  # of two nodes, so that each has some; one caller gets no more texts a day than that
RECORDED_LATER = 2  # results gather for a moment before they are recorded: a place is free again before that
SEALED = {"AFTERCALL_SECRET_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}  # nodes share their key

_chance = random.Random(11)
_ids = itertools.count(1)


async def slowly(x: Exchange) -> None:
    """A gateway that thinks about each text before it says that it has taken it."""
    await x.pause(_chance.uniform(0.05, 0.25))
    body = json.dumps({"id": f"p-{next(_ids)}"}).encode()
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    await x.send(head.encode() + body)


class Load:
    """Missed calls, each of another caller, posted for as long as it lasts; `accepted` by call id."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        self.accepted: dict[str, str] = {}
        self._numbers = itertools.count(2_000_000)
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def running(self, clients: int = 4) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._post(lane)) for lane in range(clients)]
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.gather(*tasks)

    async def _post(self, lane: int) -> None:
        """As a source does: what is not accepted is posted again, to whichever server answers."""
        servers = itertools.cycle(self.servers[lane % len(self.servers) :] + self.servers)
        while not self._stop.is_set():
            number = next(self._numbers)
            call = finished_call(f"call-{number}", status="missed", **{"from": f"+1408{number}"})
            while f"call-{number}" not in self.accepted.values():
                try:
                    status, answer = await next(servers).ask("POST", "/v1/events", call)
                except (aiohttp.ClientError, TimeoutError, OSError):
                    status, answer = 0, {}
                if 200 <= status < 300:
                    self.accepted[answer["call_id"]] = f"call-{number}"
                elif self._stop.is_set():
                    return
                await asyncio.sleep(0.04)


def handed_over(provider: Receiver) -> Counter[str]:
    """How often the provider got each text, by our reference."""
    return Counter(json.loads(request.body)["ref"] for request in provider.requests)


def check(
    found: list[dict[str, Any]], provider: Receiver, load: Load, *, lanes: int = 1, kills: int = 1
) -> None:
    """Every text in a state that is true: `sent` was handed over once, `unknown` at most once."""
    times = handed_over(provider)
    ids = {status: {t["id"] for t in found if t["status"] == status} for status in ("sent", "unknown")}
    calls = Counter(text["call_id"] for text in found)
    assert len(load.accepted) > 50
    assert set(times.values()) == {1}  # none twice
    assert calls.keys() >= load.accepted.keys()  # none lost
    assert set(calls.values()) == {lanes}  # however often a call was posted
    assert len(found) == len(ids["sent"]) + len(ids["unknown"])
    assert ids["sent"] <= times.keys() <= ids["sent"] | ids["unknown"]
    assert len(ids["unknown"]) <= kills * lanes * IN_FLIGHT * RECORDED_LATER


async def test_kill_at_any_instant_sends_no_text_twice(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    async with Receiver() as provider, Server(tmp_path, database=database_url) as server:
        provider.plan("/send", slowly)
        await text_by(server, provider.url("/send"))
        load = Load([server])
        async with load.running():
            for _ in range(KILLS):
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                await server.kill()
                await server.start()
            await asyncio.sleep(0.3)
        check(await settled(server, load.accepted, 60), provider, load, kills=KILLS)


async def test_texts_in_flight_at_the_kill_are_in_doubt_and_stay_so(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as provider, Server(tmp_path, database=database_url) as server:
        await text_by(server, provider.url("/silent"))
        calls = []
        for number in ("+14082000001", "+14082000002", "+14082000003"):
            call = finished_call(number, status="missed", **{"from": number})
            calls.append((await server.made("/v1/events", call))["call_id"])
        await provider.wait(3)
        await server.kill()
        await server.start()
        found = await settled(server, calls)
        assert {(text["status"], text["reason"]) for text in found} == {("unknown", "in_doubt")}
        assert set(handed_over(provider).values()) == {1}


async def test_receipt_says_what_became_of_a_text_that_was_in_flight_at_the_kill(
    database_url: str, tmp_path: Path
) -> None:
    """The gateway had taken it: its receipt names our reference, and comes to the server that was started again."""
    async with Receiver() as provider, Server(tmp_path, database=database_url) as server:
        await text_by(server, provider.url("/silent"))
        call = await server.made("/v1/events", finished_call("c1", status="missed"))
        (request,) = await provider.wait(1)
        await server.kill()
        await server.start()
        (text,) = await settled(server, [call["call_id"]])
        assert text["status"] == "unknown"
        told = json.loads(request.body)
        receipt = {"id": "p-1", "ref": told["ref"], "status": "delivered"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(told["report_to"], json=receipt) as answer,
        ):
            assert answer.status == 200
        (text,) = await texts(server)
        assert text["status"] == "delivered"
        assert len(provider.requests) == 1


@pytest.mark.postgres
async def test_two_nodes_and_one_is_killed_send_no_text_twice(postgres_database: str, tmp_path: Path) -> None:
    async with (
        Receiver() as provider,
        Server(tmp_path / "a", database=postgres_database, env=SEALED) as first,
        Server(tmp_path / "b", database=postgres_database, env=SEALED) as second,
    ):
        for lane in range(LANES):
            provider.plan(f"/send{lane}", slowly)
            await text_by(first, provider.url(f"/send{lane}"), f"+140855501{lane:02}")
        load = Load([first, second])
        async with load.running():
            await asyncio.sleep(1.5)
            await first.kill()
            await asyncio.sleep(1.5)
        found = await settled(second, load.accepted, 60)  # its work is taken over within 15 s
        check(found, provider, load, lanes=LANES)


async def text_by(server: Server, url: str, number: str = OURS) -> None:
    connection = await connect(server, "generic", gateway(url), max_in_flight=IN_FLIGHT)
    await text_missed_calls(server, connection, number)
