# POST /v1/events: what is taken, what is refused, and how it is said.

import json
from pathlib import Path
from typing import Any

import pytest

from aftercall.config import Config
from aftercall.domain.errors import Busy, Unavailable
from aftercall.server import Server
from tests.api.conftest import DOCUMENT, KEY, Api

STARTED = {
    "event": "call.received",
    "call_id": "c1",
    "occurred_at": "2026-11-20T10:00:00Z",
    "from": "+14085551234",
}


async def test_list_when_one_is_bad_takes_its_neighbours(api: Api) -> None:
    bad = STARTED | {"call_id": "c2", "status": "lost"}
    answer = await api.post("/v1/events", [STARTED, bad, STARTED, STARTED | {"call_id": "c3"}])
    assert answer.status == 200
    assert [r["status"] for r in answer["results"]] == ["accepted", "rejected", "duplicate", "accepted"]
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (2, 1, 1)
    error = answer["results"][1]["error"]
    assert error["code"] == "invalid"
    assert error["errors"] == [
        {
            "field": "status",
            "message": "must be one of answered, missed, abandoned, voicemail",
            "got": "a string of 4 characters",
        }
    ]


async def test_list_when_an_item_is_no_json_takes_its_neighbours(api: Api) -> None:
    raw = f'[{json.dumps(STARTED)}, {{"call_id": "\\ud800"}}, 5]'.encode()
    answer = await api.ask("POST", "/v1/events", raw=raw)
    assert [r["status"] for r in answer["results"]] == ["accepted", "rejected", "rejected"]


async def test_list_when_empty(api: Api) -> None:
    assert (await api.post("/v1/events", [])).body == {
        "results": [], "accepted": 0, "duplicate": 0, "rejected": 0, "ignored": 0
    }  # fmt: skip


async def test_list_when_too_long(api: Api) -> None:
    answer = await api.ask("POST", "/v1/events", raw=b"[" + b",".join([b"1"] * 1001) + b"]")
    assert (answer.status, answer.code) == (413, "too_large")


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"event": None}, "event"),
        ({"event": "call.updated"}, "event"),
        ({"event": "call.orphaned"}, "event"),
        ({"call_id": None}, "call_id"),
        ({"call_id": "x" * 201}, "call_id"),
        ({"occurred_at": "2026-11-20T10:00:00"}, "occurred_at"),
        ({"occurred_at": None}, "occurred_at"),
        ({"source": "src_nothing"}, "source"),
        ({"agent": []}, "agent"),
        ({"duration_seconds": "five"}, "duration_seconds"),
        ({"notes": "a\0b"}, "notes"),
        ({"x": [[[[[[[[1]]]]]]]]}, "x[0][0][0][0][0][0][0]"),
        ({"notes": "one", "data": {"notes": "two"}}, "notes"),
    ],
)
async def test_one_event_when_it_breaks_a_rule(api: Api, event: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/events", STARTED | event)
    assert (answer.status, answer.code, answer.field) == (422, "invalid", field)
    assert answer["error"]["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"event": }', b"\xff", b"[" * 100_000])
async def test_body_when_unreadable(api: Api, raw: bytes) -> None:
    answer = await api.ask("POST", "/v1/events", raw=raw)
    assert (answer.status, answer.code) == (400, "unreadable")


async def test_body_when_too_large(api: Api) -> None:
    answer = await api.ask("POST", "/v1/events", raw=b" " * 200_001)
    assert (answer.status, answer.code) == (413, "too_large")


async def test_body_when_a_form(api: Api) -> None:
    form = "application/x-www-form-urlencoded"
    answer = await api.ask("POST", "/v1/events", raw=b"a=1", Content_Type=form)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_method_when_not_post(api: Api) -> None:
    answer = await api.get("/v1/events")
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", "POST")


async def test_key_when_missing_or_wrong(api: Api, nobody: Api, server: Server) -> None:
    for wrong in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
        answer = await nobody.post("/v1/events", STARTED, **wrong)
        assert (answer.status, answer.code) == (401, "unauthenticated")
    assert 'reason="unauthenticated"} 3' in (await api.get("/metrics")).body


async def test_key_when_it_lacks_the_scope(api: Api, server: Server) -> None:
    key = await api.post("/v1/keys", {"name": "reader", "scopes": ["calls:read"]})
    async with Api(server.url, key["key"]) as reader:
        answer = await reader.post("/v1/events", STARTED)
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_unknown_fields_are_kept_as_custom_fields(api: Api) -> None:
    event = STARTED | {"crm": "A1", "agent": {"id": 7, "team": "x"}, "data": {"tier": "gold"}}
    taken = await api.post("/v1/events", event)
    call = await api.get(f"/v1/calls/{taken['call_id']}")
    assert call["custom_fields"] == {"crm": "A1", "agent.team": "x", "tier": "gold"}


async def test_events_when_the_account_sends_too_many(tmp_path: Path) -> None:
    config = Config(port=0, data=tmp_path, dev=True, api_key=KEY, max_events_per_second=5)
    async with Server(config) as server, Api(server.url) as api:
        first = await api.post("/v1/events", [STARTED | {"call_id": f"c{n}"} for n in range(50)])
        second = await api.post("/v1/events", STARTED)
    assert first["accepted"] == 50
    assert (second.status, second.code) == (429, "busy")
    assert 1 <= int(second.headers["Retry-After"]) <= 10


@pytest.mark.parametrize(("problem", "status"), [(Busy("Full."), 429), (Unavailable(retry_after=7), 503)])
async def test_events_when_the_intake_cannot_take_them(
    api: Api, server: Server, monkeypatch: pytest.MonkeyPatch, problem: Exception, status: int
) -> None:
    async def refuse(_: object) -> None:
        raise problem

    monkeypatch.setattr(server.app.intake, "accept", refuse)
    answer = await api.post("/v1/events", STARTED)
    assert answer.status == status
    assert answer.headers["Retry-After"] == ("7" if status == 503 else "1")


async def test_account_when_suspended(server: Server, api: Api, stranger: Api) -> None:
    account = (await stranger.get("/v1/account"))["id"]
    await api.patch(f"/v1/accounts/{account}", {"status": "suspended"})
    answer = await stranger.post("/v1/events", DOCUMENT)
    assert (answer.status, answer.code) == (403, "forbidden")
