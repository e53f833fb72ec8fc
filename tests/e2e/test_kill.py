"""kill -9 at random instants under load: nothing accepted is lost, repeats are only what was in flight."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.support.receiver import Receiver
from tests.support.server import Server, finished_call
from tests.support.wait import until

pytestmark = pytest.mark.e2e

KILLS = 5
IN_FLIGHT = 32  # the webhook's default limit: what may be repeated by one kill


async def test_kill_at_any_instant_loses_nothing(database_url: str, tmp_path: Path) -> None:
    accepted: set[str] = set()
    stop = asyncio.Event()
    chance = random.Random(7)

    async def load(server: Server, lane: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            name = f"call-{lane}-{number}"
            try:
                status, _ = await server.ask("POST", "/v1/events", finished_call(name))
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(0.02)
                continue
            if 200 <= status < 300:
                accepted.add(name)

    async with Receiver() as receiver, Server(tmp_path, database=database_url) as server:
        await server.webhook(receiver.url("/hook"))
        clients = [asyncio.create_task(load(server, lane)) for lane in range(8)]
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.3, 1.2))
            await server.kill()
            await server.start()
        await asyncio.sleep(0.3)
        stop.set()
        await asyncio.gather(*clients)

        async def all_there() -> bool:
            return accepted <= _arrived(receiver).keys()

        await until(all_there, seconds=30)
        arrived = _arrived(receiver)
        assert len(accepted) > 100
        repeats = sum(arrived.values()) - len(arrived)
        assert repeats <= KILLS * IN_FLIGHT
        identities = {r.header("webhook-id") for r in receiver.requests}
        assert len(identities) == len(arrived)  # a repeat carries the same event id


def _arrived(receiver: Receiver) -> Counter[str]:
    return Counter(json.loads(r.body)["source_call_key"] for r in receiver.requests)


async def test_call_in_progress_survives_a_kill_and_settles_after_it(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver, Server(tmp_path, database=database_url) as server:
        await server.webhook(receiver.url("/hook"))
        for event, at in (
            ("call.received", "10:00:00"),
            ("call.connected", "10:00:05"),
            ("call.ended", "10:01:00"),
        ):
            body = {
                "event": event, "call_id": "c1", "occurred_at": f"2026-11-20T{at}Z", "direction": "inbound",
                "from": "+14085551234", "to": "+14085559876",
            }  # fmt: skip
            await server.made("/v1/events", body)
        await server.kill()
        await server.start()
        async with asyncio.timeout(20):
            (request,) = await receiver.wait(1)
        assert json.loads(request.body)["talk_time_seconds"] == 55


async def test_retry_survives_a_kill(database_url: str, tmp_path: Path) -> None:
    from tests.support.receiver import Answer

    async with Receiver() as receiver, Server(tmp_path, database=database_url) as server:
        receiver.plan("/hook", Answer(500), Answer(200))
        await server.webhook(receiver.url("/hook"), retry_schedule=[1, 1, 1])
        await server.made("/v1/events", finished_call("c1"))
        async with asyncio.timeout(20):
            await receiver.wait(1)

            async def recorded() -> bool:
                _, page = await server.ask("GET", "/v1/deliveries")
                return bool(page["items"][0]["attempts"])

            await until(recorded)
            await server.kill()
            await server.start()
            requests = await receiver.wait(2)
        assert requests[1].header("X-AfterCall-Attempt") == "2"
