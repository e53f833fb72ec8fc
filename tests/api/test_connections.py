# /v1/connections: settings and their secrets, status, tests, and who uses them (S3, S7).

import json
from pathlib import Path
from typing import Any

import pytest

from aftercall.channels.connection_types import TYPES
from aftercall.config import Config
from aftercall.domain.connection import Connection
from aftercall.server import Server
from tests.api.conftest import DOCUMENT, KEY, Api
from tests.api.setups import TWILIO, connection, sender
from tests.support.certificates import Authority
from tests.support.mailserver import MailServer
from tests.support.receiver import Answer, Receiver
from tests.support.wait import until


def smtp(**more: Any) -> dict[str, Any]:
    settings = {"host": "127.0.0.1", "from_address": "calls@example.com", "security": "none"}
    return {"type": "smtp", "settings": settings | more}


async def stored(server: Server, api: Api, connection_id: str) -> Connection:
    account = (await api.get("/v1/account"))["id"]
    found = await server.app.store.get_setup(Connection, account, connection_id)
    assert found is not None
    return found


async def test_connection_shows_no_secret_and_keeps_it_when_the_mask_comes_back(
    api: Api, server: Server
) -> None:
    made = await connection(api, name="Main", price="0.0079", currency="USD")
    assert made["settings"] == {"account_sid": TWILIO["account_sid"], "auth_token": "••••"}
    assert (made["channel"], made["session"], made["name"]) == ("sms", None, "Main")
    path = f"/v1/connections/{made['id']}"
    back = await api.patch(path, {"settings": made["settings"] | {"smart_encoded": True}})
    assert (back.status, back["settings"]["smart_encoded"]) == (200, True)
    shown = (await api.get(path)).body
    assert "hush" not in json.dumps(shown)
    kept = await stored(server, api, made["id"])
    assert kept.secrets == {"auth_token": "hush-hush"}
    assert kept.settings == {"account_sid": TWILIO["account_sid"], "smart_encoded": True}
    assert kept.version == 2


async def test_setting_when_null_takes_its_default(api: Api) -> None:
    made = await connection(api, settings=TWILIO | {"smart_encoded": True, "signing_secret": "s"})
    path = f"/v1/connections/{made['id']}"
    changed = await api.patch(path, {"settings": {"smart_encoded": None, "signing_secret": None}})
    assert set(changed["settings"]) == {"account_sid", "auth_token"}
    assert (await api.patch(path, {"settings": {"auth_token": None}})).field == "settings.auth_token"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"type": "pigeon", "settings": {}}, "type"),
        ({"type": "twilio", "settings": {}}, "settings.account_sid"),
        ({"type": "twilio", "settings": TWILIO | {"account_sid": "hush"}}, "settings.account_sid"),
        ({"type": "twilio", "settings": TWILIO | {"colour": 1}}, "settings.colour"),
        ({"type": "twilio", "settings": TWILIO | {"auth_token": "••••"}}, "settings.auth_token"),
        ({"type": "twilio", "settings": TWILIO | {"api_base": "https://169.254.169.254"}}, "settings.api_base"),
        ({"type": "smpp", "settings": {"host": "10.0.0.1/x", "system_id": "s"}}, "settings.host"),
        ({"type": "smpp", "settings": {"host": "169.254.169.254", "system_id": "s"}}, "settings.host"),
        ({"type": "smpp", "settings": {"host": "a.example", "system_id": "s", "receipt_timezone": "Mars/X"}},
         "settings.receipt_timezone"),
        (smtp(from_address="nobody"), "settings"),
        ({"type": "generic", "settings": {"url": "https://g.example/{{ nonsense }}"}}, "settings.url"),
        ({"type": "twilio", "settings": TWILIO, "price": "1,5"}, "price"),
        ({"type": "twilio", "settings": TWILIO, "retry_schedule": [0]}, "retry_schedule[0]"),
        ({"type": "twilio", "settings": TWILIO, "name": "a\x1b"}, "name"),
        ({"type": "twilio"}, "settings"),
    ],
)  # fmt: skip
async def test_connection_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/connections", asked)
    assert (answer.status, answer.field) == (422, field), answer.body
    assert "hush" not in json.dumps(answer.body)
    assert (await api.get("/v1/connections"))["items"] == []


async def test_stored_secret_does_not_go_to_another_address(api: Api) -> None:
    made = await connection(api)
    path = f"/v1/connections/{made['id']}"
    moved = {"api_base": "https://evil.example"}
    assert (await api.patch(path, {"settings": moved})).field == "settings.auth_token"
    assert (await api.patch(path, {"settings": moved | {"auth_token": "••••"}})).status == 422
    assert (await api.patch(path, {"settings": moved | {"auth_token": "new"}})).status == 200


async def test_plain_texts_are_for_development(tmp_path: Path) -> None:
    config = Config(port=0, data=tmp_path, api_key=KEY, allow_networks=("10.1.0.0/16",))
    async with Server(config) as server, Api(server.url) as api:
        assert (await api.post("/v1/connections", smtp())).field == "settings.host"
        assert (await api.post("/v1/connections", smtp(host="mail.example"))).field == "settings.security"
        assert (await api.post("/v1/connections", smtp(host="10.1.2.3"))).status == 201
        local = {"type": "generic", "settings": {"url": "http://127.0.0.1/{{ to | digits }}"}}
        assert (await api.post("/v1/connections", local)).field == "settings.url"


async def test_callback_address_is_for_whoever_may_change_it(api: Api) -> None:
    made = await connection(api)
    path = f"/v1/connections/{made['id']}"
    assert made["callback_url"].startswith(f"{api.url}/callbacks/{made['id']}/")
    key = (await api.post("/v1/keys", {"name": "r", "scopes": ["messages:read"]}))["key"]
    async with Api(api.url, key) as reader:
        assert (await reader.get(path))["callback_url"] is None
        assert (await reader.patch(path, {"name": "x"})).status == 403
    rotated = await api.post(path + "/rotate-token")
    assert rotated["callback_url"] != made["callback_url"]
    mail = await api.post("/v1/connections", smtp())
    assert mail["callback_url"] is None
    assert (await api.post(f"/v1/connections/{mail['id']}/rotate-token")).code == "conflict"


async def test_notes_say_who_answers_stop(api: Api) -> None:
    settings = {"host": "smsc.example", "system_id": "s"}
    made = await api.post("/v1/connections", {"type": "smpp", "settings": settings, "status": "paused"})
    assert "STOP" in made["notes"][0]
    assert (await connection(api))["notes"] == []


async def test_delete_says_who_uses_it(api: Api) -> None:
    made = await connection(api)
    path = f"/v1/connections/{made['id']}"
    used = await sender(api, made["id"])
    refused = await api.delete(path)
    assert (refused.status, used["id"] in refused["error"]["message"]) == (409, True)
    assert (await api.delete(path + "?force=true")).status == 204
    assert (await api.get(path)).status == (await api.delete(path)).status == 404


async def test_login_when_tried_says_exactly_what_is_wrong(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusted = Config(port=0, data=tmp_path, dev=True, api_key=KEY, ca_file=Path(authority.ca_file))
    mail = MailServer(
        authority.context(["127.0.0.1"]), require_starttls=True, auth_required=True, auth_require_tls=True
    )
    async with mail, Server(trusted) as server, Api(server.url) as api:
        login = {
            "port": mail.port,
            "security": "starttls",
            "username": "calls@example.com",
            "password": "wrong",
        }
        made = await api.post("/v1/connections", smtp(**login))
        path = f"/v1/connections/{made['id']}"
        tried = (await api.post(path + "/test")).body
        assert (tried["ok"], "535" in tried["message"]) == (False, True), tried
        await api.patch(path, {"settings": {"password": mail.password}})
        tried = (await api.post(path + "/test")).body
        assert (tried["ok"], tried["message"]) == (True, "the server accepts our login")
        assert mail.mails == []


async def test_provider_when_tried_is_asked_with_our_login(api: Api, receiver: Receiver) -> None:
    body = b'{"balance": "12.5", "currency": "USD"}'
    receiver.plan(f"/2010-04-01/Accounts/{TWILIO['account_sid']}/Balance.json", Answer(200, body=body))
    made = await connection(api, settings=TWILIO | {"api_base": receiver.url("")})
    tried = (await api.post(f"/v1/connections/{made['id']}/test")).body
    assert (tried["ok"], tried["message"]) == (True, "Twilio takes the login. Balance: 12.5 USD")


async def test_bind_when_tried_says_why_it_fails(server: Server, api: Api) -> None:
    settings = {"host": "127.0.0.1", "port": 9, "system_id": "s", "password": "hush"}
    made = await api.post("/v1/connections", {"type": "smpp", "settings": settings})
    assert made["session"]["state"] == "connecting"
    path = f"/v1/connections/{made['id']}"
    tried = (await api.post(path + "/test")).body
    assert (tried["ok"], "refused" in tried["message"]) == (False, True), tried
    await api.patch(path, {"status": "paused"})
    assert not (await api.post(path + "/test"))["ok"]


async def test_pausing_holds_what_is_pending_and_resuming_sends_it(
    server: Server, api: Api, receiver: Receiver
) -> None:
    receiver.plan("/send", Answer(200, body=b'{"id": "p-1"}'))
    gateway = {"url": receiver.url("/send"), "json": {"to": "{{ to }}"}, "id_path": "id"}
    made = await api.post("/v1/connections", {"type": "generic", "settings": gateway, "status": "paused"})
    path = f"/v1/connections/{made['id']}"
    await sender(api, made["id"], kind="pool", value="any")
    await api.post("/v1/rules", {"channel": "sms", "recipients": "fixed", "to": ["+14085550102"]})
    await missed(api)
    await eventually(api, path, held=1)
    assert receiver.requests == []
    await api.patch(path, {"status": "enabled"})
    await eventually(api, path, held=0, pending=0, delivered=1)


async def missed(api: Api) -> None:
    document = DOCUMENT | {"event_id": "evt_m", "call_id": "cl_m", "status": "missed", "agent": None}
    assert (await api.post("/v1/events", document))["status"] == "accepted"


async def eventually(api: Api, path: str, **wanted: int) -> None:
    async def there() -> bool:
        found = (await api.get(path + "/health")).body
        return all(found[name] == value for name, value in wanted.items())

    await until(there)


async def test_types_tell_the_fields_of_a_form(api: Api) -> None:
    items = {item["type"]: item for item in (await api.get("/v1/connection-types"))["items"]}
    assert list(items) == list(TYPES)
    twilio = {field["name"]: field for field in items["twilio"]["fields"]}
    token, sid, api_base = twilio["auth_token"], twilio["account_sid"], twilio["api_base"]
    assert (token["title"], token["required"], token["secret"], token["type"]) == (
        "Auth token", True, True, "string",
    )  # fmt: skip
    assert (sid["secret"], sid["limits"]["pattern"]) == (False, "^AC[0-9a-fA-F]{32}$")
    assert (api_base["required"], api_base["default"], api_base["limits"]["maxLength"]) == (False, None, 200)
    assert items["twilio"]["traits"]["receipts"] is True
    smpp = {field["name"]: field for field in items["smpp"]["fields"]}
    assert (smpp["port"]["default"], smpp["port"]["limits"]["maximum"]) == (2775, 65535)
    assert smpp["bind"]["choices"] == ["receiver", "transceiver", "transmitter"]
    assert (smpp["tlvs"]["item"], [f["name"] for f in smpp["tlvs"]["fields"]]) == (
        "object", ["tag", "value", "form"],
    )  # fmt: skip
    generic = {field["name"]: field for field in items["generic"]["fields"]}
    assert (generic["receipts"]["type"], generic["headers"]["type"], generic["json"]["type"]) == (
        "object", "map", "any",
    )  # fmt: skip
    assert items["smtp"]["traits"] is None


@pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))
def test_every_secret_is_a_field(kind: Any) -> None:
    assert kind.secrets <= set(kind.Settings.__struct_fields__)
