"""/v1/messages, rates, texts, resend: what is shown of a message, and who may send it again (S5, S6, W10, L2)."""

import asyncio
from typing import Any

import pytest

from aftercall.domain.message import Receipt, Text
from aftercall.server import Server
from tests.api.conftest import Api
from tests.api.desk import CALLER, Desk
from tests.support.receiver import Answer, Receiver


@pytest.fixture
async def desk(server: Server, api: Api, receiver: Receiver) -> Desk:
    return await Desk(server, api, receiver).open()


async def test_message_when_read_shows_text_decision_attempt_and_receipts(desk: Desk) -> None:
    rule = await desk.rule()
    call_id = await desk.missed()
    listed = await desk.message("sent")
    await desk.told(Receipt(provider_id="p-1", status="delivered", price="0.0079", currency="USD"))
    found = await desk.api.get(f"/v1/messages/{listed['id']}")
    assert (found["to"], found["call_id"], found["rule_id"]) == (CALLER, call_id, rule.id)
    assert found["text"].startswith("Sorry we missed you")
    assert (found["status"], found["provider_ids"], found["price"]) == ("delivered", ["p-1"], "0.0079")
    assert found["attempt_log"][0]["status_code"] == 200
    assert found["decision"]["outcome"] == "send"
    assert "checks passed" in found["explanation"]
    assert [receipt["status"] for receipt in found["receipts"]] == ["delivered"]
    assert found["receipts"][0]["received_at"]
    assert found["parts"][0]["provider_id"] == "p-1"


@pytest.mark.parametrize(
    "query",
    ["channel=sms", "address=%2B14085551234", "address=+14085551234", "sender=%2B14085550199", "status=sent",
     "since=2020-01-01T00:00:00Z"],
)  # fmt: skip
async def test_filter_finds_the_message(desk: Desk, query: str) -> None:
    await desk.rule()
    await desk.missed()
    message = await desk.message("sent")
    assert [m["id"] for m in (await desk.api.get(f"/v1/messages?{query}"))["items"]] == [message["id"]]


@pytest.mark.parametrize(
    "query",
    ["channel=email", "address=a@example.com", "sender=x", "status=failed", "rule_id=rl_1", "template_id=tpl_1",
     "connection_id=cn_1", "call_id=cl_1", "until=2020-01-01T00:00:00Z"],
)  # fmt: skip
async def test_filter_for_something_else_finds_nothing(desk: Desk, query: str) -> None:
    await desk.rule()
    await desk.missed()
    await desk.message("sent")
    assert (await desk.api.get(f"/v1/messages?{query}"))["items"] == []


async def test_message_that_was_blocked_says_why_and_what_to_do(desk: Desk) -> None:
    await desk.rule()
    await desk.suppress()
    await desk.missed()
    message = await desk.message("blocked")
    assert (message["reason"], message["hint"][:16]) == ("suppressed", "Remove the entry")
    decision = await desk.api.get(f"/v1/messages/{message['id']}/decision")
    assert "not sent: suppressed (manual" in decision["text"]
    assert CALLER not in str(decision.body)


async def test_message_that_failed_says_what_the_provider_said(desk: Desk) -> None:
    await desk.rule()
    desk.receiver.plan("/send", Answer(401, (), b'{"error": "bad login"}'))
    await desk.missed()
    message = await desk.message("failed")
    assert (message["reason"], message["why"]) == ("credentials", "The provider does not take the login")
    assert "401" in (await desk.api.get(f"/v1/messages/{message['id']}"))["why"]


async def test_webhook_delivery_is_no_message(desk: Desk) -> None:
    await desk.api.webhook(status="paused", triggers=["call.completed"])
    await desk.missed()
    (delivery,) = (await desk.api.get("/v1/deliveries"))["items"]
    assert (await desk.api.get(f"/v1/messages/{delivery['id']}")).status == 404


async def test_call_shows_messages_decisions_and_receipts(desk: Desk) -> None:
    rule = await desk.rule(name="Sorry text")
    off = await desk.rule(name="Answered only", events=("answered",))
    call_id = await desk.missed()
    await desk.message("sent")
    await desk.told(
        Receipt(provider_id="p-1", status="undelivered", error="unreachable", detail="Phone is off")
    )
    call = await desk.api.get(f"/v1/calls/{call_id}")
    (message,) = call["messages"]
    assert (message["rule_id"], message["rule_name"]) == (rule.id, "Sorry text")
    told = {m["type"]: m["text"] for m in call["timeline"]}
    assert "the guard lets it go" in told["decision"]
    assert told["receipt"] == "Text reported undelivered: Phone is off"
    assert "by action Sorry text: Not delivered (unreachable)" in told["delivery"]
    assert told["skipped"].startswith("Action Answered only did not run: The action does not want")
    skipped = [s for event in call["events"] for s in event["skipped"]]
    assert [(s["rule_id"], s["webhook_id"], s["name"]) for s in skipped] == [(off.id, None, "Answered only")]


async def test_decisions_of_a_call(desk: Desk) -> None:
    await desk.rule()
    call_id = await desk.missed()
    message = await desk.message("sent")
    (decision,) = (await desk.api.get(f"/v1/calls/{call_id}/decisions"))["items"]
    assert (decision["message_id"], decision["decision"]["outcome"]) == (message["id"], "send")


@pytest.mark.parametrize("path", ["messages", "deliveries"])
async def test_resend_needs_a_word_and_makes_a_message_of_its_own(desk: Desk, path: str) -> None:
    await desk.rule()
    await desk.missed()
    message = await desk.message("sent")
    asked = f"/v1/{path}/{message['id']}/resend"
    refused = await desk.api.post(asked)
    assert (refused.status, refused.code) == (409, "confirmation_needed")
    assert "twice" in refused.body["error"]["message"]
    assert len(desk.sent()) == 1
    again = await desk.api.post(asked, {"confirm": True})
    assert (again.status, again["resend_of"]) == (201, message["id"])
    async with asyncio.timeout(10):
        while (await desk.api.get(f"/v1/messages/{again['id']}"))["status"] != "sent":
            await asyncio.sleep(0.02)
    first, second = desk.sent()
    assert first["text"] == second["text"]
    assert first["ref"] != second["ref"]


async def test_resend_of_a_message_without_a_connection_goes_by_one_there_is_now(desk: Desk) -> None:
    now = desk.app.clock.now()
    await desk.app.store.delete_setup(type(desk.sender), desk.account_id, desk.sender.id, now)
    await desk.app.store.delete_setup(type(desk.connection), desk.account_id, desk.connection.id, now)
    await desk.rule()
    await desk.missed()
    message = await desk.message("blocked")
    assert (message["reason"], message["connection_id"]) == ("no_connection", None)
    asked = f"/v1/messages/{message['id']}/resend"
    assert (await desk.api.post(asked, {"confirm": True})).code == "conflict"
    await desk.open()
    again = await desk.api.post(asked, {"confirm": True})
    assert (again.status, again["connection_id"]) == (201, desk.connection.id)
    assert (await desk.message("sent"))["sender"] == desk.sender.value


async def test_resend_with_an_override_is_kept_with_who_and_why(desk: Desk) -> None:
    await desk.rule(status="disabled")
    rule = await desk.rule()
    await desk.missed()
    message = await desk.message("sent")
    await desk.app.store.delete_setup(type(rule), desk.account_id, rule.id, desk.app.clock.now())
    desk.app.dispatcher.forget(desk.account_id)
    asked: dict[str, Any] = {"confirm": True}
    await desk.api.post(f"/v1/messages/{message['id']}/resend", asked)
    assert (await desk.message("blocked"))["reason"] == "rule_disabled"
    asked["override"] = {"reason": "promised by phone"}
    made = await desk.api.post(f"/v1/messages/{message['id']}/resend", asked)
    await desk.receiver.wait(2)
    decision = (await desk.api.get(f"/v1/messages/{made['id']}/decision"))["decision"]
    keys = [key["id"] for key in (await desk.api.get("/v1/keys"))["items"]]
    assert (decision["outcome"], decision["override"]["reason"]) == ("override", "promised by phone")
    assert decision["override"]["by"] in keys


async def test_override_needs_its_scope(desk: Desk, url: str) -> None:
    await desk.rule()
    await desk.missed()
    message = await desk.message("sent")
    key = (await desk.api.post("/v1/keys", {"name": "k", "scopes": ["messages:write", "deliveries:write"]}))[
        "key"
    ]
    async with Api(url, key) as weak:
        asked = {"confirm": True, "override": {"reason": "because"}}
        assert (await weak.post(f"/v1/messages/{message['id']}/resend", asked)).status == 403
    assert len(desk.sent()) == 1


async def test_resend_of_a_text_through_deliveries_needs_the_scope_for_messages(desk: Desk, url: str) -> None:
    await desk.rule()
    await desk.missed()
    message = await desk.message("sent")
    key = (await desk.api.post("/v1/keys", {"name": "k", "scopes": ["deliveries:write"]}))["key"]
    async with Api(url, key) as weak:
        asked = {"confirm": True}
        assert (await weak.post(f"/v1/deliveries/{message['id']}/resend", asked)).status == 403


async def test_message_that_was_put_off_is_cancelled_and_then_not_sent_again_by_itself(desk: Desk) -> None:
    """A sender that has reached its daily cap puts a text off until tomorrow."""
    await desk.app.store.delete_setup(
        type(desk.sender), desk.account_id, desk.sender.id, desk.app.clock.now()
    )
    capped = await desk.add(
        type(desk.sender), "snd", connection_id=desk.connection.id, value="+14085550198",
        a2p=desk.sender.a2p, daily_cap=1,
    )  # fmt: skip
    await desk.rule(sender_id=capped.id)
    await desk.missed("c1")
    await desk.message("sent")
    await desk.missed("c2", **{"from": "+12125551234"})
    waiting = await desk.message("pending", address="%2B12125551234")
    assert (waiting["reason"], waiting["deferred"]) == ("sender_daily_cap", True)
    assert waiting["next_attempt_at"] > waiting["created_at"]
    refused = await desk.api.post(f"/v1/messages/{waiting['id']}/resend", {"confirm": True})
    assert (refused.status, refused.code) == (409, "conflict")
    assert (await desk.api.post(f"/v1/messages/{waiting['id']}/cancel"))["status"] == "cancelled"
    assert len(desk.sent()) == 1


async def test_rates_by_rule_have_its_name_and_leave_tests_out(desk: Desk) -> None:
    rule = await desk.rule()
    await desk.missed()
    await desk.message("sent")
    await desk.api.post("/v1/messages/test", {"rule_id": rule.id, "to": CALLER})
    await desk.told(Receipt(provider_id="p-1", status="delivered"))
    await desk.heard(Text(from_=CALLER, text="Thanks!", provider_id="in-1"))
    (row,) = (await desk.api.get("/v1/messages/rates?by=rule"))["items"]
    assert (row["key"], row["name"], row["messages"], row["sent"]) == (rule.id, "Missed", 1, 1)
    assert (row["delivery_rate"], row["opt_out_rate"]) == (1.0, 0.0)


@pytest.mark.parametrize(("by", "name"), [("template", "Sorry"), ("sender", None), ("connection", "")])
async def test_rates_by_something_else(desk: Desk, by: str, name: str | None) -> None:
    await desk.rule()
    await desk.missed()
    await desk.message("sent")
    (row,) = (await desk.api.get(f"/v1/messages/rates?by={by}&channel=sms"))["items"]
    assert (row["sent"], row["name"]) == (1, name)


async def test_text_that_comes_in_is_shown_with_the_message_it_answers(desk: Desk) -> None:
    await desk.rule()
    call_id = await desk.missed()
    message = await desk.message("sent")
    await desk.heard(Text(from_=CALLER, text="Please call me", provider_id="in-1"))
    (text,) = (await desk.api.get("/v1/texts?address=%2B14085551234"))["items"]
    assert (text["text"], text["answers"]["message_id"]) == ("Please call me", message["id"])
    call = await desk.api.get(f"/v1/calls/{call_id}")
    assert [m["text"] for m in call["timeline"] if m["type"] == "reply"] == ["The recipient wrote back"]


async def test_delay_of_a_message_is_measured_and_that_of_one_put_off_is_not(desk: Desk) -> None:
    await desk.rule()
    await desk.missed()
    await desk.message("sent")
    health = await desk.app.store.health(desk.account_id, desk.connection.id)
    assert health.delay_p50_ms is not None
    assert 0 < health.delay_p50_ms < 15_000
    assert "aftercall_delay_seconds_count 1" in str((await desk.api.get("/metrics")).body)


async def test_stop_is_confirmed_once_and_nothing_else_is_sent(
    server: Server, api: Api, receiver: Receiver
) -> None:
    desk = await Desk(server, api, receiver).open(keyword_replies="aftercall")
    stop = Text(from_=CALLER, to=desk.sender.value, text="STOP", provider_id="in-1")
    await desk.heard(stop)
    await desk.heard(stop)
    await desk.heard(Text(from_=CALLER, to=desk.sender.value, text="stop", provider_id="in-2"))
    await desk.receiver.wait(1)
    await desk.rule()
    await desk.missed()
    assert (await desk.message("blocked"))["reason"] == "opted_out"
    (answer,) = desk.sent()
    assert answer["to"] == CALLER
    assert "no more texts" in answer["text"]
    message = await desk.message("sent")
    decision = (await desk.api.get(f"/v1/messages/{message['id']}/decision"))["decision"]
    assert (decision["category"], decision["sender"]) == ("conversational", desk.sender.value)


async def test_help_is_answered_even_after_stop(server: Server, api: Api, receiver: Receiver) -> None:
    desk = await Desk(server, api, receiver).open(keyword_replies="aftercall")
    for number, word in enumerate(("STOP", "HELP")):
        await desk.heard(Text(from_=CALLER, to=desk.sender.value, text=word, provider_id=f"in-{number}"))
    await desk.receiver.wait(2)
    assert "Reply STOP" in desk.sent()[1]["text"]


async def test_entry_made_by_hand_keeps_even_the_answer_back(
    server: Server, api: Api, receiver: Receiver
) -> None:
    desk = await Desk(server, api, receiver).open(keyword_replies="aftercall")
    await desk.suppress()
    await desk.heard(Text(from_=CALLER, to=desk.sender.value, text="HELP", provider_id="in-1"))
    assert (await desk.message("blocked"))["reason"] == "suppressed"
    assert desk.sent() == []
