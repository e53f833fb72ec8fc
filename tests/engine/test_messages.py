"""Texts after calls, from the fact to the receipt, over a real HTTP gateway (S1, S5, S6, promise 12)."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.contact import Suppression
from aftercall.domain.fact import Data, Kind
from aftercall.domain.message import Receipt, Text
from aftercall.engine.ids import new_id
from aftercall.engine.message_rows import MessageQuery, MessageRow
from aftercall.engine.resend import again
from tests.support.house import house
from tests.support.receiver import Answer, Receiver
from tests.support.texting import AGENT, CALLER, TAKEN, Texting, decision
from tests.support.wait import until


@pytest.fixture
async def texting(database_url: str, tmp_path: Path) -> AsyncIterator[Texting]:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        made = Texting(home, receiver)
        await made.set_up()
        yield made


async def test_missed_call_becomes_a_text_with_its_decision(texting: Texting) -> None:
    rule = await texting.rule()
    call_id = await texting.missed()
    row = await texting.message("sent")
    (text,) = texting.sent()
    assert (text["to"], text["text"], text["ref"]) == (CALLER, "Sorry we missed you, Ana.", row.delivery.id)
    assert (row.delivery.call_id, row.rule_id, row.template_id) == (call_id, rule.id, texting.template.id)
    assert (row.sender, row.segments, row.progress.ids) == (texting.sender.value, 1, ("p-1",))
    assert decision(row).outcome == "send"
    assert len(decision(row).checks) > 20


async def test_receipt_says_that_it_arrived(texting: Texting) -> None:
    await texting.rule()
    await texting.missed()
    row = await texting.message("sent")
    await texting.told(Receipt(provider_id="p-1", status="sent"))
    await texting.told(Receipt(provider_id="p-1", status="delivered"))
    await texting.told(Receipt(provider_id="p-1", status="delivered"))
    assert (await texting.message("delivered")).delivery.id == row.delivery.id
    assert len(await texting.home.app.store.message_receipts(texting.home.account_id, row.delivery.id)) == 2


async def test_receipt_that_comes_before_the_answer_is_applied_with_it(texting: Texting) -> None:
    await texting.rule()
    await texting.told(Receipt(provider_id="p-1", status="undelivered", error="unreachable"))
    await texting.missed()
    row = await texting.message("undelivered")
    assert row.delivery.reason == "unreachable"


async def test_both_is_one_action_and_two_messages(texting: Texting) -> None:
    rule = await texting.rule(recipients="both")
    agent = {"id": "ag_1", "name": "Jo", "number": AGENT}
    await texting.missed(status="answered", agent=msgspec.convert(agent, type=_agent()))
    await texting.home.settled("sent", 2, channel="sms")
    assert {text["to"] for text in texting.sent()} == {CALLER, AGENT}
    rows = await texting.home.app.store.message_rates(texting.home.account_id, "rule_id", _all())
    assert [(row.key, row.messages, row.sent) for row in rows] == [(rule.id, 2, 2)]


async def test_anonymous_caller_is_a_reason_on_the_delivery(texting: Texting) -> None:
    await texting.rule()
    await texting.missed(from_=None, from_presentation="anonymous")
    row = await texting.message("blocked")
    assert row.delivery.reason == "anonymous_caller"
    assert decision(row).outcome == "block"
    assert texting.sent() == []


async def test_stop_blocks_the_next_text_and_start_lets_it_go(texting: Texting) -> None:
    await texting.rule()
    await texting.missed("c1")
    first = await texting.message("sent")
    hear = texting.home.app.receiving.hear
    await hear(texting.connection, (), [Text(from_=CALLER, text="Stop.", provider_id="in-1")])
    await texting.missed("c2")
    assert (await texting.message("blocked")).delivery.reason == "opted_out"
    stored = await texting.home.app.store.get_message(texting.home.account_id, first.delivery.id)
    assert stored is not None
    assert stored.opted_out_at is not None
    await hear(texting.connection, (), [Text(from_=CALLER, text="START", provider_id="in-2")])
    await texting.missed("c3")
    await texting.home.settled("sent", 2, channel="sms")


async def test_submit_without_an_answer_is_in_doubt_and_never_repeated(texting: Texting) -> None:
    await texting.rule()
    texting.receiver.plan("/send", Answer(500))
    await texting.missed()
    row = await texting.message("unknown")
    await texting.home.forward(3 * 86_400)
    assert len(texting.sent()) == 1
    assert row.delivery.reason == "in_doubt"


async def test_attempt_begun_by_a_process_that_died_is_in_doubt(texting: Texting) -> None:
    """The start was committed, the result never was: whoever takes over must not send it."""
    await texting.rule(status="disabled")
    rule = await texting.rule()
    await texting.missed()
    row = await texting.message("sent")
    again = msgspec.structs.replace(
        row.delivery, id=new_id("dl"), key=f"{row.delivery.event_id}:{rule.id}:again", status="pending",
        attempts=0, started=1, due_at=texting.home.clock.now(), reason=None,
    )  # fmt: skip
    await texting.home.app.store.add_resends([again])
    texting.home.app.dispatcher.wake()
    (doubt,) = await texting.home.settled("unknown", channel="sms")
    assert doubt.id == again.id
    assert len(texting.sent()) == 1


async def test_manual_entry_keeps_everything_from_a_number(texting: Texting) -> None:
    await texting.rule()
    entry = Suppression(
        account_id=texting.home.account_id, address=CALLER, channel="sms", source="manual", reason="asked by phone",
        created_at=texting.home.clock.now(), created_by="jo",
    )  # fmt: skip
    await texting.home.app.store.add_suppressions([entry])
    await texting.missed()
    row = await texting.message("blocked")
    failing = [check.code for check in decision(row).checks if check.result == "fail"]
    assert failing == ["suppression.manual"]


async def test_ten_rules_run_and_the_eleventh_is_recorded(texting: Texting) -> None:
    rules = [
        await texting.rule(position=n, recipients="fixed", to=(f"+1408555{n:04}",)) for n in range(1200, 1211)
    ]
    call_id = await texting.missed()
    await texting.home.settled("sent", 10, channel="sms")
    events = await texting.home.app.store.call_events(texting.home.account_id, call_id)
    skipped = [(s.subscriber_id, s.why) for spoken in events for s in spoken.skipped]
    assert skipped == [(rules[-1].id, "over_limit")]


async def test_webhook_waits_for_the_results_of_the_other_actions(texting: Texting) -> None:
    hold = Answer(200, TAKEN.headers, TAKEN.body)
    texting.receiver.plan("/send", hold)
    hook = await texting.home.webhook(texting.receiver.url("/summary"), triggers=("webhook.failing",))
    texts = await texting.rule(position=1)
    await texting.rule(channel="webhook", webhook_id=hook.id, template_id=None, position=2)
    await texting.missed()
    await texting.home.settled("sent", channel="sms")
    (report,) = await _at(texting.receiver, "/summary")
    body = json.loads(report.body)
    assert (body["event"], body["status"]) == ("call.actions_finished", "missed")
    (action,) = body["actions"]
    assert (action["rule_id"], action["recipients"][0]["status"]) == (texts.id, "sent")


async def test_webhook_tells_of_a_text_that_was_put_off(texting: Texting) -> None:
    """It is night where the recipient of a promotional text is: it waits for the morning."""
    template = msgspec.structs.replace(texting.template, id=new_id("tpl"), category="promotional")
    await texting.home.app.store.add_setup(template)
    hook = await texting.home.webhook(texting.receiver.url("/summary"), triggers=("webhook.failing",))
    await texting.consent()
    night = texting.home.clock.now().replace(hour=9, minute=30)  # 01:30 or 02:30 in California
    texting.home.clock.ahead = night + timedelta(days=1) - texting.home.clock.now()
    await texting.home.forward(0)
    await texting.rule(template_id=template.id)
    await texting.rule(channel="webhook", webhook_id=hook.id, template_id=None, position=2)
    await texting.missed()
    (report,) = await _at(texting.receiver, "/summary")
    (action,) = json.loads(report.body)["actions"]
    (reached,) = action["recipients"]
    assert (reached["status"], reached["reason"]) == ("deferred", "outside_window")
    assert texting.sent() == []


async def test_second_trigger_of_a_rule_sends_no_second_text(texting: Texting) -> None:
    await texting.rule(triggers=("call.completed", "call.updated"))
    await texting.missed()
    await texting.home.settled("sent", channel="sms")
    await texting.home.post(texting.home.fact(Kind.NOTED, "c1", Data(notes="Call back")))
    await texting.home.forward(3)
    row = await texting.message("blocked")
    assert row.delivery.reason == "duplicate"
    assert len(texting.sent()) == 1


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
    done, decision, attempt = await texting.send_test()
    assert (done.status, decision.outcome, decision.is_test) == ("sent", "send", True)
    assert attempt is not None
    row = await texting.message("sent")
    assert row.delivery.is_test
    assert await texting.home.app.store.message_rates(texting.home.account_id, "sender", _all()) == []
    assert [text["text"][:7] for text in texting.sent()] == ["[Test] "]


async def test_test_message_without_an_answer_is_in_doubt_and_not_repeated(texting: Texting) -> None:
    texting.receiver.plan("/send", Answer(500))
    done, _, _ = await texting.send_test()
    assert (done.status, done.reason) == ("unknown", "in_doubt")
    await texting.home.forward(3 * 86_400)
    assert len(texting.sent()) == 1


async def test_test_message_that_the_provider_refuses_for_good_suppresses_its_number(
    texting: Texting,
) -> None:
    known = {"21610": {"error": "opted_out", "hint": "h", "suppress": True}}
    settings = {**texting.connection.settings, "codes": known, "code_path": "code"}
    changed = msgspec.structs.replace(texting.connection, settings=settings, version=2)
    assert await texting.home.app.store.update_setup(changed)
    texting.home.app.dispatcher.forget(texting.home.account_id)
    texting.receiver.plan("/send", Answer(400, TAKEN.headers, b'{"code": "21610"}'))
    await texting.send_test()
    done, decision, attempt = await texting.send_test()
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


async def _at(receiver: Receiver, path: str) -> list[Any]:
    async def there() -> list[Any] | None:
        return [r for r in receiver.requests if r.path == path] or None

    return await until(there)


def _agent() -> Any:
    from aftercall.domain.fact import Agent

    return Agent


def _all() -> Any:
    return MessageQuery()


async def test_node_that_was_thought_dead_sends_nothing(texting: Texting) -> None:
    """Another node owns the delivery by the time the guard has let it go here."""
    await texting.rule()
    await texting.missed()
    row = await texting.message("sent")
    taken_over = msgspec.structs.replace(
        row.delivery, id=new_id("dl"), key=new_id("key"), status="pending", attempts=0, started=0,
        due_at=texting.home.clock.now(), resend_of=row.delivery.id,
    )  # fmt: skip
    await texting.home.app.store.add_resends([taken_over], owner="node_another")
    settings = await texting.home.app.settings.get(texting.home.account_id)
    assert settings is not None
    assert await texting.home.app.gate.admit(taken_over, settings) is None
    stored = await texting.home.app.store.get_delivery(texting.home.account_id, taken_over.id)
    assert stored is not None
    assert (stored.status, stored.started) == ("pending", 0)


async def test_sixth_text_to_a_caller_within_a_day_is_one_too_many(texting: Texting) -> None:
    await texting.rule()
    for number in range(6):
        await texting.missed(f"c{number}")
    await texting.home.settled("sent", 5, channel="sms")
    assert (await texting.message("blocked")).delivery.reason == "frequency_cap"


async def test_fixed_recipient_gets_as_many_as_there_are(texting: Texting) -> None:
    await texting.rule(recipients="fixed", to=(AGENT,))
    for number in range(8):
        await texting.missed(f"c{number}")
    await texting.home.settled("sent", 8, channel="sms")


async def test_start_that_is_told_again_lifts_no_later_stop(texting: Texting) -> None:
    hear = texting.home.app.receiving.hear
    start = Text(from_=CALLER, text="START", provider_id="in-1")
    await hear(texting.connection, (), [start])
    await hear(texting.connection, (), [Text(from_=CALLER, text="STOP", provider_id="in-2")])
    await hear(texting.connection, (), [start])
    found = await texting.home.app.store.find_suppressions(texting.home.account_id, [CALLER])
    assert [entry.source for entry in found[CALLER]] == ["keyword"]
