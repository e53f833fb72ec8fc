# /v1/message-templates: checked when saved, and previewed on real calls (S2).

from typing import Any

import pytest

from aftercall.domain.message_context import variables
from tests.api.conftest import DOCUMENT, Api
from tests.api.setups import TEMPLATE, connection, rule, template

DLT = {"entity_id": "1101000000000000001", "template_id": "1107000000000000001", "headers": ["ACMECO"],
       "content": "Dear {#var#}, we missed your call.", "category": "service_implicit"}  # fmt: skip
DLT_TEXT = "Dear {{ customer.name | default: 'customer' | truncate: 30 }}, we missed your call."


async def preview(api: Api, **asked: Any) -> Any:
    answer = await api.post("/v1/message-templates/preview", asked)
    assert answer.status == 200, answer.body
    return answer.body


async def test_template_when_made_changed_and_deleted(api: Api) -> None:
    made = await template(api, description="d", time_zone="IST")
    assert (made["channel"], made["time_zone"], made["dlt"], made["notes"]) == (
        "sms",
        "Asia/Kolkata",
        None,
        [],
    )
    path = f"/v1/message-templates/{made['id']}"
    changed = await api.patch(path, {"text": "Hi", "time_zone": None})
    assert (changed["text"], changed["time_zone"], changed["name"]) == ("Hi", None, "Missed")
    assert (await api.get(path)).body == changed.body
    assert (await api.delete(path)).status == 204
    assert (await api.get(path)).status == (await api.delete(path)).status == 404


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"text": "Hello {{ nonsense.here }}"}, "text", "nonsense"),
        ({"text": "Hello {{ call.status | nonsense }}"}, "text", "nonsense"),
        ({"text": "Hello {{ call.status"}, "text", "position 7"),
        ({"text": "  "}, "text", "say something"),
        ({"text": "x" * 2001}, "text", "2000"),
        ({"name": " "}, "name", "1 to 100"),
        ({"subject": "s"}, "subject", "mails"),
        ({"category": "spam"}, "category", "one of"),
        ({"channel": "email"}, "subject", "say something"),
        ({"channel": "email", "subject": "s", "html": "{% for %}"}, "html", ""),
        ({"channel": "email", "subject": "s", "dlt": DLT}, "dlt", "texts"),
        ({"dlt": DLT | {"entity_id": "x"}}, "dlt.entity_id", "digits"),
        ({"dlt": DLT | {"content": "Nothing like it"}}, "text", ""),
        ({"time_zone": "Mars/Base"}, "time_zone", "IANA"),
    ],
)
async def test_template_when_it_breaks_a_rule(api: Api, asked: Any, field: str, said: str) -> None:
    answer = await api.post("/v1/message-templates", TEMPLATE | asked)
    assert (answer.status, answer.field.split("[")[0]) == (422, field), answer.body
    assert said in answer["error"]["errors"][0]["message"]
    assert (await api.get("/v1/message-templates"))["items"] == []


async def test_registered_template_is_shown_as_it_was_given(api: Api) -> None:
    made = await template(api, text=DLT_TEXT, dlt=DLT)
    assert made["dlt"]["headers"] == ["ACMECO"]
    noted = await template(api, text="Dear {{ call.summary }}, we missed your call.", dlt=DLT)
    assert "call.summary" in noted["notes"][0]


async def test_template_of_an_action_stays(api: Api) -> None:
    made = await template(api)
    used = await rule(api, template_id=made["id"], name="Sorry")
    refused = await api.delete(f"/v1/message-templates/{made['id']}")
    assert (refused.status, f"{used['id']} (Sorry)" in refused["error"]["message"]) == (409, True)
    await api.delete(f"/v1/rules/{used['id']}")
    assert (await api.delete(f"/v1/message-templates/{made['id']}")).status == 204


async def test_preview_of_a_template_that_is_not_saved(api: Api) -> None:
    shown = await preview(api, channel="sms", category="service_implicit", text="Hi {{ contact.name }}")
    assert (shown["text"], shown["segments"], shown["encoding"], shown["sample"]) == (
        "Hi Ada Lovelace", 1, "gsm7", True,
    )  # fmt: skip
    assert "cost" not in shown
    assert (await api.get("/v1/message-templates"))["items"] == []


async def test_preview_on_a_real_call_with_its_cost(api: Api) -> None:
    await connection(api, price="0.0079", currency="USD")
    call = (await api.post("/v1/events", DOCUMENT))["call_id"]
    stored = await template(api, text="{{ customer.phone }} {{ call.duration_seconds }} ☎")
    shown = await preview(api, template_id=stored["id"], call_id=call)
    assert (shown["text"], shown["encoding"], shown["sample"]) == ("+14085551234 271 ☎", "ucs2", False)
    assert (shown["cost"], shown["currency"]) == ("0.0079", "USD")
    assert [warned["code"] for warned in shown["warnings"]] == ["ucs2"]
    edited = await preview(api, template_id=stored["id"], call_id=call, text="{{ contact.name }}")
    assert (edited["text"], edited["missing"]) == ("", ["contact.name"])


async def test_preview_names_who_the_message_is_for(api: Api) -> None:
    asked = {
        "channel": "email",
        "category": "transactional",
        "subject": "s",
        "text": "{{ recipient.address }}",
    }
    assert (await preview(api, **asked))["text"] == "ada@example.com"
    assert (await preview(api, **asked, role="fixed", to="ops@example.com"))["text"] == "ops@example.com"
    await api.post("/v1/agents", {"id": "ag_102", "key": "102", "details": {"email": "jordan@example.com"}})
    assert (await preview(api, **asked, role="user"))["text"] == "jordan@example.com"


async def test_preview_holds_the_text_against_its_dlt_template(api: Api) -> None:
    shown = await preview(api, channel="sms", category="service_implicit", text=DLT_TEXT, dlt=DLT)
    assert (shown["dlt"]["ok"], len(shown["variables"])) == (True, 1)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"channel": None}, "channel"), ({"text": "{{ x }}"}, "text"), ({"text": ""}, "text"),
        ({"template_id": "tpl_none"}, "template_id"), ({"call_id": "cl_none"}, "call_id"), ({"role": "fixed"}, "to"),
        ({"connection_id": "cn_none"}, "connection_id"),
    ],
)  # fmt: skip
async def test_preview_when_it_cannot_be(api: Api, asked: Any, field: str) -> None:
    answer = await api.post("/v1/message-templates/preview", {"channel": "sms", "text": "x"} | asked)
    assert (answer.status, answer.field) == (422, field), answer.body


async def test_preview_of_a_call_needs_the_scope_for_calls(api: Api) -> None:
    call = (await api.post("/v1/events", DOCUMENT))["call_id"]
    key = (await api.post("/v1/keys", {"name": "r", "scopes": ["messages:read"]}))["key"]
    async with Api(api.url, key) as reader:
        asked = {"channel": "sms", "text": "{{ call.notes }}"}
        assert (await reader.post("/v1/message-templates/preview", asked)).status == 200
        assert (await reader.post("/v1/message-templates/preview", asked | {"call_id": call})).status == 403


async def test_variables_are_those_of_messages(api: Api) -> None:
    listed = [item["path"] for item in (await api.get("/v1/message-variables"))["items"]]
    assert listed == [variable.path for variable in variables()]
