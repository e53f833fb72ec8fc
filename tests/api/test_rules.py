# /v1/rules: post-call actions, what they name, their order, and no eleventh for one call (S1).

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.setups import connection, rule, sender, template


def smtp(**more: Any) -> dict[str, Any]:
    return {"type": "smtp", "settings": {"host": "mail.example", "from_address": "a@b.example"} | more}


async def test_action_when_made_changed_and_deleted(api: Api) -> None:
    way = await connection(api)
    made = await rule(
        api, name="Sorry", events=["missed"], filters={"directions": ["inbound"]}, recipients="both",
        template_id=(await template(api))["id"], sender_id=(await sender(api, way["id"]))["id"],
        hold_for=["analysis"],
    )  # fmt: skip
    assert (made["events"], made["triggers"], made["position"]) == (
        ["missed", "abandoned"],
        ["call.completed"],
        0,
    )
    assert "includes abandoned" in made["notes"][0]
    path = f"/v1/rules/{made['id']}"
    changed = await api.patch(path, {"status": "disabled", "template_id": None, "filters": None})
    assert (changed["status"], changed["template_id"], changed["filters"]) == ("disabled", None, {})
    assert (changed["recipients"], changed["hold_for"]) == ("both", ["analysis"])
    assert (await api.get(path))["updated_at"] == changed["updated_at"]
    assert (await api.delete(path)).status == 204
    assert (await api.get(path)).status == (await api.delete(path)).status == 404


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"recipients": ...}, "recipients"),
        ({"recipients": "everybody"}, "recipients"),
        ({"recipients": "fixed"}, "to"),
        ({"to": ["+14085550102"]}, "to"),
        ({"recipients": "fixed", "to": ["102"]}, "to[0]"),
        ({"recipients": "fixed", "to": ["+14085550102", "jo@example.com"]}, "to[1]"),
        ({"channel": "email", "recipients": "fixed", "to": ["+14085550102"]}, "to[0]"),
        ({"channel": "email", "recipients": "fixed", "to": ["a@b.example\nBcc: x@y.example"]}, "to[0]"),
        ({"template_id": "tpl_none"}, "template_id"),
        ({"sender_id": "snd_none"}, "sender_id"),
        ({"connection_id": "cn_none"}, "connection_id"),
        ({"channel": "email", "sender_id": "snd_none"}, "sender_id"),
        ({"channel": "webhook", "recipients": "caller"}, "webhook_id"),
        ({"channel": "webhook", "recipients": ...}, "webhook_id"),
        ({"channel": "webhook", "recipients": ..., "webhook_id": "wb_none"}, "webhook_id"),
        ({"channel": "webhook", "webhook_id": "wb_none"}, "recipients"),
        ({"webhook_id": "wb_none"}, "webhook_id"),
        ({"include_results": True}, "include_results"),
        ({"triggers": ["nonsense"]}, "triggers"),
        ({"triggers": []}, "triggers"),
        ({"triggers": ["webhook.failing"]}, "triggers"),
        ({"events": ["nonsense"]}, "events"),
        ({"filters": {"min_duration_seconds": 9, "max_duration_seconds": 3}}, "filters.max_duration_seconds"),
        ({"filters": {"nonsense": 1}}, "filters.nonsense"),
        ({"max_age_minutes": 0}, "max_age_minutes"),
        ({"channel": "pigeon"}, "channel"),
        ({"name": "a\x1b"}, "name"),
    ],
)
async def test_action_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str) -> None:
    given = {"channel": "sms", "recipients": "caller"} | asked
    answer = await api.post("/v1/rules", {name: value for name, value in given.items() if value is not ...})
    assert (answer.status, answer.field) == (422, field), answer.body
    assert (await api.get("/v1/rules"))["items"] == []


async def test_what_an_action_names_is_of_its_channel(api: Api) -> None:
    text = (await template(api))["id"]
    mail = (await api.post("/v1/connections", smtp()))["id"]
    for asked in ({"channel": "email", "template_id": text}, {"channel": "sms", "connection_id": mail}):
        answer = await api.post("/v1/rules", {"recipients": "caller"} | asked)
        assert answer.status == 422
        assert "is a" in answer["error"]["errors"][0]["message"]
    assert (await rule(api, channel="email", connection_id=mail))["connection_id"] == mail


async def test_fixed_recipients_are_kept_as_they_are_sent_to(api: Api) -> None:
    await api.patch("/v1/account", {"country": "US"})
    texts = await rule(api, recipients="fixed", to=["(408) 555-0102", "+14085550102"])
    assert texts["to"] == ["+14085550102"]
    assert (await api.patch(f"/v1/rules/{texts['id']}", {"recipients": "user"}))["to"] == []
    mails = await rule(api, channel="email", recipients="fixed", to=["ops@exämple.com"])
    assert mails["to"] == ["ops@xn--exmple-cua.com"]


async def test_action_whose_template_is_gone_can_be_switched_off(api: Api) -> None:
    stored = (await template(api))["id"]
    made = await rule(api, status="disabled", template_id=stored)
    await api.delete(f"/v1/message-templates/{stored}")
    path = f"/v1/rules/{made['id']}"
    assert (await api.patch(path, {"name": "x"})).status == 200
    assert (await api.patch(path, {"template_id": stored})).field == "template_id"


async def test_webhook_of_an_action_stays(api: Api) -> None:
    hook = (await api.webhook())["id"]
    made = await api.post("/v1/rules", {"channel": "webhook", "webhook_id": hook})
    assert (made.status, made["include_results"]) == (201, True)
    refused = await api.delete(f"/v1/webhooks/{hook}")
    assert (refused.status, made["id"] in refused["error"]["message"]) == (409, True)
    await api.delete(f"/v1/rules/{made['id']}")
    assert (await api.delete(f"/v1/webhooks/{hook}")).status == 204


async def test_order_is_that_of_the_ids(api: Api) -> None:
    ids = [(await rule(api))["id"] for _ in range(3)]
    turned = [ids[2], ids[0], ids[1]]
    ordered = await api.put("/v1/rules/order", {"ids": turned})
    assert [item["id"] for item in ordered["items"]] == turned
    listed = (await api.get("/v1/rules"))["items"]
    assert {item["id"]: item["position"] for item in listed} == {id_: i for i, id_ in enumerate(turned)}
    for wrong in (ids[:2], [*ids, ids[0]], [*ids[:2], "rl_none"]):
        assert (await api.put("/v1/rules/order", {"ids": wrong})).field == "ids"
    assert (await rule(api))["position"] == 3


async def test_eleventh_action_for_a_call_is_refused(api: Api) -> None:
    ids = [(await rule(api, events=["missed_only"]))["id"] for _ in range(10)]
    asked = {"channel": "sms", "recipients": "user", "filters": {"queues": ["Sales"]}}
    refused = await api.post("/v1/rules", asked)
    message = refused["error"]["message"]
    assert (refused.status, "outcome missed" in message, ids[0] in message) == (409, True, True)
    other = await rule(api, events=["answered"])
    assert (await api.patch(f"/v1/rules/{other['id']}", {"events": ["all"]})).status == 409
    asleep = await rule(api, status="disabled")
    assert (await api.patch(f"/v1/rules/{asleep['id']}", {"status": "enabled"})).status == 409
    await api.patch(f"/v1/rules/{ids[0]}", {"status": "disabled"})
    assert (await api.patch(f"/v1/rules/{asleep['id']}", {"status": "enabled"})).status == 200


async def test_action_without_a_connection_is_noted(api: Api) -> None:
    assert "no connection for sms" in (await rule(api))["notes"][0]
    await connection(api)
    assert (await rule(api))["notes"] == []
