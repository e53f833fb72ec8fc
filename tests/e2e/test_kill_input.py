"""kill -9 while a source sends: what was answered is kept as it was sent, and no input is without its call."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.server import Server

pytestmark = pytest.mark.e2e

KILLS = 3


def invite(key: str) -> dict[str, Any]:
    return {"time": 1795164500.4, "method": "INVITE", "from_tag": "1a", "to_tag": "1b", "callid": key,
            "sip_code": "486", "sip_reason": "Busy", "src_user": "+14085551234"}  # fmt: skip


async def every(server: Server, path: str) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        status, page = await server.ask("GET", f"{path}?limit=200{cursor}")
        assert status == 200, page
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def test_input_and_calls_agree_whenever_it_is_killed(database_url: str, tmp_path: Path) -> None:
    answered: set[str] = set()
    stop = asyncio.Event()
    chance = random.Random(11)

    async def load(server: Server, source: Any, lane: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = f"{lane}-{number}@h"
            body = (
                invite(key) if number % 5 else {"callid": key, "method": "INVITE"}
            )  # each fifth has no time
            try:
                status, _ = await server.ask(
                    "POST", f"/in/{source['id']}", body, Authorization=f"Bearer {source['token']}"
                )
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(0.02)
                continue
            if status == 200:
                answered.add(key)

    async with Server(tmp_path, database=database_url) as server:
        source = await server.made("/v1/sources", {"type": "kamailio"})
        clients = [asyncio.create_task(load(server, source, lane)) for lane in range(6)]
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.3, 1.0))
            await server.kill()
            await server.start()
        await asyncio.sleep(0.3)
        stop.set()
        await asyncio.gather(*clients)
        inputs = await every(server, f"/v1/sources/{source['id']}/inputs")
        calls = {call["call_id"]: call["source_call_key"] for call in await every(server, "/v1/calls")}
        whole = await server.ask("GET", f"/v1/sources/{source['id']}/inputs/{inputs[-1]['id']}")

    taken = [kept for kept in inputs if kept["result"] == "taken"]
    unparsable = [kept for kept in inputs if kept["result"] == "unparsable"]
    keys = {key for kept in taken for key in kept["call_keys"]}
    assert len(answered) > 50
    assert {call_id for kept in taken for call_id in kept["call_ids"]} == calls.keys()
    assert keys == set(calls.values())
    bad = {key for key in answered if not int(key.partition("-")[2].partition("@")[0]) % 5}
    assert answered - bad <= keys
    assert len(unparsable) >= len(bad) > 0
    assert json.loads(whole[1]["body"])["callid"]
