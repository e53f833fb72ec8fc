"""Mails after calls through the whole engine to a real SMTP server (S4, S5, S7)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aftercall.domain.connection import Connection
from aftercall.domain.fact import Transcript, Turn
from aftercall.domain.rule import Rule
from aftercall.domain.unsubscribe import read
from aftercall.engine.ids import new_id
from tests.support.house import House, house
from tests.support.mailserver import MailServer

BOSS = "boss@example.com"


class Mailing:
    """A house with a mail server, and a rule that mails the summary of each missed call to the boss."""

    def __init__(self, home: House, server: MailServer) -> None:
        self.home, self.server = home, server

    async def set_up(self) -> None:
        now = self.home.clock.now()
        common: dict[str, Any] = {"account_id": self.home.account_id, "created_at": now, "updated_at": now}
        settings = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "security": "none",
            "from_address": "calls@example.com",
        }
        self.connection = Connection(
            id=new_id("cn"), channel="email", type="smtp", rate_limit=0, settings=settings, **common
        )
        await self.home.app.store.add_setup(self.connection)
        rule = Rule(
            id=new_id("rl"), channel="email", recipients="fixed", to=(BOSS,), events=("missed",), **common
        )
        await self.home.app.store.add_setup(rule)

    async def missed(self, key: str = "c1", **data: Any) -> None:
        fields = {"from_": "+14085551234", "status": "missed", "from_name": "Ana"} | data
        await self.home.post(self.home.finished(key, **fields))


@pytest.fixture
async def mailing(database_url: str, tmp_path: Path) -> AsyncIterator[Mailing]:
    public = "https://calls.example.com"
    async with MailServer() as server, house(database_url, tmp_path, public_url=public) as home:
        made = Mailing(home, server)
        await made.set_up()
        yield made


async def test_missed_call_becomes_a_mail_with_all_that_a_summary_has(mailing: Mailing) -> None:
    words = Transcript(turns=(Turn("caller", "Hello?"), Turn("agent", "Nobody is here.")))
    await mailing.missed(recording_url="https://recordings.example/1.mp3", transcript=words)
    (delivery,) = await mailing.home.settled("sent", channel="email")
    (mail,) = mailing.server.mails
    message = mail.message
    assert (mail.recipients, message["Subject"]) == ([BOSS], "Missed call from +14085551234")
    assert delivery.id in message["Message-ID"]
    text = message.get_body(("plain",))
    assert text is not None
    for said in ("+14085551234", "Hello?", "https://recordings.example/1.mp3", "landline or mobile", "1 min"):
        assert said in text.get_content(), said
    assert message.get_body(("html",)) is not None


async def test_link_of_the_mail_ends_mails_to_this_address(mailing: Mailing) -> None:
    await mailing.missed("c1")
    await mailing.home.settled("sent", channel="email")
    link = mailing.server.mails[0].message["List-Unsubscribe"].split(">")[0].strip("<")
    told = read(link.rpartition("/")[2], mailing.home.app.config.secret_keys)
    assert told is not None
    assert await mailing.home.app.unsubscribe(told.account_id, told.delivery_id)
    await mailing.missed("c2")
    (blocked,) = await mailing.home.settled("blocked", channel="email")
    assert blocked.reason == "opted_out"
    assert len(mailing.server.mails) == 1


async def test_address_that_does_not_exist_is_written_to_once(mailing: Mailing) -> None:
    mailing.server.answers[f"RCPT:{BOSS}"] = "550 5.1.1 no such user"
    await mailing.missed("c1")
    (failed,) = await mailing.home.settled("failed", channel="email")
    assert failed.reason == "invalid_recipient"
    await mailing.missed("c2")
    (blocked,) = await mailing.home.settled("blocked", channel="email")
    assert blocked.reason == "bounced"


async def test_mailbox_that_is_full_is_tried_again(mailing: Mailing) -> None:
    mailing.server.answers[f"RCPT:{BOSS}"] = "452 4.2.2 mailbox full"
    await mailing.missed()
    pending = await mailing.home.tried(1)
    assert pending.status == "pending"
    del mailing.server.answers[f"RCPT:{BOSS}"]
    await mailing.home.forward(7)
    await mailing.home.settled("sent", channel="email")
    (mail,) = mailing.server.mails
    assert pending.id in mail.message["Message-ID"]
