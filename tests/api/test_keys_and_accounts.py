# API keys and accounts: who may do what.

from typing import Any

import pytest

from aftercall.server import Server
from tests.api.conftest import KEY, Api


async def test_key_is_shown_once_and_stored_as_a_hash(api: Api, server: Server) -> None:
    made = await api.post("/v1/keys", {"name": "CRM", "scopes": ["calls:read"]})
    assert made["id"].startswith("ak_")
    assert made["key"].startswith("ac_live_")
    assert len(made["key"]) == len("ac_live_") + 43
    assert made["key"] not in str((await api.get("/v1/keys")).body)
    files = [file.read_bytes() for file in server.config.data.iterdir() if file.is_file()]
    assert not any(made["key"].encode() in file for file in files)


async def test_key_when_revoked_ends_at_once(api: Api, server: Server) -> None:
    made = await api.post("/v1/keys", {"name": "CRM", "scopes": ["calls:read"]})
    async with Api(server.url, made["key"]) as other:
        assert (await other.get("/v1/calls")).status == 200
        assert (await api.delete(f"/v1/keys/{made['id']}")).status == 204
        assert (await other.get("/v1/calls")).status == 401
    assert (await api.delete(f"/v1/keys/{made['id']}")).status == 404


async def test_key_gives_no_more_than_it_has(api: Api, server: Server) -> None:
    made = await api.post("/v1/keys", {"name": "keys", "scopes": ["keys:write"]})
    async with Api(server.url, made["key"]) as other:
        answer = await other.post("/v1/keys", {"name": "more", "scopes": ["calls:read"]})
    assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["nonsense"]}, "scopes"),
        ({"name": "", "scopes": ["calls:read"]}, "name"),
        ({"name": "x", "scopes": ["calls:read"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
async def test_key_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str) -> None:
    assert (await api.post("/v1/keys", asked)).field == field


async def test_operator_makes_accounts_and_others_do_not(server: Server, api: Api, stranger: Api) -> None:
    assert len((await api.get("/v1/accounts"))["items"]) == 2
    for answer in (
        await stranger.get("/v1/accounts"),
        await stranger.post("/v1/accounts", {"name": "Mine"}),
        await stranger.post("/v1/keys", {"name": "up", "scopes": ["accounts:write"]}),
    ):
        assert (answer.status, answer.code) == (403, "forbidden")


async def test_operator_gives_nobody_else_the_operators_scope(server: Server, api: Api) -> None:
    account = await api.post("/v1/accounts", {"name": "Other"})
    answer = await api.post(f"/v1/accounts/{account['id']}/keys", {"scopes": ["accounts:write"]})
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_account_when_new_takes_events_at_once(stranger: Api) -> None:
    assert len((await stranger.get("/v1/sources"))["items"]) == 1
    event = {"event": "call.received", "call_id": "c1", "occurred_at": "2026-11-20T10:00:00Z"}
    assert (await stranger.post("/v1/events", event))["status"] == "accepted"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"country": "12"}, "country"),
        ({"time_zone": "x"}, "time_zone"),
        ({"status": "suspended"}, "status"),
        ({"name": None}, "name"),
    ],
)
async def test_own_account_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str) -> None:
    assert (await api.patch("/v1/account", asked)).field == field


@pytest.mark.parametrize("path", ["/v1/webhooks", "/v1/calls", "/v1/deliveries", "/v1/keys", "/v1/system"])
async def test_api_when_nobody_asks(nobody: Api, path: str) -> None:
    answer = await nobody.get(path)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
async def test_public_paths_need_no_key(nobody: Api, path: str) -> None:
    assert (await nobody.get(path)).status == 200


async def test_errors_of_the_framework_have_the_same_shape(api: Api) -> None:
    missing, method = await api.get("/v1/nonsense"), await api.ask("PUT", "/v1/webhooks")
    assert (missing.status, missing.code) == (404, "not_found")
    assert (method.status, method.code) == (405, "method_not_allowed")
    large = await api.ask("POST", "/v1/webhooks", raw=b" " * 200_001)
    assert (large.status, large.code) == (413, "too_large")
    broken = await api.ask("POST", "/v1/webhooks", raw=b"{")
    assert (broken.status, broken.code) == (400, "unreadable")


async def test_unexpected_error_says_nothing_but_its_id(
    api: Api, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError(f"hush {KEY}")

    monkeypatch.setattr(server.app.store, "list_webhooks", fail)
    answer = await api.get("/v1/webhooks")
    assert (answer.status, answer.code) == (500, "internal")
    assert "hush" not in str(answer.body)


async def test_keys_say_when_they_were_last_used(api: Api, server: Server) -> None:
    made = await api.post("/v1/keys", {"name": "CRM", "scopes": ["calls:read"]})
    async with Api(api.url, made["key"]) as crm:
        assert (await crm.get("/v1/calls")).status == 200
        assert (await crm.get("/v1/webhooks")).status == 403
    await server.app.key_use.write()
    used = {key["id"]: key["last_used_at"] for key in (await api.get("/v1/keys"))["items"]}
    assert used[made["id"]] is not None
    unused = await api.post("/v1/keys", {"name": "spare", "scopes": ["calls:read"]})
    assert unused["last_used_at"] is None
