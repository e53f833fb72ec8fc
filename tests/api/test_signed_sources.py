# Sources whose requests are signed: what is verified is stored, what is not is refused, counted and never stored.

import hmac
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from aftercall.server import Server
from tests.api.conftest import Api, config

SECRET = "12345678901234567890123456789012"
CALL = {
    "CallSid": "CA11111111111111111111111111111111",
    "AccountSid": "AC22222222222222222222222222222222",
    "From": "+14085551234",
    "To": "+14085559876",
    "CallStatus": "busy",
    "Direction": "outbound-api",
    "CallDuration": "0",
    "SequenceNumber": "3",
    "CallbackSource": "call-progress-events",
    "Timestamp": "Thu, 21 Aug 2025 11:02:44 +0000",
}


async def add(api: Api, **more: Any) -> Any:
    answer = await api.post("/v1/sources", {"type": "twilio", "secret": SECRET} | more)
    assert answer.status == 201, answer.body
    return answer


async def send(nobody: Api, source: Any, secret: str = SECRET, query: str = "", **more: str) -> Any:
    params = CALL | more
    url = source["ingest_url"] + query
    said = url + "".join(name + params[name] for name in sorted(params))
    given = b64encode(hmac.new(secret.encode(), said.encode(), "sha1").digest()).decode()
    headers = {"X-Twilio-Signature": given, "Content-Type": "application/x-www-form-urlencoded"}
    return await nobody.ask("POST", f"/in/{source['id']}{query}", raw=urlencode(params).encode(), **headers)


async def test_signed_request_becomes_a_call(api: Api, nobody: Api) -> None:
    source = await add(api)
    answer = await send(nobody, source, query="?ac_crm=A%2017")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, "<Response/>", "text/xml")
    [call] = (await api.get("/v1/calls"))["items"]
    assert (call["source_id"], call["status"], call["reason"]) == (source["id"], "missed", "busy")
    assert call["custom_fields"] == {"crm": "A 17"}
    assert (await send(nobody, source, query="?ac_crm=A%2017")).status == 200
    assert len((await api.get("/v1/calls"))["items"]) == 1


async def test_request_that_cannot_be_verified_is_counted_and_not_stored(
    server: Server, api: Api, nobody: Api
) -> None:
    source = await add(api)
    assert (await send(nobody, source, secret="another-secret")).status == 401
    assert (await nobody.ask("POST", f"/in/{source['id']}", raw=b"CallSid=CA1")).status == 401
    as_token = await nobody.ask("POST", f"/in/{source['id']}?token={SECRET}", raw=b"CallSid=CA1")
    assert as_token.status == 401
    assert (await api.get("/v1/calls"))["items"] == []
    counted = (await api.get("/metrics")).body
    assert 'aftercall_requests_refused_total{reason="unauthenticated"} 3' in counted


async def test_secret_takes_the_tokens_place_and_is_never_shown(api: Api, nobody: Api) -> None:
    source = await add(api)
    assert source["token"] is None
    changed = await api.patch(f"/v1/sources/{source['id']}", {"secret": "a-new-secret"})
    for shown in (source, changed, await api.get(f"/v1/sources/{source['id']}")):
        assert SECRET not in str(shown.body)
        assert "a-new-secret" not in str(shown.body)
    assert (await send(nobody, source)).status == 401
    assert (await send(nobody, source, secret="a-new-secret")).status == 200


async def test_secret_when_too_short(api: Api) -> None:
    answer = await api.post("/v1/sources", {"type": "twilio", "secret": "short"})
    assert (answer.status, answer.field) == (422, "secret")


async def test_signed_source_when_paused(api: Api, nobody: Api) -> None:
    source = await add(api, status="paused")
    assert (await send(nobody, source)).status == 403
    assert (await send(nobody, source, secret="another-secret")).status == 401


@pytest.mark.parametrize("more", [{"CallSid": ""}, {"CallSid": "x" * 201}])
async def test_signed_request_without_a_call_is_refused(api: Api, nobody: Api, more: dict[str, str]) -> None:
    assert (await send(nobody, await add(api), **more)).status == 422


async def test_signed_request_when_too_large(api: Api, nobody: Api) -> None:
    source = await add(api)
    answer = await nobody.ask("POST", f"/in/{source['id']}", raw=b"x" * 300_000)
    assert answer.status == 413


async def test_url_that_is_signed_is_the_public_one(tmp_path: Path) -> None:
    public = "https://hooks.example.com/base"
    async with (
        Server(config(tmp_path, public_url=public)) as running,
        Api(running.url) as api,
        Api(running.url, None) as nobody,
    ):
        source = await add(api)
        assert source["ingest_url"] == f"{public}/in/{source['id']}"
        assert (await send(nobody, source)).status == 200
        here = {"ingest_url": f"{running.url}/in/{source['id']}", "id": source["id"]}
        assert (await send(nobody, here)).status == 401


@pytest.mark.parametrize(
    ("type", "body", "header", "signed", "reply"),
    [
        ("elevenlabs", b'{"type":"something_new"}', "ElevenLabs-Signature", "t={t},v0={hex}", (200, "")),
        ("jambonz", b'{"call_sid":"c","call_status":"trying"}', "Jambonz-Signature", "t={t},v1={hex}", (200, "")),
        ("retell", b'{"event":"transfer_started"}', "X-Retell-Signature", "v={t}000,d={hex}", (200, "")),
        ("vapi", b'{"message":{"type":"hang"}}', "X-Signature", "{hex}", (200, {})),
    ],
)  # fmt: skip
async def test_source_hears_what_it_expects(
    api: Api, nobody: Api, type: str, body: bytes, header: str, signed: str, reply: Any
) -> None:
    source = await add(api, type=type)
    at = str(int(time.time()))
    said = body + f"{at}000".encode() if type == "retell" else f"{at}.".encode() + body
    given = signed.format(t=at, hex=hmac.new(SECRET.encode(), said, "sha256").hexdigest())
    path = f"/in/{source['id']}"
    headers = {header: given, "X-Timestamp": at, "Content-Type": "application/json"}
    answer = await nobody.ask("POST", path, raw=body, **headers)
    assert (answer.status, answer.body) == reply
    assert (await nobody.ask("POST", path, raw=body + b" ", **headers)).status == 401


async def test_old_signature_is_refused(api: Api, nobody: Api) -> None:
    source = await add(api, type="jambonz")
    body, at = b'{"call_sid":"c","call_status":"trying"}', str(int(time.time()) - 400)
    given = hmac.new(SECRET.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    answer = await nobody.ask(
        "POST", f"/in/{source['id']}", raw=body, **{"Jambonz-Signature": f"t={at},v1={given}"}
    )
    assert answer.status == 401
    assert (await api.get("/v1/calls"))["items"] == []
