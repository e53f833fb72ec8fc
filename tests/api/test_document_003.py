# The API calls of the after-call webhook's guide, as they are written there.

import json
import subprocess

from aftercall.server import Server
from tests.api.conftest import DOCUMENT, KEY, Api

CREATE = """{
"type": "after_call",
"url": "https://example.com/webhooks/after-call",
"auth": {"header": "X-Webhook-Token", "secret": "<SECRET>"},
"events": ["answered","missed","voicemail"],
"format": "json"
}"""
ROTATE = '{"auth": {"header": "X-Webhook-Token", "secret": "<NEW_SECRET>"}}'


async def test_webhook_when_made_with_the_guides_call(api: Api) -> None:
    made = await api.ask("POST", "/v1/webhooks", raw=CREATE.encode(), Content_Type="application/json")
    assert made.status == 201, made.body
    assert made["id"].startswith("wb_")
    assert made["type"] == "after_call"
    assert made["auth"] == {"type": "header", "header": "X-Webhook-Token", "secret": "••••"}
    assert made["events"] == ["answered", "missed", "abandoned", "voicemail"]
    assert made["notes"] == ["`missed` includes abandoned calls; write `missed_only` to leave them out."]
    assert made["triggers"] == ["call.completed", "call.updated"]
    assert made["signing_secret"].startswith("whsec_")
    assert "<SECRET>" not in json.dumps(made.body)


async def test_secret_when_rotated_with_the_guides_call(api: Api, server: Server) -> None:
    made = await api.ask("POST", "/v1/webhooks", raw=CREATE.encode(), Content_Type="application/json")
    path = f"/v1/webhooks/{made['id']}"
    changed = await api.ask("PATCH", path, raw=ROTATE.encode(), Content_Type="application/json")
    assert changed.status == 200, changed.body
    assert changed["auth"]["previous_valid_until"] is not None
    account = (await api.get("/v1/account"))["id"]
    stored = await server.app.store.get_webhook(account, made["id"])
    assert stored is not None
    assert stored.auth.secret == "<NEW_SECRET>"
    assert [old.secret for old in stored.old_auth_secrets] == ["<SECRET>"]


def curl(method: str, url: str, body: str) -> tuple[int, dict[str, object]]:
    command = ["curl", "-sS", "-X", method, url, "-H", f"Authorization: Bearer {KEY}",
               "-H", "Content-Type: application/json", "-d", body, "-w", "\n%{http_code}"]  # fmt: skip
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answer, _, status = printed.rpartition("\n")
    return int(status), json.loads(answer)


async def test_guides_calls_when_made_with_curl(server: Server) -> None:
    import asyncio

    status, made = await asyncio.to_thread(curl, "POST", f"{server.url}/v1/webhooks", CREATE)
    assert status == 201
    status, _ = await asyncio.to_thread(curl, "PATCH", f"{server.url}/v1/webhooks/{made['id']}", ROTATE)
    assert status == 200


async def test_finished_call_when_posted_is_final_at_once(api: Api) -> None:
    taken = await api.post("/v1/events", DOCUMENT)
    assert taken.status == 200, taken.body
    assert taken["status"] == "accepted"
    call = await api.get(f"/v1/calls/{taken['call_id']}")
    assert call["revision"] == 1
    assert call["completed_at"] is not None
    for name in ("direction", "from", "to", "status", "reason", "duration_seconds", "talk_time_seconds",
                 "wrap_up_seconds", "recording_url", "notes", "custom_fields", "started_at", "ended_at"):  # fmt: skip
        assert call[name] == DOCUMENT[name], name
    assert call["agent"]["name"] == "Jordan"
    assert [event["event"] for event in call["events"]] == ["call.ended", "call.completed"]


async def test_finished_call_when_posted_twice_is_a_duplicate(api: Api) -> None:
    first = await api.post("/v1/events", DOCUMENT)
    again = await api.post("/v1/events", DOCUMENT)
    assert (again.status, again["status"], again["call_id"]) == (200, "duplicate", first["call_id"])
