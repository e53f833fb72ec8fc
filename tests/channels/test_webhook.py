"""The webhook channel against a real receiver: what every kind of answer means, and what goes over the wire."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from aftercall.channels.webhook import BODY_KEPT, MASK, WebhookChannel
from aftercall.domain.delivery import Delivery, Outcome
from aftercall.domain.webhook import Auth, Webhook
from aftercall.net.address import AddressRules, networks
from aftercall.net.door import Door, DoorRules
from aftercall.verify import verify
from tests.support.certificates import Authority
from tests.support.receiver import Answer, Receiver

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOCAL = DoorRules(addresses=AddressRules(networks("127.0.0.1")), allow_http=True)


def webhook(url: str, **more: Any) -> Webhook:
    fields: dict[str, Any] = {"signing_secret": SECRET, "timeout_seconds": 0.4} | more
    return Webhook(id="wb_1", account_id="ac_1", url=url, created_at=NOW, updated_at=NOW, **fields)


def delivery(**more: Any) -> Delivery:
    fields: dict[str, Any] = {
        "body": b'{"event":"call.completed"}',
        "content_type": "application/json",
    } | more
    return Delivery(
        id="dl_1", account_id="ac_1", destination_id="wb_1", key="k", event_id="evt_1", event="call.completed",
        trigger="call.completed", call_id="cl_1", created_at=NOW, occurred_at=NOW, **fields,
    )  # fmt: skip


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


async def sent(to: Webhook, rules: DoorRules = LOCAL, **more: Any) -> Outcome:
    door = Door(rules)
    try:
        return await WebhookChannel(door).send(delivery(**more), to, 1, NOW)
    finally:
        await door.close()


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_2xx_is_delivered(receiver: Receiver, status: int) -> None:
    outcome = await sent(webhook(receiver.url(f"/{status}")))
    assert (outcome.ok, outcome.error, outcome.status_code) == (True, None, status)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 422, 500, 502, 503])
async def test_other_answers_are_worth_another_try(receiver: Receiver, status: int) -> None:
    outcome = await sent(webhook(receiver.url(f"/{status}?location={receiver.url('/200')}")))
    assert (outcome.ok, outcome.error, outcome.retry, outcome.gone) == (False, "status", True, False)
    assert [r.path for r in receiver.requests] == [f"/{status}"]  # a redirect is never followed


async def test_410_means_no_more(receiver: Receiver) -> None:
    outcome = await sent(webhook(receiver.url("/410")))
    assert (outcome.ok, outcome.error, outcome.gone) == (False, "gone", True)


@pytest.mark.parametrize(
    ("status", "final"), [(400, True), (302, True), (408, False), (429, False), (500, False)]
)
async def test_fail_fast_makes_most_4xx_final(receiver: Receiver, status: int, *, final: bool) -> None:
    outcome = await sent(webhook(receiver.url(f"/{status}"), fail_fast=True))
    assert outcome.retry is not final


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_in_seconds(receiver: Receiver, status: int) -> None:
    assert (await sent(webhook(receiver.url(f"/{status}?retry-after=17")))).retry_after == 17.0


async def test_retry_after_as_a_date(receiver: Receiver) -> None:
    at = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
    receiver.plan("/hook", Answer(429, (("Retry-After", at),)))
    assert (await sent(webhook(receiver.url("/hook")))).retry_after == 90.0


@pytest.mark.parametrize("value", ["soon", "-5", "9" * 40, "", "Fri, 99 Nov 2026 10:00:00 GMT"])
async def test_retry_after_that_makes_no_sense_is_ignored(receiver: Receiver, value: str) -> None:
    receiver.plan("/hook", Answer(429, (("Retry-After", value),)))
    assert (await sent(webhook(receiver.url("/hook")))).retry_after is None


@pytest.mark.parametrize("path", ["silent", "drip", "drip-head"])
async def test_slow_receivers_end_at_the_deadline(receiver: Receiver, path: str) -> None:
    outcome = await sent(webhook(receiver.url(f"/{path}")))
    assert (outcome.ok, outcome.error, outcome.retry) == (False, "timeout", True)
    assert 0.3 < outcome.latency < 2.0


@pytest.mark.parametrize("path", ["endless", "bomb"])
async def test_huge_bodies_are_cut(receiver: Receiver, path: str) -> None:
    outcome = await sent(webhook(receiver.url(f"/{path}")))
    assert len(outcome.response_body.encode()) <= BODY_KEPT * 3  # what is no UTF-8 takes three bytes a byte


@pytest.mark.parametrize("path", ["garbage", "huge-header"])
async def test_answers_that_are_no_http_are_protocol_errors(receiver: Receiver, path: str) -> None:
    assert (await sent(webhook(receiver.url(f"/{path}")))).error == "protocol"


async def test_connection_refused_is_worth_another_try() -> None:
    async with Receiver() as gone:
        url = gone.url("/hook")
    outcome = await sent(webhook(url))
    assert (outcome.error, outcome.retry) == ("connect", True)


async def test_bad_certificate_is_worth_another_try(tmp_path: Path) -> None:
    async with Receiver(Authority(tmp_path).context()) as receiver:
        outcome = await sent(webhook(receiver.url("/hook")))
        assert (outcome.ok, outcome.error, outcome.retry) == (False, "tls", True)
        assert receiver.requests == []


async def test_private_address_is_refused(receiver: Receiver) -> None:
    outcome = await sent(webhook(receiver.url("/hook")), DoorRules(allow_http=True))
    assert (outcome.ok, outcome.error) == (False, "address_refused")
    assert receiver.requests == []


async def test_http_is_refused_outside_development() -> None:
    outcome = await sent(webhook("http://hooks.example.test/"), DoorRules())
    assert (outcome.error, outcome.retry) == ("invalid_url", False)


async def test_every_request_carries_the_contract(receiver: Receiver) -> None:
    await sent(webhook(receiver.url("/hook"), headers={"X-Tenant": "acme", "webhook-id": "mine"}))
    (request,) = receiver.requests
    names = [name for name, _ in request.headers]
    assert names[1:9] == [
        "User-Agent", "Content-Type", "webhook-id", "webhook-timestamp", "webhook-signature",
        "X-Webhook-Signature", "X-AfterCall-Delivery", "X-AfterCall-Attempt",
    ]  # fmt: skip
    assert request.header("webhook-id") == "evt_1"  # what is ours cannot be overridden
    assert request.header("X-Tenant") == "acme"
    verify(dict(request.headers), request.body, SECRET, now=NOW.timestamp())


async def test_get_signs_the_raw_query(receiver: Receiver) -> None:
    await sent(
        webhook(receiver.url("/hook?k=1"), method="GET"), body=b"", content_type="", query="a=%2B1&b=x+y"
    )
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("GET", "/hook?k=1&a=%2B1&b=x+y", b"")
    verify(dict(request.headers), b"a=%2B1&b=x+y", SECRET, now=NOW.timestamp())


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (Auth(type="bearer", secret="tok-123"), "Authorization", "Bearer tok-123"),
        (Auth(type="header", header="X-Webhook-Token", secret="tok-123"), "X-Webhook-Token", "tok-123"),
        (Auth(type="basic", username="jo", password="tok-123"), "Authorization", "Basic am86dG9rLTEyMw=="),
    ],
)
async def test_auth_is_sent_and_never_shown(receiver: Receiver, auth: Auth, header: str, value: str) -> None:
    outcome = await sent(webhook(receiver.url("/hook"), auth=auth, headers={"X-Api-Key": "tok-123-extra"}))
    assert receiver.requests[0].header(header) == value
    assert dict(outcome.request_headers)[header] == MASK
    assert dict(outcome.request_headers)["X-Api-Key"] == MASK
    assert "tok-123" not in repr(outcome)
    assert b64decode("am86dG9rLTEyMw==") == b"jo:tok-123"


async def test_body_that_is_no_text_is_shown_as_text(receiver: Receiver) -> None:
    receiver.plan("/hook", Answer(500, body=b"\x00\xff\xfe oops"))
    outcome = await sent(webhook(receiver.url("/hook")))
    assert outcome.response_body.endswith("oops")
    assert "\0" not in outcome.response_body
    assert json.dumps(outcome.response_body)


async def test_many_at_once_do_not_mix(receiver: Receiver) -> None:
    door = Door(LOCAL)
    channel = WebhookChannel(door)
    hooks = [webhook(receiver.url(f"/{status}")) for status in (200, 404, 500, 200, 410) * 10]
    outcomes = await asyncio.gather(*(channel.send(delivery(), hook, 1, NOW) for hook in hooks))
    assert [o.status_code for o in outcomes] == [200, 404, 500, 200, 410] * 10
    await door.close()
