"""Both sides of a call told to two nodes at once, or while the server is killed: one call, completed once (H16)."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.test_nodes import SEALED
from tests.support.receiver import Receiver
from tests.support.server import Server, finished_call
from tests.support.wait import until

pytestmark = pytest.mark.e2e

CALLS = 40
KILLS = 3


def sides(n: int) -> list[Any]:
    """What the two tell of the n-th call. Both are final: each would complete a call by itself."""
    return [
        finished_call(f"{side}-{n}") | {"same_as": [f"twilio:CA{n}"], "custom_fields": {side: n}}
        for side in ("ai", "carrier")
    ]


async def check(server: Server, receiver: Receiver) -> None:
    """Every call is there once, whole, and was completed once."""

    async def all_completed() -> bool:
        completed = {json.loads(r.body)["call_id"] for r in receiver.requests}
        return len(completed) >= CALLS

    await until(all_completed, 45)
    _, page = await server.ask("GET", "/v1/calls?limit=200")
    calls = page["items"]
    assert len(calls) == CALLS
    for call in calls:
        assert len(call["links"]) == 2
        assert len(set(call["custom_fields"].values())) == 1
        assert call["custom_fields"].keys() == {"ai", "carrier"}
    bodies = [json.loads(r.body) for r in receiver.requests]
    events = {b["event_id"]: b["call_id"] for b in bodies if b["event"] == "call.completed"}
    assert Counter(events.values()) == {call["call_id"]: 1 for call in calls}


@pytest.mark.postgres
async def test_two_nodes_hear_one_side_each(postgres_database: str, tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        Server(tmp_path / "a", database=postgres_database, env=SEALED) as first,
        Server(tmp_path / "b", database=postgres_database, env=SEALED) as second,
    ):
        await first.webhook(receiver.url("/hook"))
        posts = [
            tell(node, body)
            for n in range(CALLS)
            for node, body in zip((first, second), sides(n), strict=True)
        ]
        await asyncio.gather(*posts)
        await check(first, receiver)


async def tell(server: Server, body: Any) -> None:
    """Until it is taken: while the other node works on the call, it may be told to come back."""

    async def taken() -> bool:
        try:
            status, _ = await server.ask("POST", "/v1/events", body)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
        return status == 200

    await until(taken, 30)


async def test_kill_while_calls_are_linked(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(11)
    async with Receiver() as receiver, Server(tmp_path, database=database_url) as server:
        await server.webhook(receiver.url("/hook"))
        bodies = [body for n in range(CALLS) for body in sides(n)]
        chance.shuffle(bodies)

        async def client(part: list[Any]) -> None:
            for body in part:
                await tell(server, body)
                await asyncio.sleep(0.02)

        clients = [asyncio.create_task(client(bodies[i::4])) for i in range(4)]
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 0.4))
            await server.kill()
            await server.start()
        await asyncio.gather(*clients)
        await check(server, receiver)
