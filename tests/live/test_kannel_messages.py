"""A missed call becomes a text by a server and a real Kannel: receipt and STOP by callback (S3, S5, S6)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.kannel import PASSWORD, QUERY, USERNAME, Kannel
from tests.support.programs import program
from tests.support.receiver import Receiver
from tests.support.server import Server, finished_call
from tests.support.wait import until
from tests.support.written import OURS, SORRY, became, connect, text_missed_calls

pytestmark = [pytest.mark.live, pytest.mark.e2e]

CALLER = "+14085551234"


@pytest.fixture(autouse=True)
def _programs() -> None:
    for name in ("bearerbox", "smsbox", "fakesmsc"):
        program(name)


@asynccontextmanager
async def kannel(server: Server, directory: Path) -> AsyncIterator[Kannel]:
    """A Kannel that tells what comes in to its connection's callback address, which is known before it starts."""
    directory.mkdir()
    nowhere = {"api_base": "http://127.0.0.1:9", "username": USERNAME, "password": PASSWORD}
    connection = await connect(server, "kannel", nowhere)
    async with Receiver() as smsc:
        rig = Kannel(directory, get_url=connection["callback_url"] + QUERY, upstream=smsc.url("/smsc"))
        settings = {"api_base": rig.api_base, "password": PASSWORD}  # it goes to another address: given again
        status, answer = await server.ask(
            "PATCH", f"/v1/connections/{connection['id']}", {"settings": settings}
        )
        assert status == 200, answer
        await text_missed_calls(server, connection)
        async with rig:
            yield rig


async def missed(server: Server, name: str) -> str:
    made = await server.made("/v1/events", finished_call(name, status="missed", **{"from": CALLER}))
    return str(made["call_id"])


async def suppressed(server: Server) -> None:
    """Until the server has heard what the caller wrote."""

    async def probe() -> bool:
        _, page = await server.ask("GET", "/v1/suppressions")
        return any(entry["address"] == CALLER for entry in page["items"])

    await until(probe)


async def test_missed_call_is_texted_by_kannel_and_its_receipt_is_heard(tmp_path: Path) -> None:
    async with Server(tmp_path / "server") as server, kannel(server, tmp_path / "kannel") as rig:
        call = await missed(server, "c1")
        (text,) = await rig.arrived()
        assert (text.sender, text.to, text.body) == (OURS, CALLER, SORRY.encode())
        await became(server, call, "delivered")


async def test_stop_to_kannel_blocks_the_next_text(tmp_path: Path) -> None:
    async with Server(tmp_path / "server") as server, kannel(server, tmp_path / "kannel") as rig:
        await became(server, await missed(server, "c1"), "delivered")
        await rig.send_in(CALLER.removeprefix("+"), OURS.removeprefix("+"), "STOP")
        await suppressed(server)
        blocked = await became(server, await missed(server, "c2"), "blocked")
        assert blocked["reason"] == "opted_out"
        assert len(await rig.arrived()) == 1
