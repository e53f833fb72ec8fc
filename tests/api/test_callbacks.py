"""What providers send to a connection's callback address (S5, S6): verified, committed, answered as they want it."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # it has no types

from aftercall.server import Server
from tests.api.conftest import Api

TOKEN = "token-of-tests"
CALLER = "+14085551234"


async def twilio(api: Api) -> dict[str, Any]:
    settings = {"account_sid": "AC" + 32 * "0", "auth_token": TOKEN, "api_base": "http://127.0.0.1:9"}
    made = await api.post("/v1/connections", {"type": "twilio", "settings": settings})
    assert made.status == 201, made.body
    body: dict[str, Any] = made.body
    return body


async def tell(api: Api, url: str, form: dict[str, str], token: str = TOKEN) -> Any:
    signature = RequestValidator(token).compute_signature(url, form)
    headers = {"X_Twilio_Signature": signature, "Content_Type": "application/x-www-form-urlencoded"}
    return await api.ask("POST", urlsplit(url).path, raw=urlencode(form), **headers)


async def test_stop_by_callback_is_on_the_list_before_the_answer(server: Server, api: Api) -> None:
    made = await twilio(api)
    text = {
        "MessageSid": "SM1",
        "From": CALLER,
        "To": "+14085550199",
        "Body": "STOP",
        "SmsStatus": "received",
    }
    answer = await tell(api, made["callback_url"], text)
    assert (answer.status, answer.body) == (200, "<Response/>")
    listed = await api.get(f"/v1/suppressions?address=%2B{CALLER[1:]}")
    assert [entry["source"] for entry in listed["items"]] == ["keyword"]


async def test_callback_with_a_wrong_signature_changes_nothing(server: Server, api: Api) -> None:
    made = await twilio(api)
    text = {
        "MessageSid": "SM1",
        "From": CALLER,
        "To": "+14085550199",
        "Body": "STOP",
        "SmsStatus": "received",
    }
    assert (await tell(api, made["callback_url"], text, "another-token")).status == 401
    assert (await api.get("/v1/suppressions"))["items"] == []


@pytest.mark.parametrize("wrong", ["token", "connection"])
async def test_address_that_is_not_ours_is_not_there(server: Server, api: Api, wrong: str) -> None:
    url = (await twilio(api))["callback_url"]
    known, token = url.rsplit("/", 1)
    other = f"{known}/{'x' * len(token)}" if wrong == "token" else f"{known}x/{token}"
    assert (await tell(api, other, {"MessageSid": "SM1", "MessageStatus": "sent"})).status == 404


async def test_callback_that_cannot_be_read_is_refused(server: Server, api: Api) -> None:
    made = await twilio(api)
    answer = await tell(api, made["callback_url"], {"Nothing": "of use"})
    assert (answer.status, answer.code) == (400, "unreadable")


async def test_head_finds_the_address(server: Server, api: Api) -> None:
    made = await twilio(api)
    assert (await api.ask("HEAD", urlsplit(made["callback_url"]).path)).status == 200
