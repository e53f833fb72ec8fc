# Promise 10: no route shows or changes anything of another account, whatever ids it is given.

import json
import re
from typing import Any

from tests.api.conftest import DOCUMENT, Api
from tests.api.setups import connection, rule, sender, template

PERSON = "+14085550199"
BODIES: dict[str, Any] = {
    "disposition": {"disposition": "Mine"}, "notes": {"notes": "Mine"}, "tags": {"tags": ["mine"]},
    "wrap-up": {"wrap_up_seconds": 1}, "resend": {"confirm": True}, "replay": {"since": "2020-01-01T00:00:00Z"},
}  # fmt: skip


async def own(api: Api) -> dict[str, str]:
    """One of everything in the account, by the name it has in paths."""
    ids = {"webhook_id": (await api.webhook(status="paused"))["id"]}
    ids["call_id"] = (await api.post("/v1/events", DOCUMENT | {"from": "+14085550007"}))["call_id"]
    ids["delivery_id"] = (await api.get("/v1/deliveries"))["items"][0]["id"]
    source = await api.post("/v1/sources", {"type": "http"})
    ids["source_id"] = source["id"]
    await api.post(f"/in/{source['id']}", [{}], X_AfterCall_Token=source["token"])
    ids["input_id"] = (await api.get(f"/v1/sources/{source['id']}/inputs"))["items"][0]["id"]
    ids["key_id"] = (await api.post("/v1/keys", {"name": "k", "scopes": ["calls:read"]}))["id"]
    asked = {"to": "+14085550007", "text": "Hi", "category": "conversational"}
    ids["message_id"] = (await api.post("/v1/messages/test", asked))["message_id"]
    ids["account_id"] = (await api.get("/v1/account"))["id"]
    for kind in ("number", "agent", "queue", "menu", "disposition"):
        key = "+14085559876" if kind == "number" else "k"
        ids[f"{kind}_id"] = (await api.post(f"/v1/{kind}s", {"key": key}))["id"]
    ids["contact_id"] = (await api.put("/v1/contacts", {"number": PERSON, "name": "Secret Name"}))["id"]
    await api.post("/v1/suppressions", {"address": PERSON, "reason": "Secret reason"})
    ids["connection_id"] = (await connection(api))["id"]
    ids["sender_id"] = (await sender(api, ids["connection_id"]))["id"]
    ids["template_id"] = (await template(api))["id"]
    ids["rule_id"] = (await rule(api))["id"]
    ids["policy_rule"] = "account.mine"
    mine = {"rule": ids["policy_rule"], "values": {"kind": "window", "start": "08:00", "end": "20:00"}}
    await api.patch("/v1/policies", {"changes": [mine]})
    return ids


async def everything(api: Api) -> str:
    """All that the account's lists show."""
    paths = ("webhooks", "calls", "deliveries", "sources", "keys", "numbers", "agents", "queues", "menus",
             "dispositions", "contacts", "suppressions", "connections", "senders", "message-templates",
             "rules", "policies", "messages", "messages/rates", "texts")  # fmt: skip
    shown = json.dumps([(await api.get(f"/v1/{path}")).body for path in paths], sort_keys=True)
    return re.sub(r'"last_used_at": [^,]*', "", shown)  # our own key is in use


async def test_no_route_reaches_another_account(api: Api, stranger: Api) -> None:
    ids = await own(api)
    before = await everything(api)
    described = (await api.get("/openapi.json"))["paths"]
    tried = 0
    for path, item in described.items():
        names = re.findall(r"\{(\w+)\}", path)
        if not names:
            continue
        for method in item:
            tried += 1
            filled = path.format(**ids)
            body = BODIES.get(path.rpartition("/")[2], {})
            answer = await stranger.ask(method.upper(), filled, None if method == "get" else body)
            assert answer.status in (401, 403, 404), (method, path, answer.status, answer.body)
            assert not any(value in json.dumps(answer.body) for value in ids.values()), (method, path)
    assert tried >= 40
    assert await everything(api) == before


async def test_no_list_shows_another_account(api: Api, stranger: Api) -> None:
    ids = await own(api)
    for path, item in (await api.get("/openapi.json"))["paths"].items():
        if "get" not in item or "{" in path or path in ("/metrics", "/healthz", "/readyz"):
            continue
        answer = await stranger.get(path)
        assert not any(value in json.dumps(answer.body) for value in ids.values()), path


async def test_input_is_not_found_under_another_source(api: Api, stranger: Api) -> None:
    """Neither another account's source with one's own, nor the other way round."""
    theirs, mine = await own(api), await own(stranger)
    for source_id, input_id in (
        (mine["source_id"], theirs["input_id"]),
        (theirs["source_id"], mine["input_id"]),
    ):
        assert (await stranger.get(f"/v1/sources/{source_id}/inputs/{input_id}")).status == 404


async def test_filters_reach_no_other_account(api: Api, stranger: Api) -> None:
    ids = await own(api)
    for query in (f"webhook_id={ids['webhook_id']}", f"call_id={ids['call_id']}"):
        assert (await stranger.get(f"/v1/deliveries?{query}"))["items"] == []
    for query in (f"call_id={ids['call_id']}", "address=%2B14085550007"):
        assert (await stranger.get(f"/v1/messages?{query}"))["items"] == []
    assert (await stranger.get(f"/v1/calls?source_id={ids['source_id']}"))["items"] == []


async def test_question_about_another_accounts_call_is_refused(api: Api, stranger: Api) -> None:
    ids = await own(api)
    asked = {"to": "+14085551234", "text": "Hi", "category": "promotional", "call_id": ids["call_id"]}
    answer = await stranger.post("/v1/sms/explain", asked)
    assert (answer.status, answer.field) == (422, "call_id")


async def test_events_for_another_accounts_source_are_refused(api: Api, stranger: Api) -> None:
    ids = await own(api)
    answer = await stranger.post("/v1/events", DOCUMENT | {"source": ids["source_id"]})
    assert (answer.status, answer.field) == (422, "source")


async def test_contacts_of_another_account_are_neither_found_nor_named_nor_changed(
    api: Api, stranger: Api
) -> None:
    await own(api)
    before = await everything(api)
    told = [
        await stranger.get(f"/v1/contacts?number={PERSON[-4:]}"),
        await stranger.get("/v1/contacts?name=secret"),
        await stranger.get("/v1/contacts/export"),
        await stranger.get(f"/v1/suppressions/check?address=%2B{PERSON[1:]}"),
        await stranger.ask("DELETE", f"/v1/suppressions?address=%2B{PERSON[1:]}&reason=mine"),
        await stranger.post("/v1/events", DOCUMENT | {"from": PERSON}),
        await stranger.post("/v1/contacts", {"number": PERSON, "name": "Mine"}),
        await stranger.ask("POST", "/v1/contacts/import", raw=f"number,name\n{PERSON},Theirs\n"),
    ]
    assert told[3]["suppressed"] is False
    assert told[6].status == 201
    assert "Secret" not in json.dumps([answer.body for answer in told])
    call = await stranger.get(f"/v1/calls/{told[5]['call_id']}")
    assert call["contact"] is None
    assert await everything(api) == before
