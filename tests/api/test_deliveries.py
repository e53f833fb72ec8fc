# /v1/deliveries, replay, pausing: what is sent again, and what is not.

import asyncio
from typing import Any

import pytest

from tests.api.conftest import DOCUMENT, Api
from tests.support.receiver import Answer, Receiver

FAIL_ONCE: dict[str, Any] = {"fail_fast": True, "triggers": ["call.completed"]}


async def settled(api: Api, webhook_id: str, status: str, count: int = 1) -> list[Any]:
    """The webhook's deliveries, as soon as there are so many in this state."""
    async with asyncio.timeout(10):
        while True:
            page = await api.get(f"/v1/deliveries?webhook_id={webhook_id}&status={status}")
            if len(page["items"]) >= count:
                return list(page["items"])
            await asyncio.sleep(0.02)


async def test_delivery_when_read_shows_body_and_attempts(api: Api, receiver: Receiver) -> None:
    webhook = await api.webhook(url=receiver.url("/200"), triggers=["call.completed"])
    taken = await api.post("/v1/events", DOCUMENT)
    (delivery,) = await settled(api, webhook["id"], "delivered")
    assert delivery["call_id"] == taken["call_id"]
    detail = await api.get(f"/v1/deliveries/{delivery['id']}")
    assert detail["body"].encode() == receiver.requests[0].body
    assert detail["attempt_log"][0]["status_code"] == 200
    assert (await api.get(f"/v1/deliveries?event_id={delivery['event_id']}"))["items"] == [delivery]


async def test_delivery_when_sent_again_has_the_same_event_and_body(api: Api, receiver: Receiver) -> None:
    webhook = await api.webhook(url=receiver.url("/200"), triggers=["call.completed"])
    await api.post("/v1/events", DOCUMENT)
    (delivery,) = await settled(api, webhook["id"], "delivered")
    again = await api.post(f"/v1/deliveries/{delivery['id']}/resend")
    assert (again.status, again["resend_of"], again["event_id"]) == (
        201,
        delivery["id"],
        delivery["event_id"],
    )
    first, second = await receiver.wait(2)
    assert second.body == first.body
    assert second.header("webhook-id") == first.header("webhook-id")


async def test_replay_sends_what_has_not_arrived_and_only_once(api: Api, receiver: Receiver) -> None:
    receiver.plan("/hook", Answer(400), Answer(200))
    webhook = await api.webhook(url=receiver.url("/hook"), **FAIL_ONCE)
    await api.post("/v1/events", DOCUMENT)
    await settled(api, webhook["id"], "failed")
    path, asked = f"/v1/webhooks/{webhook['id']}/replay", {"since": "2026-01-01T00:00:00Z"}
    assert (await api.post(path, asked)).body == {"resent": 1, "arrived": 0, "left": 0}
    await settled(api, webhook["id"], "delivered")
    assert (await api.post(path, asked)).body == {"resent": 0, "arrived": 1, "left": 0}


async def test_webhook_when_paused_holds_and_when_resumed_sends(api: Api, receiver: Receiver) -> None:
    webhook = await api.webhook(url=receiver.url("/200"), status="paused", triggers=["call.completed"])
    await api.post("/v1/events", DOCUMENT)
    await settled(api, webhook["id"], "held")
    await api.patch(f"/v1/webhooks/{webhook['id']}", {"status": "enabled"})
    await settled(api, webhook["id"], "delivered")


async def test_webhook_when_disabled_says_so_on_the_call(api: Api) -> None:
    webhook = await api.webhook(status="disabled")
    taken = await api.post("/v1/events", DOCUMENT)
    call = await api.get(f"/v1/calls/{taken['call_id']}")
    skipped = [s for event in call["events"] for s in event["skipped"]]
    told = [(s["webhook_id"], s["rule_id"], s["code"], s["reason"]) for s in skipped]
    assert (webhook["id"], None, "disabled", "The webhook was disabled.") in told
    assert any(m["type"] == "skipped" for m in call["timeline"])


async def test_delivery_when_held_can_be_cancelled_once(api: Api) -> None:
    webhook = await api.webhook(status="paused", triggers=["call.completed"])
    await api.post("/v1/events", DOCUMENT)
    (delivery,) = await settled(api, webhook["id"], "held")
    assert (await api.post(f"/v1/deliveries/{delivery['id']}/cancel"))["status"] == "cancelled"
    answer = await api.post(f"/v1/deliveries/{delivery['id']}/cancel")
    assert (answer.status, answer.code) == (409, "conflict")


async def test_resend_when_the_webhook_is_disabled_or_deleted(api: Api) -> None:
    webhook = await api.webhook(status="paused", triggers=["call.completed"])
    await api.post("/v1/events", DOCUMENT)
    (delivery,) = await settled(api, webhook["id"], "held")
    await api.patch(f"/v1/webhooks/{webhook['id']}", {"status": "disabled"})
    assert (await api.post(f"/v1/deliveries/{delivery['id']}/resend")).code == "conflict"
    await api.delete(f"/v1/webhooks/{webhook['id']}")
    assert (await api.post(f"/v1/deliveries/{delivery['id']}/resend")).code == "conflict"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"}, "until"),
        ({"since": "2026-01-01T00:00:00Z", "status": ["delivered"]}, "status[0]"),
    ],
)
async def test_replay_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str) -> None:
    webhook = await api.webhook()
    assert (await api.post(f"/v1/webhooks/{webhook['id']}/replay", asked)).field == field
