"""A receiver that is down for a while gets everything when it is back (W6, W12)."""

import json
from pathlib import Path

import pytest

from tests.support.receiver import Receiver
from tests.support.server import Server, finished_call, free_port
from tests.support.wait import until

pytestmark = pytest.mark.e2e


async def test_receiver_that_was_down_gets_everything(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    async with Server(tmp_path, database=database_url) as server:
        await server.webhook(f"http://127.0.0.1:{port}/hook", retry_schedule=[1] * 20)
        for n in range(50):
            await server.made("/v1/events", finished_call(f"c{n}"))

        async def failing() -> bool:
            _, page = await server.ask("GET", "/v1/webhooks")
            _, health = await server.ask("GET", f"/v1/webhooks/{page['items'][0]['id']}/health")
            return bool(health["failed"] >= 5)

        await until(failing)
        async with Receiver(port=port) as receiver:

            async def everything() -> bool:
                return len({json.loads(r.body)["source_call_key"] for r in receiver.requests}) == 50

            await until(everything, seconds=30)
