"""/v1/sms/explain and /v1/messages/test: would it go, and does it arrive (S5, S8)."""

from typing import Any

import pytest

from aftercall.domain.connection import Connection
from aftercall.domain.dlt import DltTemplate
from aftercall.domain.message_template import MessageTemplate
from aftercall.engine.rehearsal import Wanted, as_test, by_hand
from aftercall.server import Server
from tests.api.conftest import Api
from tests.api.desk import CALLER, Desk
from tests.support.mailserver import MailServer
from tests.support.receiver import Answer, Receiver

NIGHT = "2026-11-21T09:30:00Z"  # 01:30 in California
NOON = "2026-11-20T20:30:00Z"


@pytest.fixture
async def desk(server: Server, api: Api, receiver: Receiver) -> Desk:
    return await Desk(server, api, receiver).open()


def text(**more: Any) -> dict[str, Any]:
    return {"to": CALLER, "text": "Hello {{ agent.name }}", "category": "service_implicit"} | more


async def test_text_that_would_go_is_shown_with_its_cost_and_every_check(desk: Desk) -> None:
    answer = await desk.api.post("/v1/sms/explain", text())
    (message,) = answer["messages"]
    assert (message["would"], message["text"], message["cost"]) == ("send", "Hello Jordan", "0.01")
    assert message["explanation"].startswith("Dry run: goes")
    assert message["decision"]["outcome"] == "dry_run"
    assert len(message["decision"]["checks"]) > 20
    assert desk.sent() == []
    assert (await desk.api.get("/v1/messages"))["items"] == []


async def test_mail_is_explained_as_texts_are(desk: Desk) -> None:
    asked = text(to="ada@example.com", subject="Your call with {{ agent.name }}")
    (message,) = (await desk.api.post("/v1/email/explain", asked))["messages"]
    assert (message["would"], message["reason"]) == ("block", "no_connection")
    assert (message["subject"], message["segments"]) == ("Your call with Jordan", None)


async def test_action_of_texts_is_no_action_of_mails(desk: Desk) -> None:
    rule = await desk.rule()
    asked = {"rule_id": rule.id, "call_id": await desk.missed()}
    assert (await desk.api.post("/v1/email/explain", asked)).field == "rule_id"


async def test_time_that_is_asked_for_counts(desk: Desk) -> None:
    asked = text(category="promotional")
    (night,) = (await desk.api.post("/v1/sms/explain", asked | {"at": NIGHT}))["messages"]
    assert "outside_window" in [c.get("reason") for c in night["decision"]["checks"]]
    (noon,) = (await desk.api.post("/v1/sms/explain", asked | {"at": NOON}))["messages"]
    assert "outside_window" not in [c.get("reason") for c in noon["decision"]["checks"]]


@pytest.mark.parametrize(
    ("to", "reason"),
    [("101", "internal_extension"), ("+15550100", "invalid_number"), ("nobody", "internal_extension")],
)
async def test_number_that_is_none_is_a_reason(desk: Desk, to: str, reason: str) -> None:
    (message,) = (await desk.api.post("/v1/sms/explain", text(to=to)))["messages"]
    assert (message["would"], message["reason"]) == ("block", reason)


async def test_rule_on_a_stored_call_is_explained_for_each_recipient(desk: Desk) -> None:
    call_id = await desk.missed()
    rule = await desk.rule(recipients="both")
    answer = await desk.api.post("/v1/sms/explain", {"rule_id": rule.id, "call_id": call_id})
    caller, user = answer["messages"]
    assert (answer["trigger"], answer["skipped"]) == ("call.completed", None)
    assert (caller["role"], caller["would"], caller["to"]) == ("caller", "send", CALLER)
    assert (user["role"], user["would"], user["reason"]) == ("user", "block", "no_number")
    assert desk.sent() == []


async def test_rule_that_has_run_would_be_a_duplicate(desk: Desk) -> None:
    rule = await desk.rule()
    call_id = await desk.missed()
    await desk.message("sent")
    answer = await desk.api.post("/v1/sms/explain", {"rule_id": rule.id, "call_id": call_id})
    assert answer["messages"][0]["reason"] == "duplicate"


async def test_rule_that_is_off_says_so(desk: Desk) -> None:
    call_id = await desk.missed()
    rule = await desk.rule(status="disabled")
    answer = await desk.api.post("/v1/sms/explain", {"rule_id": rule.id, "call_id": call_id})
    assert answer["messages"][0]["reason"] == "rule_disabled"


async def test_rule_that_does_not_run_for_the_call_says_why(desk: Desk) -> None:
    call_id = await desk.missed()
    rule = await desk.rule(events=("answered",))
    answer = await desk.api.post("/v1/sms/explain", {"rule_id": rule.id, "call_id": call_id})
    assert (answer["skipped"]["code"], answer["messages"]) == ("outcome:missed", [])
    assert answer["skipped"]["reason"] == "The action does not want calls with the outcome missed."


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "to"),
        ({"to": CALLER}, "text"),
        ({"to": CALLER, "text": "Hello"}, "category"),
        ({"to": CALLER, "text": "{{ nonsense }}", "category": "promotional"}, "text"),
        ({"rule_id": "RULE"}, "call_id"),
        ({"rule_id": "RULE", "call_id": "cl_1", "to": CALLER}, "to"),
        ({"to": CALLER, "text": "Hi", "category": "promotional", "sender_id": "snd_1"}, "sender_id"),
        ({"to": CALLER, "text": "Hi", "category": "promotional", "connection_id": "cn_1"}, "connection_id"),
    ],
)
async def test_question_that_breaks_a_rule(desk: Desk, asked: dict[str, Any], field: str) -> None:
    answer = await desk.api.post("/v1/sms/explain", asked)
    assert (answer.status, answer.field) == (422, field)


async def test_test_text_arrives_marked_and_is_no_part_of_anything(desk: Desk) -> None:
    answer = await desk.api.post("/v1/messages/test", {"to": CALLER, "template_id": desk.template.id})
    assert (answer["status"], answer["message"], answer["marked"]) == ("sent", "Sent", True)
    assert [t["text"] for t in desk.sent()] == ["[Test] Sorry we missed you, caller."]
    stored = await desk.api.get(f"/v1/messages/{answer['message_id']}")
    assert (stored["is_test"], stored["status"], stored["call_id"]) == (True, "sent", None)
    assert (await desk.api.get("/v1/messages/rates"))["items"] == []
    assert answer["attempt"]["status_code"] == 200


async def test_test_of_a_connection_alone_sends_a_sentence(desk: Desk) -> None:
    answer = await desk.api.post("/v1/messages/test", {"to": CALLER, "connection_id": desk.connection.id})
    assert (answer["status"], desk.sent()[0]["text"]) == ("sent", "[Test] This is a test of AfterCall.")


async def test_test_to_a_number_that_opted_out_is_blocked(desk: Desk) -> None:
    await desk.suppress()
    answer = await desk.api.post("/v1/messages/test", {"to": CALLER, "template_id": desk.template.id})
    assert (answer["status"], answer["error"], answer["attempt"]) == ("blocked", "suppressed", None)
    assert "Remove the entry" in answer["message"]
    assert desk.sent() == []


@pytest.mark.parametrize(
    ("planned", "status", "error"),
    [(Answer(401, (), b"no"), "failed", "credentials"), (Answer(500), "unknown", "in_doubt"),
     (Answer(429), "failed", "throttled")],
)  # fmt: skip
async def test_test_that_does_not_arrive_says_exactly_why_and_is_not_tried_again(
    desk: Desk, planned: Answer, status: str, error: str
) -> None:
    desk.receiver.plan("/send", planned)
    answer = await desk.api.post("/v1/messages/test", {"to": CALLER, "template_id": desk.template.id})
    assert (answer["status"], answer["error"]) == (status, error)
    assert answer["message"] == answer["attempt"]["detail"]
    stored = await desk.api.get(f"/v1/messages/{answer['message_id']}")
    assert (stored["attempts"], stored["next_attempt_at"]) == (1, None)
    assert len(desk.sent()) == 1


async def test_test_whose_server_died_is_in_doubt_and_not_sent_again(desk: Desk) -> None:
    """The start was committed, the result never was."""
    app, settings = desk.app, await desk.app.settings.get(desk.account_id)
    assert settings is not None
    wanted = Wanted(template=desk.template, to=CALLER)
    test, _ = as_test(by_hand(wanted, None, None, settings.office, app.clock.now()))
    await app.store.add_resends([test], owner=app.fleet.incarnation)
    begun, _, goes = await app.gate.decide(test, settings)
    assert goes
    await app.store.unclaim([begun], app.fleet.incarnation)
    app.dispatcher.wake()
    doubt = await desk.message("unknown")
    assert (doubt["id"], doubt["reason"], desk.sent()) == (test.id, "in_doubt", [])


async def test_test_that_would_have_to_wait_is_not_sent_later(desk: Desk) -> None:
    await desk.app.store.update_setup(_paused(desk.connection))
    desk.app.dispatcher.forget(desk.account_id)
    answer = await desk.api.post("/v1/messages/test", {"to": CALLER, "template_id": desk.template.id})
    assert (answer["status"], answer["error"]) == ("blocked", "connection_paused")
    assert answer["message"] == "Not sent: connection paused (paused). A test does not wait."


async def test_test_cannot_be_sent_again(desk: Desk) -> None:
    answer = await desk.api.post("/v1/messages/test", {"to": CALLER, "template_id": desk.template.id})
    refused = await desk.api.post(f"/v1/messages/{answer['message_id']}/resend", {"confirm": True})
    assert (refused.status, refused.code) == (409, "conflict")


async def test_test_of_a_registered_indian_text_is_left_as_it_is(desk: Desk) -> None:
    """With anything in front of it the operators would reject it."""
    template = await desk.add(
        MessageTemplate, "tpl", name="DLT", channel="sms", category="service_implicit", text="We will call back.",
        dlt=DltTemplate(entity_id="1" * 19, template_id="2" * 19, category="service_implicit",
                        content="We will call back.", headers=("ACCALL",)),
    )  # fmt: skip
    answer = await desk.api.post("/v1/messages/test", {"to": "+919876543210", "template_id": template.id})
    assert (answer["marked"], answer["text"]) == (False, "We will call back.")


async def test_test_mail_is_marked_in_its_subject(desk: Desk) -> None:
    async with MailServer() as mail:
        connection = await desk.add(
            Connection, "cn", channel="email", type="smtp", token="e" * 20,
            settings={"host": "127.0.0.1", "port": mail.port, "security": "none", "from_address": "us@example.com"},
        )  # fmt: skip
        asked = {"to": "ada@example.com", "connection_id": connection.id}
        answer = await desk.api.post("/v1/messages/test", asked)
        assert (answer["status"], answer["message"]) == ("sent", "Sent")
        (caught,) = mail.mails
        assert caught.message["Subject"] == "[Test] A test of AfterCall"


def _paused(connection: Connection) -> Connection:
    import msgspec

    return msgspec.structs.replace(connection, status="paused", version=connection.version + 1)
