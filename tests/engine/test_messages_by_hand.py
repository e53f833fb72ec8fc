"""Messages put off, tried, sent again; answers to keywords; all over a real HTTP gateway (S5, S8, W10, W11)."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from aftercall.domain.delivery import Attempt, Delivery
from aftercall.domain.guard.decision import Decision
from aftercall.domain.message import Text
from aftercall.engine.ids import new_id
from aftercall.engine.message_rows import MessageQuery, MessageRow
from aftercall.engine.rehearsal import Wanted, as_test, by_hand
from aftercall.engine.resend import again
from aftercall.engine.rows import Settings
from tests.engine.test_messages import CALLER, TAKEN, Texting
from tests.support.house import house
from tests.support.receiver import Answer, Receiver
from tests.support.wait import until


@pytest.fixture
async def texting(database_url: str, tmp_path: Path) -> AsyncIterator[Texting]:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        made = Texting(home, receiver)
        await made.set_up()
        yield made


async def made_test(texting: Texting) -> tuple[Delivery, Settings]:
    settings = await texting.home.app.settings.get(texting.home.account_id)
    assert settings is not None
    wanted = Wanted(template=texting.template, to=CALLER)
    made, _ = as_test(by_hand(wanted, None, None, settings.office, texting.home.clock.now()))
    return made, settings


async def send_test(texting: Texting) -> tuple[Delivery, Decision, Attempt | None]:
    return await texting.home.app.dispatcher.send_test_message(*await made_test(texting))


async def test_text_that_was_put_off_goes_later_and_its_delay_is_not_ours(texting: Texting) -> None:
    store, account_id = texting.home.app.store, texting.home.account_id
    capped = msgspec.structs.replace(texting.sender, id=new_id("snd"), value="+14085550198", daily_cap=1)
    await store.add_setup(capped)
    await texting.rule(sender_id=capped.id)
    await texting.missed("c1")
    await texting.message("sent")
    (taken,) = await texting.home.post(texting.home.finished("c2", from_="+12125551234", status="missed"))
    (waiting,) = await _listed(texting, taken.call_id, "pending")
    assert (waiting.deferred, waiting.delivery.put_off) == (True, True)
    before = await store.health(account_id, texting.connection.id)
    await texting.home.forward(24 * 3600 - 600)
    (sent,) = await _listed(texting, taken.call_id, "sent")
    assert sent.deferred
    after = await store.health(account_id, texting.connection.id)
    assert (after.delivered, after.delay_p95_ms) == (2, before.delay_p95_ms)
    counted = texting.home.app.metrics.histograms["aftercall_delay_seconds"].counts
    assert sum(counted) == 1


async def test_test_message_goes_at_once_and_counts_nowhere(texting: Texting) -> None:
    done, decision, attempt = await send_test(texting)
    assert (done.status, decision.outcome, decision.is_test) == ("sent", "send", True)
    assert attempt is not None
    row = await texting.message("sent")
    assert row.delivery.is_test
    assert await texting.home.app.store.message_rates(texting.home.account_id, "sender", MessageQuery()) == []
    assert [text["text"][:7] for text in texting.sent()] == ["[Test] "]


async def test_test_message_without_an_answer_is_in_doubt_and_not_repeated(texting: Texting) -> None:
    texting.receiver.plan("/send", Answer(500))
    done, _, _ = await send_test(texting)
    assert (done.status, done.reason) == ("unknown", "in_doubt")
    await texting.home.forward(3 * 86_400)
    assert len(texting.sent()) == 1


async def test_test_message_begun_by_a_process_that_died_is_in_doubt(texting: Texting) -> None:
    app = texting.home.app
    test, settings = await made_test(texting)
    await app.store.add_resends([test], owner=app.fleet.incarnation)
    begun, _, goes = await app.gate.decide(test, settings)
    assert goes
    await app.store.unclaim([begun])
    app.dispatcher.wake()
    (doubt,) = await texting.home.settled("unknown", channel="sms")
    assert (doubt.id, texting.sent()) == (test.id, [])


async def test_test_message_that_the_provider_refuses_for_good_suppresses_its_number(
    texting: Texting,
) -> None:
    known = {"21610": {"error": "opted_out", "hint": "h", "suppress": True}}
    settings = {**texting.connection.settings, "codes": known, "code_path": "code"}
    changed = msgspec.structs.replace(texting.connection, settings=settings, version=2)
    assert await texting.home.app.store.update_setup(changed)
    texting.home.app.dispatcher.forget(texting.home.account_id)
    texting.receiver.plan("/send", Answer(400, TAKEN.headers, b'{"code": "21610"}'))
    await send_test(texting)
    done, decision, attempt = await send_test(texting)
    assert (done.status, decision.primary_code, attempt) == ("blocked", "opted_out_at_provider", None)


async def test_resend_is_a_message_of_its_own_and_no_duplicate(texting: Texting) -> None:
    await texting.rule()
    call_id = await texting.missed()
    row = await texting.message("sent")
    new = again(row.delivery, texting.connection, texting.home.clock.now())
    await texting.home.app.store.add_resends([new])
    texting.home.app.dispatcher.wake()
    assert len(await _listed(texting, call_id, "sent", 2)) == 2
    found = await texting.home.app.store.get_messages(
        texting.home.account_id, [new.id, row.delivery.id, "dl_x"]
    )
    assert {id_: m.delivery.resend_of for id_, m in found.items()} == {
        new.id: row.delivery.id,
        row.delivery.id: None,
    }


async def test_keyword_told_again_is_answered_once(texting: Texting) -> None:
    connection = msgspec.structs.replace(texting.connection, keyword_replies="aftercall")
    hear = texting.home.app.receiving.hear
    for text in ("STOP", "STOP", "HELP", "HELP"):
        await hear(connection, (), [Text(from_=CALLER, to=texting.sender.value, text=text, provider_id=text)])
    await texting.home.settled("sent", 2, channel="sms")
    stop, help_ = sorted(text["text"] for text in texting.sent()) if len(texting.sent()) == 2 else ("", "")
    assert ("Reply STOP" in stop, "no more texts from us" in help_) == (True, True)


async def _listed(texting: Texting, call_id: str, status: str, count: int = 1) -> list[MessageRow]:
    """The call's messages with this status, once there are so many."""

    async def enough() -> list[MessageRow] | None:
        asked = MessageQuery(call_id=call_id, status=(status,))
        page = await texting.home.app.store.list_messages(texting.home.account_id, asked)
        return list(page.items) if len(page.items) >= count else None

    return await until(enough)
