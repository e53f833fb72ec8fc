"""A full disk answers 503, stores nothing half, and recovers (X1, X3)."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.receiver import Receiver
from tests.support.server import Server, finished_call
from tests.support.wait import until

pytestmark = pytest.mark.e2e


async def test_full_disk_answers_503_and_recovers(tmp_path: Path) -> None:
    async with Receiver() as receiver, Server(tmp_path, env={"AFTERCALL_SQLITE_MAX_PAGES": "150"}) as server:
        await server.webhook(receiver.url("/hook"))
        accepted, status = 0, 0
        answer: Any = None
        for n in range(5_000):
            status, answer = await server.ask("POST", "/v1/events", finished_call(f"c{n}", notes="x" * 2_000))
            if status == 503:
                break
            accepted += 1
        assert (status, answer["error"]["code"]) == (503, "unavailable")
        assert accepted > 0

        await server.stop()
        server.env.clear()
        await server.start()
        status, _ = await server.ask("POST", "/v1/events", finished_call("after"))
        assert 200 <= status < 300

        async def everything() -> bool:
            return len({r.header("webhook-id") for r in receiver.requests}) == accepted + 1

        await until(everything, seconds=30)
