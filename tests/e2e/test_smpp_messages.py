"""A missed call becomes a text over SMPP, through a whole server: submit, receipt, STOP (S1, S3, S5, S6)."""

from pathlib import Path
from typing import Any

import pytest

from aftercall.channels.sms.smpp.message import Address
from tests.support.server import Server, finished_call
from tests.support.smsc import PASSWORD, SYSTEM_ID, Answer, Smsc
from tests.support.wait import until
from tests.support.written import SORRY, became, connect, text_missed_calls

pytestmark = pytest.mark.e2e

CALLER, PHONE = "+14085551234", Address("14085551234", 1, 1)
RECEIPT = "id:{} sub:001 dlvrd:001 submit date:2611201200 done date:2611201201 stat:{} err:{} text:Sorry"


async def bound(server: Server, smsc: Smsc) -> Any:
    """A connection to the SMSC, once it is bound, that texts who calls in vain."""
    settings = {"host": "127.0.0.1", "port": smsc.port, "system_id": SYSTEM_ID, "password": PASSWORD}
    connection = await connect(server, "smpp", settings)

    async def connected() -> bool:
        _, now = await server.ask("GET", f"/v1/connections/{connection['id']}")
        return now["session"] is not None and now["session"]["state"] == "connected"

    await until(connected)
    await text_missed_calls(server, connection)
    return connection


async def missed(server: Server, name: str) -> str:
    made = await server.made("/v1/events", finished_call(name, status="missed", **{"from": CALLER}))
    return str(made["call_id"])


async def test_missed_call_is_texted_over_smpp_and_its_receipt_is_heard(
    database_url: str, tmp_path: Path
) -> None:
    async with Smsc() as smsc, Server(tmp_path, database=database_url) as server:
        smsc.answers = lambda _: Answer(id="A1")
        await bound(server, smsc)
        call = await missed(server, "c1")
        (submit,) = await smsc.submitted(1)
        assert (submit.message.destination.value, submit.message.content) == (CALLER[1:], SORRY.encode())
        await became(server, call, "sent")
        assert await smsc.deliver(RECEIPT.format("A1", "DELIVRD", "000"), source=PHONE) == 0
        await became(server, call, "delivered")


async def test_text_that_the_phone_never_got_says_why(database_url: str, tmp_path: Path) -> None:
    async with Smsc() as smsc, Server(tmp_path, database=database_url) as server:
        smsc.answers = lambda _: Answer(id="A1")
        await bound(server, smsc)
        call = await missed(server, "c1")
        await became(server, call, "sent")
        assert await smsc.deliver(RECEIPT.format("A1", "UNDELIV", "001"), source=PHONE) == 0
        text = await became(server, call, "undelivered")
        assert text["reason"]


async def test_stop_over_smpp_blocks_the_next_text(database_url: str, tmp_path: Path) -> None:
    async with Smsc() as smsc, Server(tmp_path, database=database_url) as server:
        await bound(server, smsc)
        await became(server, await missed(server, "c1"), "sent")
        assert await smsc.deliver("Stop!", esm_class=0, source=PHONE) == 0
        blocked = await became(server, await missed(server, "c2"), "blocked")
        assert blocked["reason"] == "opted_out"
        assert await smsc.deliver("START", esm_class=0, source=PHONE) == 0
        await became(server, await missed(server, "c3"), "sent")
        assert len(smsc.submits) == 2


async def test_text_whose_submit_got_no_answer_is_in_doubt_when_the_connection_breaks(
    database_url: str, tmp_path: Path
) -> None:
    async with Smsc() as smsc, Server(tmp_path, database=database_url) as server:
        smsc.answers = lambda _: Answer(drop=True)
        await bound(server, smsc)
        text = await became(server, await missed(server, "c1"), "unknown")
        assert text["reason"] == "in_doubt"
        assert len(smsc.submits) == 1
