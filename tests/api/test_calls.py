# /v1/calls: finding calls, and what people add to them.

from typing import Any

import pytest

from tests.api.conftest import DOCUMENT, Api


async def call_with(api: Api, **more: Any) -> str:
    taken = await api.post("/v1/events", DOCUMENT | {"event_id": None} | more)
    return str(taken["call_id"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=missed", ["b"]),
        ("status=missed&status=answered", ["a", "b"]),
        ("status=missed,answered", ["a", "b"]),
        ("direction=outbound", ["b"]),
        ("number=51234", ["a"]),
        ("agent=Jordan", ["a"]),
        ("queue=support", ["a", "b"]),
        ("call_key=b", ["b"]),
        ("since=2025-08-21T00:00:00Z&until=2025-08-22T00:00:00Z", ["a", "b"]),
        ("since=2025-08-22T00:00:00Z", []),
        ("min_duration_seconds=300", []),
    ],
)
async def test_calls_when_filtered(api: Api, query: str, found: list[str]) -> None:
    await call_with(api, call_id="a")
    await call_with(api, call_id="b", status="missed", direction="outbound", agent=None, connected_at=None,
                    talk_time_seconds=None)  # fmt: skip
    page = await api.get(f"/v1/calls?{query}")
    assert page.status == 200, page.body
    assert sorted(call["source_call_key"] for call in page["items"]) == found


async def test_disposition_says_who_set_it_and_when(api: Api) -> None:
    call_id = await call_with(api)
    path = f"/v1/calls/{call_id}"
    told = await api.post(f"{path}/disposition", {"disposition": "Sold", "sub_disposition": "Upgrade"})
    assert told["call_id"] == call_id
    call = await api.get(path)
    assert (call["disposition"], call["sub_disposition"], call["disposition_by"]) == (
        "Sold",
        "Upgrade",
        "owner",
    )
    assert call["disposition_at"] is not None


async def test_notes_tags_and_wrap_up_are_facts(api: Api) -> None:
    call_id = await call_with(api, wrap_up_seconds=None)
    path = f"/v1/calls/{call_id}"
    await api.post(f"{path}/notes", {"notes": "Call back"})
    await api.post(f"{path}/tags", {"tags": ["vip", "vip", "late"]})
    await api.post(f"{path}/wrap-up", {"wrap_up_seconds": 12})
    call = await api.get(path)
    assert (call["notes"], call["tags"], call["wrap_up_seconds"]) == ("Call back", ["vip", "late"], 12)
    kinds = [fact["kind"] for fact in (await api.get(f"{path}/facts"))["items"]]
    assert sorted(kinds) == ["call.completed", "call.noted", "call.noted", "call.wrapped_up"]


async def test_disposition_when_the_key_was_used_again_stays_with_its_call(api: Api) -> None:
    first = await call_with(api, call_id="same")
    start = {"event": "call.received", "call_id": "same", "occurred_at": "2026-11-19T10:00:00Z"}
    second = (await api.post("/v1/events", start))["call_id"]
    assert second != first
    await api.post(f"/v1/calls/{first}/disposition", {"disposition": "Sold"})
    assert (await api.get(f"/v1/calls/{first}"))["disposition"] == "Sold"
    assert (await api.get(f"/v1/calls/{second}"))["disposition"] is None


async def test_events_and_timeline_tell_what_happened(api: Api) -> None:
    call_id = await call_with(api)
    names = [event["event"] for event in (await api.get(f"/v1/calls/{call_id}/events"))["items"]]
    assert names[-1] == "call.completed"
    call = await api.get(f"/v1/calls/{call_id}")
    assert {"event"} <= {moment["type"] for moment in call["timeline"]}
    assert [m["at"] for m in call["timeline"]] == sorted(m["at"] for m in call["timeline"])


@pytest.mark.parametrize("path", ["", "/events", "/facts"])
async def test_call_when_there_is_none(api: Api, path: str) -> None:
    answer = await api.get(f"/v1/calls/cl_nothing{path}")
    assert (answer.status, answer.code) == (404, "not_found")
