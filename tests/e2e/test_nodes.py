"""Many nodes on one PostgreSQL: any may die, the database may restart (X2, promises 4 and 14)."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.support.postgres import PostgresServer
from tests.support.receiver import Answer, Receiver
from tests.support.server import Server, finished_call
from tests.support.wait import until

SEALED = {"AFTERCALL_SECRET_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}  # nodes share their key

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]


async def post_until_accepted(servers: list[Server], name: str) -> None:
    """As a source does: try again, elsewhere, until somebody says 2xx."""
    for attempt in range(400):
        server = servers[attempt % len(servers)]
        try:
            status, _ = await server.ask("POST", "/v1/events", finished_call(name))
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        if 200 <= status < 300:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} was never accepted")


def arrived(receiver: Receiver) -> Counter[str]:
    return Counter(json.loads(r.body)["source_call_key"] for r in receiver.requests)


async def all_arrived(receiver: Receiver, names: set[str], seconds: float) -> None:
    async def probe() -> bool:
        return names <= arrived(receiver).keys()

    await until(probe, seconds)


async def test_two_nodes_and_one_is_killed(postgres_database: str, tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        Server(tmp_path / "a", database=postgres_database, env=SEALED) as first,
        Server(tmp_path / "b", database=postgres_database, env=SEALED) as second,
    ):
        receiver.plan("/b", *[Answer(500)] * 20, Answer(200))
        await first.webhook(receiver.url("/hook"))
        for lane in range(6):  # lanes of both nodes
            await second.webhook(receiver.url(f"/lane{lane}"), retry_schedule=[1] * 20)
        names = {f"call-{n}" for n in range(300)}
        posts = [asyncio.create_task(post_until_accepted([first, second], n)) for n in sorted(names)]
        await asyncio.sleep(0.2)
        await first.kill()
        await asyncio.gather(*posts)

        async def everywhere() -> bool:
            by_path: dict[str, set[str]] = {}
            for request in receiver.requests:
                by_path.setdefault(request.path, set()).add(json.loads(request.body)["source_call_key"])
            return len(by_path) == 7 and all(names <= seen for seen in by_path.values())

        await until(everywhere, seconds=45)  # a dead node's work is taken over within 15 s


async def test_one_call_worked_on_by_two_nodes_is_one_call(postgres_database: str, tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        Server(tmp_path / "a", database=postgres_database, env=SEALED) as first,
        Server(tmp_path / "b", database=postgres_database, env=SEALED) as second,
    ):
        await first.webhook(receiver.url("/hook"))
        posts = [
            s.ask("POST", "/v1/events", finished_call(f"c{n}")) for n in range(40) for s in (first, second)
        ]
        answers = await asyncio.gather(*posts)
        assert {status for status, _ in answers} <= {200, 202}
        await all_arrived(receiver, {f"c{n}" for n in range(40)}, 20)
        await asyncio.sleep(1)
        assert set(arrived(receiver).values()) == {1}


async def test_database_restart_in_the_middle(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = postgres_server.url("postgres")
    async with Receiver() as receiver, Server(tmp_path, database=url) as server:
        await server.webhook(receiver.url("/hook"))
        names = {f"call-{n}" for n in range(400)}

        async def source(part: list[str]) -> None:
            for name in part:
                await post_until_accepted([server], name)

        ordered = sorted(names)
        sources = [asyncio.create_task(source(ordered[i::8])) for i in range(8)]
        await asyncio.sleep(0.5)
        await asyncio.to_thread(postgres_server.stop, immediate=True)
        await asyncio.sleep(1)
        await asyncio.to_thread(postgres_server.start)
        await asyncio.gather(*sources)
        await all_arrived(receiver, names, 45)
