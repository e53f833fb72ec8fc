"""Receipts of any order and origin: each finds its message, none is lost, none reaches another's (S5, S6)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy.util import await_only

from aftercall.domain.message import Receipt, Text
from aftercall.engine.ids import new_id
from aftercall.store import receipts
from aftercall.store.link import Link
from tests.support.house import house
from tests.support.receiver import Answer, Receiver
from tests.support.texting import CALLER, TAKEN, Texting


@pytest.fixture
async def texting(database_url: str, tmp_path: Path) -> AsyncIterator[Texting]:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        made = Texting(home, receiver)
        await made.set_up()
        yield made


async def test_receipt_that_crosses_the_answer_is_not_lost(
    texting: Texting, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks for its message, in vain, just before the answer is committed, and is committed just after."""
    await texting.rule()
    looked = asyncio.Event()
    whole = receipts._find

    def find(link: Link, *args: Any) -> str | None:
        found = whole(link, *args)
        if link.kind == "postgresql":
            looked.set()
            await_only(asyncio.sleep(1))  # the answer is recorded meanwhile, unless it has to wait
        return found

    if database_url.startswith("sqlite"):
        looked.set()  # transactions do not cross
    monkeypatch.setattr(receipts, "_find", find)
    telling = asyncio.create_task(texting.told(Receipt(provider_id="p-1", status="delivered")))
    await looked.wait()
    await texting.missed()
    await telling
    await texting.home.settled("delivered", channel="sms")


async def test_early_receipt_that_wants_no_more_is_heeded(texting: Texting) -> None:
    await texting.rule()
    await texting.told(Receipt(provider_id="p-1", status="undelivered", provider_code="30610", suppress=True))
    await texting.missed("c1")
    await texting.home.settled("undelivered", channel="sms")
    await texting.missed("c2")
    assert (await texting.message("blocked")).delivery.reason == "opted_out_at_provider"


async def test_receipt_that_wants_no_more_is_heeded_though_it_is_told_once(
    texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away right after the receipt was taken."""
    await texting.rule()
    await texting.missed("c1")
    await texting.message("sent")

    async def away(_: Any) -> int:
        raise TimeoutError

    receipt = Receipt(provider_id="p-1", status="undelivered", provider_code="30610", suppress=True)
    with monkeypatch.context() as broken:
        broken.setattr(texting.home.app.store, "add_suppressions", away)
        await texting.told(receipt)
    found = await texting.home.app.store.find_suppressions(texting.home.account_id, [CALLER])
    assert [entry.source for entry in found[CALLER]] == ["provider"]


async def test_receipt_of_another_connection_of_ours_changes_nothing(texting: Texting) -> None:
    """Early or late, a provider speaks for its own messages alone."""
    other = msgspec.structs.replace(texting.connection, id=new_id("cn"))
    await texting.home.app.store.add_setup(other)
    await texting.rule()
    hold = asyncio.Event()
    texting.receiver.plan("/send", Answer(200, TAKEN.headers, TAKEN.body, hold=hold))
    await texting.missed()
    await texting.receiver.wait(1)
    (delivery,) = await texting.home.deliveries(channel="sms")
    hear = texting.home.app.receiving.hear
    await hear(other, [Receipt(reference=delivery.id, status="undelivered")], ())
    hold.set()
    await texting.message("sent")
    await hear(other, [Receipt(reference=delivery.id, status="failed", provider_id="p-1")], ())
    assert (await texting.message("sent")).progress.parts == {}


async def test_receipt_with_a_reference_of_the_providers_own_is_found_by_its_id(texting: Texting) -> None:
    await texting.rule()
    await texting.missed()
    await texting.message("sent")
    await texting.told(Receipt(provider_id="p-1", reference="4711", status="delivered"))
    await texting.message("delivered")


async def test_id_that_a_provider_gives_again_is_the_latest_messages(texting: Texting) -> None:
    await texting.rule()
    await texting.missed("c1")
    first = await texting.message("sent")
    await texting.missed("c2", from_="+14085551299")
    await texting.home.settled("sent", 2, channel="sms")
    await texting.told(Receipt(provider_id="p-1", status="delivered"))
    assert (await texting.message("delivered")).delivery.id != first.delivery.id


async def test_receipt_of_a_message_that_is_held_while_it_is_sent_is_kept_for_it(texting: Texting) -> None:
    await texting.rule()
    hold = asyncio.Event()
    texting.receiver.plan("/send", Answer(200, TAKEN.headers, TAKEN.body, hold=hold))
    await texting.missed()
    await texting.receiver.wait(1)
    (delivery,) = await texting.home.deliveries(channel="sms")
    await texting.home.app.store.hold(texting.home.account_id, texting.connection.id, "paused")
    await texting.told(Receipt(reference=delivery.id, status="delivered"))
    hold.set()
    await texting.message("delivered")


async def test_id_that_not_every_database_takes_is_still_found(texting: Texting) -> None:
    await texting.rule()
    texting.receiver.plan("/send", Answer(200, TAKEN.headers, rb'{"id": "x\u0000y"}'))
    await texting.missed()
    await texting.message("sent")
    await texting.told(Receipt(provider_id="x\x00y", status="delivered"))
    await texting.message("delivered")


async def test_text_from_no_number_at_all_is_kept(texting: Texting) -> None:
    text = Text(from_="\x00" + "x" * 5_000, text="STOP", provider_id="in-1")
    await texting.home.app.receiving.hear(texting.connection, (), [text])
    page = await texting.home.app.store.list_texts(texting.home.account_id, None, None, 10)
    assert len(page.items) == 1
