"""A submit without an answer is looked up where the provider can be asked, and repeated nowhere (promise 12)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Delivery
from aftercall.domain.message import Receipt
from aftercall.domain.rule import Rule
from aftercall.engine.circumstances import decode_message
from aftercall.engine.ids import new_id
from aftercall.engine.message_rows import Decided
from aftercall.engine.rows import Finished
from tests.support.house import House, house
from tests.support.receiver import Answer, Receiver
from tests.support.wait import until

ACCOUNT_SID = "AC" + 32 * "0"
PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
CALLER = "+14085551234"


class Doubtful:
    def __init__(self, home: House, receiver: Receiver, connection: Connection) -> None:
        self.home, self.receiver, self.connection = home, receiver, connection

    async def missed(self) -> None:
        await self.home.post(self.home.finished("c1", from_=CALLER, status="missed"))

    async def look(self, seconds: float) -> None:
        """Put the clock forward and look, as the engine does every few seconds."""
        await self.home.forward(seconds)
        await self.home.app.doubts.look()

    async def likewise(self, doubt: Delivery, another: Delivery) -> None:
        """Another message that is in doubt after the same attempt."""
        app, (attempt,) = self.home.app, await self.home.attempts(doubt.id)
        row = await app.store.get_message(doubt.account_id, doubt.id)
        assert row is not None
        begun = msgspec.structs.replace(another, status="pending", attempts=0, started=1)
        await app.store.add_resends([begun], owner=app.fleet.incarnation)
        decided = Decided(
            delivery=begun,
            message=decode_message(begun.body),
            connection_id=begun.destination_id,
            sender=None,
            segments=1,
            decision=msgspec.json.decode(row.decision),
            goes=True,
        )
        now = self.home.clock.now()
        assert await app.store.decide([decided], app.fleet.incarnation, now) == {begun.id}
        done = Finished(delivery=another, attempt=msgspec.structs.replace(attempt, delivery_id=another.id))
        await app.store.record([done], [])

    def submits(self) -> int:
        return sum(r.method == "POST" for r in self.receiver.requests)


@pytest.fixture
async def doubtful(database_url: str, tmp_path: Path) -> AsyncIterator[Doubtful]:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        now = home.clock.now()
        common: dict[str, Any] = {"account_id": home.account_id, "created_at": now, "updated_at": now}
        connection = Connection(
            id=new_id("cn"),
            channel="sms",
            type="twilio",
            settings={"account_sid": ACCOUNT_SID, "api_base": receiver.url(""), "sender": "+14085550199"},
            secrets={"auth_token": "test-token"},
            **common,
        )
        await home.app.store.add_setup(connection)
        await home.app.store.add_setup(Rule(id=new_id("rl"), channel="sms", **common))
        yield Doubtful(home, receiver, connection)


def listed(*messages: dict[str, Any]) -> Answer:
    return Answer(
        200, (("Content-Type", "application/json"),), json.dumps({"messages": list(messages)}).encode()
    )


async def test_submit_that_is_found_was_sent(doubtful: Doubtful) -> None:
    doubtful.receiver.plan(PATH, Answer(503), listed())
    await doubtful.missed()
    (delivery,) = await doubtful.home.settled("unknown", channel="sms")
    text = _text(doubtful)
    found = {"sid": "SM1", "to": CALLER, "body": text, "direction": "outbound-api", "status": "sent"}
    doubtful.receiver.plan(PATH, listed(found))
    await doubtful.look(31)
    (sent,) = await doubtful.home.settled("sent", channel="sms")
    assert sent.id == delivery.id
    await doubtful.home.app.receiving.hear(
        doubtful.connection, [Receipt(provider_id="SM1", status="delivered")], ()
    )
    await doubtful.home.settled("delivered", channel="sms")
    assert doubtful.submits() == 1


async def test_submit_that_is_never_found_stays_in_doubt_and_is_not_repeated(doubtful: Doubtful) -> None:
    doubtful.receiver.plan(PATH, Answer(503), listed())
    await doubtful.missed()
    await doubtful.home.settled("unknown", channel="sms")
    for seconds in (31, 100, 600, 3600):
        await doubtful.look(seconds)
    (delivery,) = await doubtful.home.deliveries(channel="sms")
    assert (delivery.status, delivery.reason, delivery.due_at) == ("unknown", "unconfirmed", None)
    assert doubtful.submits() == 1
    assert len(doubtful.receiver.requests) == 4


async def test_message_that_waited_before_it_was_tried_is_looked_up_as_often(doubtful: Doubtful) -> None:
    """What counts is when it was tried, not when it was planned."""
    doubtful.receiver.plan(PATH, Answer(429, (("Retry-After", "3000"),)), Answer(503), listed())
    await doubtful.missed()
    await doubtful.home.tried(1)
    await doubtful.home.forward(3001)
    await doubtful.home.settled("unknown", channel="sms")
    for seconds in (31, 100):
        await doubtful.look(seconds)
        (delivery,) = await doubtful.home.deliveries(channel="sms")
        assert (delivery.status, delivery.reason) == ("unknown", "in_doubt")


async def test_provider_that_does_not_answer_keeps_nobody_elses_doubts(doubtful: Doubtful) -> None:
    silent, other = asyncio.Event(), new_id("cn")
    doubtful.receiver.plan(PATH, Answer(503), Answer(200, hold=silent))
    await doubtful.missed()
    (doubt,) = await doubtful.home.settled("unknown", channel="sms")
    another = msgspec.structs.replace(doubt, id=new_id("dl"), key=new_id("key"), destination_id=other)
    await doubtful.likewise(doubt, another)
    await doubtful.home.forward(700)

    async def resolved() -> bool:
        found = await doubtful.home.app.store.get_delivery(another.account_id, another.id)
        return found is not None and found.reason == "unconfirmed"

    looking = asyncio.create_task(doubtful.home.app.doubts.look())
    assert await until(resolved, 4)
    silent.set()
    await looking


async def test_receipt_settles_the_doubt(doubtful: Doubtful) -> None:
    doubtful.receiver.plan(PATH, Answer(503))
    await doubtful.missed()
    (delivery,) = await doubtful.home.settled("unknown", channel="sms")
    receipt = Receipt(provider_id="SM1", reference=delivery.id, status="undelivered", error="unreachable")
    await doubtful.home.app.receiving.hear(doubtful.connection, [receipt], ())
    (settled,) = await doubtful.home.settled("undelivered", channel="sms")
    assert (settled.reason, settled.due_at) == ("unreachable", None)


async def test_submit_that_cannot_have_left_is_tried_again(doubtful: Doubtful) -> None:
    """The connection is refused: not a byte was sent."""
    port = doubtful.receiver.port
    assert doubtful.receiver._server is not None
    doubtful.receiver._server.close()
    await doubtful.missed()
    pending = await doubtful.home.tried(1)
    assert (pending.status, pending.attempts) == ("pending", 1)
    (attempt,) = await doubtful.home.attempts(pending.id)
    assert (attempt.outcome.error, attempt.outcome.in_doubt) == ("connect", False)
    assert port


def _text(doubtful: Doubtful) -> str:
    from urllib.parse import parse_qs

    return parse_qs(doubtful.receiver.requests[0].body.decode())["Body"][0]


async def test_late_answer_names_the_message_for_the_receipts_that_follow(doubtful: Doubtful) -> None:
    """The submit's own answer comes after its time was up; what follows knows the provider's id only."""
    doubtful.receiver.plan(PATH, Answer(503))
    await doubtful.missed()
    (delivery,) = await doubtful.home.settled("unknown", channel="sms")
    hear = doubtful.home.app.receiving.hear
    await hear(doubtful.connection, [Receipt(provider_id="p-9", reference=delivery.id, status="sent")], ())
    await doubtful.home.settled("sent", channel="sms")
    await hear(doubtful.connection, [Receipt(provider_id="p-9", status="delivered")], ())
    await doubtful.home.settled("delivered", channel="sms")
    row = await doubtful.home.app.store.get_message(doubtful.home.account_id, delivery.id)
    assert row is not None
    assert (row.progress.ids, row.submitted_at is None) == (("p-9",), False)
