# /v1/webhooks: what may be set, what is shown, what is refused.

import json
from pathlib import Path
from typing import Any

import pytest

from aftercall.config import Config
from aftercall.server import Server
from tests.api.conftest import KEY, Api
from tests.support.receiver import Answer, Receiver


async def test_webhook_when_everything_is_set(api: Api) -> None:
    asked = {
        "name": "CRM", "description": "d", "type": "call_event", "triggers": ["hangup", "Call received on Server"],
        "format": "classic", "method": "GET", "content_type": "application/x-www-form-urlencoded",
        "filters": {"directions": ["inbound"], "numbers": ["+14085559876"], "min_duration_seconds": 5},
        "headers": {"X-Env": "prod", "X-Api-Key": "hush"}, "body": {"tenant": "acme"}, "date_format": "epoch",
        "time_zone": "IST", "rate_limit": 5, "max_in_flight": 3, "timeout_seconds": 7, "retry_schedule": [1, 2],
        "hold_for": ["wrap_up"], "hold_seconds": 30, "fail_fast": True, "auth": {"type": "bearer", "token": "t0k"},
    }  # fmt: skip
    made = await api.webhook(**asked)
    assert made.status == 201, made.body
    shown = (await api.get(f"/v1/webhooks/{made['id']}")).body
    for name in (
        "name",
        "format",
        "method",
        "filters",
        "date_format",
        "rate_limit",
        "retry_schedule",
        "hold_for",
    ):
        assert shown[name] == asked[name], name
    assert shown["type"] == "call_event"
    assert shown["triggers"] == ["hangup", "received_on_server"]
    assert shown["time_zone"] == "Asia/Kolkata"
    assert shown["headers"] == {"X-Env": "prod", "X-Api-Key": "••••"}
    assert shown["auth"] == {"type": "bearer", "token": "••••"}
    assert (shown["call_type"], shown["destination"]) == ("inbound", ["+14085559876"])
    assert "hush" not in json.dumps(shown)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "https://user:pw@example.com"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": 5}, "url"),
        ({"url": None}, "url"),
        ({"type": "call_event"}, "triggers"),
        ({"type": "after_call", "trigger": "hangup"}, "triggers"),
        ({"trigger": "nonsense"}, "triggers"),
        ({"triggers": []}, "triggers"),
        ({"events": ["nonsense"]}, "events"),
        ({"format": "xml"}, "format"),
        ({"format": "custom"}, "template"),
        ({"format": "custom", "template": {"a": "{{ nonsense.at.all }}"}}, "template.a"),
        ({"auth": {"header": "Content-Type", "secret": "s"}}, "auth.secret"),
        ({"auth": {"header": "X-Token", "secret": "a\r\nb"}}, "auth.secret"),
        ({"auth": {"header": "X-Token"}}, "auth.secret"),
        ({"auth": {"username": "a:b", "password": "c"}}, "auth.username"),
        ({"auth": {"secret": "s"}}, "auth"),
        ({"auth": {"type": "nonsense"}}, "auth.type"),
        ({"headers": {"webhook-id": "1"}}, "headers.webhook-id"),
        ({"headers": {"Host": "1"}}, "headers.Host"),
        ({"headers": {"X-A": "a\nb"}}, "headers.X-A"),
        ({"headers": {"X A": "b"}}, "headers.X A"),
        ({"headers": {"X-A": "b", "x-a": "c"}}, "headers"),
        ({"headers": {"Authorization": "b"}, "auth": {"token": "t"}}, "headers"),
        ({"body": {"call_id": 1}}, "body.call_id"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"rate_limit": -1}, "rate_limit"),
        ({"timeout_seconds": 31}, "timeout_seconds"),
        ({"retry_schedule": [0]}, "retry_schedule[0]"),
        ({"hold_seconds": 121}, "hold_seconds"),
        ({"filters": {"min_duration_seconds": 9, "max_duration_seconds": 3}}, "filters.max_duration_seconds"),
        ({"filters": {"nonsense": 1}}, "filters.nonsense"),
        ({"name": "a\0"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_webhook_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str) -> None:
    answer = await api.webhook(**asked)
    assert (answer.status, answer.code, answer.field) == (422, "invalid", field), answer.body
    assert (await api.get("/v1/webhooks"))["items"] == []


async def test_url_when_not_in_development(tmp_path: Path) -> None:
    config = Config(port=0, data=tmp_path, api_key=KEY)
    async with Server(config) as server, Api(server.url) as api:
        for url in ("http://example.com", "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/"):
            assert (await api.webhook(url=url)).field == "url"
        assert (await api.webhook(url="https://example.com/hook")).status == 201


async def test_change_keeps_what_is_left_out(api: Api) -> None:
    made = await api.webhook(name="A", events=["answered"], auth={"username": "u", "password": "p"})
    changed = await api.patch(f"/v1/webhooks/{made['id']}", {"name": "B"})
    assert (changed["name"], changed["events"], changed["auth"]["username"]) == ("B", ["answered"], "u")


async def test_change_when_masked_secrets_come_back_keeps_them(api: Api, server: Server) -> None:
    made = await api.webhook(auth={"header": "X-T", "secret": "s"}, headers={"X-Api-Key": "hush"})
    back = {"auth": made["auth"], "headers": made["headers"]}
    assert (await api.patch(f"/v1/webhooks/{made['id']}", back)).status == 200
    account = (await api.get("/v1/account"))["id"]
    stored = await server.app.store.get_webhook(account, made["id"])
    assert stored is not None
    assert (stored.auth.secret, stored.headers, stored.old_auth_secrets) == ("s", {"X-Api-Key": "hush"}, ())


async def test_signing_secret_when_rotated_keeps_the_old_one_for_a_while(api: Api) -> None:
    made = await api.webhook()
    new = await api.post(f"/v1/webhooks/{made['id']}/rotate-secret", {"overlap_seconds": 60})
    assert new["signing_secret"] != made["signing_secret"]
    assert [old["secret"] for old in new["previous"]] == [made["signing_secret"]]
    assert (await api.get(f"/v1/webhooks/{made['id']}/secret")).body == new.body
    changed = await api.patch(
        f"/v1/webhooks/{made['id']}", {"rotate_signing_secret": True, "overlap_seconds": 0}
    )
    assert changed["signing_secret_rotating_until"] is not None


async def test_list_when_longer_than_a_page(api: Api) -> None:
    made = {(await api.webhook())["id"] for _ in range(5)}
    first = await api.get("/v1/webhooks?limit=3")
    second = await api.get(f"/v1/webhooks?limit=3&cursor={first['next_cursor']}")
    assert second["next_cursor"] is None
    assert {w["id"] for w in (*first["items"], *second["items"])} == made


@pytest.mark.parametrize(
    ("query", "field"),
    [("cursor=x", "cursor"), ("limit=0", "limit"), ("limit=a", "limit"), ("nonsense=1", "nonsense")],
)
async def test_list_when_the_query_breaks_a_rule(api: Api, query: str, field: str) -> None:
    answer = await api.get(f"/v1/webhooks?{query}")
    assert (answer.status, answer.field) == (422, field)


async def test_webhook_when_deleted_is_gone(api: Api) -> None:
    made = await api.webhook()
    assert (await api.delete(f"/v1/webhooks/{made['id']}")).status == 204
    assert (await api.delete(f"/v1/webhooks/{made['id']}")).status == 404
    assert (await api.get(f"/v1/webhooks/{made['id']}")).status == 404


async def test_send_test_when_the_receiver_answers(api: Api, receiver: Receiver) -> None:
    made = await api.webhook(url=receiver.url("/200"), auth={"header": "X-Webhook-Token", "secret": "s3cret"})
    result = await api.post(f"/v1/webhooks/{made['id']}/test")
    assert (result["status"], result["message"], result["status_code"]) == ("delivered", "Delivered", 200)
    sent = receiver.requests[0]
    assert sent.header("X-Webhook-Token") == "s3cret"
    assert json.loads(sent.body)["is_test"] is True
    assert "s3cret" not in json.dumps(result.body)
    log = await api.get(f"/v1/deliveries/{result['delivery_id']}")
    assert (log["status"], log["is_test"], len(log["attempt_log"])) == ("delivered", True, 1)


@pytest.mark.parametrize("format", ["classic", "standard"])
async def test_send_test_when_for_every_trigger(api: Api, receiver: Receiver, format: str) -> None:
    names = [item["name"] for item in (await api.get("/v1/triggers"))["items"]]
    made = await api.webhook(url=receiver.url("/200"), triggers=names, format=format)
    for name in names:
        result = await api.post(f"/v1/webhooks/{made['id']}/test", {"trigger": name})
        assert result["status"] == "delivered", (name, result.body)


async def test_send_test_when_the_receiver_fails(api: Api, receiver: Receiver) -> None:
    made = await api.webhook(url=receiver.url("/500"))
    result = await api.post(f"/v1/webhooks/{made['id']}/test")
    assert (result["status"], result["status_code"], result["error"]) == ("failed", 500, "status")
    await api.patch(f"/v1/webhooks/{made['id']}", {"url": "http://127.0.0.1:9/"})
    result = await api.post(f"/v1/webhooks/{made['id']}/test")
    assert (result["status"], result["error"]) == ("failed", "connect")
    health = await api.get(f"/v1/webhooks/{made['id']}/health")
    assert health["attempts"] == 2


async def test_custom_template_is_filled(api: Api, receiver: Receiver) -> None:
    receiver.plan("/hook", Answer(200))
    variables = {item["path"] for item in (await api.get("/v1/variables"))["items"]}
    assert "call.from" in variables, sorted(variables)[:20]
    made = await api.webhook(url=receiver.url("/hook"), format="custom", template={"who": "{{ call.from }}"})
    await api.post(f"/v1/webhooks/{made['id']}/test")
    assert json.loads(receiver.requests[0].body) == {"who": "+14085551234"}
