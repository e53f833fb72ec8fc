"""The public addresses for providers: whose they are, and what strangers get there (S5, S6)."""

import asyncio
from datetime import UTC, datetime

from aftercall.domain.connection import Connection
from aftercall.engine.ids import new_id
from aftercall.server import Server
from tests.api.conftest import Api

TOKEN = "t" * 20


async def connection(server: Server) -> str:
    """The address of one whose provider reports receipts as JSON; its path."""
    account = (await server.app.store.list_accounts(None, 1)).items[0]
    now = datetime.now(UTC)
    made = Connection(
        id=new_id("cn"), account_id=account.id, channel="sms", type="gupshup", token=TOKEN,
        settings={"userid": "2000", "sender": "ACMEIN"}, secrets={"password": "password-of-tests"},
        created_at=now, updated_at=now,
    )  # fmt: skip
    await server.app.store.add_setup(made)
    return f"/callbacks/{made.id}/{TOKEN}"


async def test_address_that_is_not_right_is_no_address(server: Server, nobody: Api) -> None:
    path = await connection(server)
    for wrong in (path[:-1], path + "t", path.replace("cn_", "cn_0"), path.removesuffix(TOKEN) + "%00"):
        assert (await nobody.get(wrong)).status == 404
    assert server.app.metrics.counters["aftercall_callbacks_total", 'result="unknown"'] == 4


async def test_many_strangers_are_turned_away_and_providers_are_not(server: Server, nobody: Api) -> None:
    path = await connection(server)
    assert (await nobody.ask("HEAD", path)).status == 200
    answers = await asyncio.gather(*(nobody.get(f"/callbacks/cn_{n}/{TOKEN}") for n in range(400)))
    said = [answer.status for answer in answers]
    assert set(said) == {404, 429}
    assert (await nobody.ask("HEAD", path)).status == 200
    assert server.app.metrics.counters["aftercall_callbacks_total", 'result="limited"'] == said.count(429)
