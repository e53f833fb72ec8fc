# What sources sent, as it was sent: kept, listed, shown; and what becomes of bad input, for every type.

import hmac
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aftercall.server import Server
from aftercall.sources import SOURCES
from tests.api.conftest import DOCUMENT, Api
from tests.support.house import Clock
from tests.support.wait import until

SECRET = "12345678901234567890123456789012"
INVITE = {"time": 1795164500.445833, "method": "INVITE", "from_tag": "1a", "to_tag": "1b", "callid": "1@h",
          "sip_code": "486", "sip_reason": "Busy", "src_user": "+14085551234"}  # fmt: skip


async def add(api: Api, type: str = "kamailio", **more: Any) -> Any:
    answer = await api.post("/v1/sources", {"type": type} | more)
    assert answer.status == 201, answer.body
    return answer


async def inputs(api: Api, source: Any, query: str = "") -> list[Any]:
    found: list[Any] = (await api.get(f"/v1/sources/{source['id']}/inputs{query}"))["items"]
    return found


async def status(api: Api, source: Any) -> Any:
    return (await api.get(f"/v1/sources/{source['id']}/status")).body


async def send(
    nobody: Api, source: Any, body: Any = None, *, raw: bytes | None = None, query: str = ""
) -> Any:
    path = f"/in/{source['id']}?token={source['token']}{query}"
    return await nobody.ask("POST", path, body, raw=raw, Content_Type="application/json", X_Phone="secret")


async def test_input_is_kept_with_the_call_it_gave(api: Api, nobody: Api) -> None:
    source = await add(api)
    assert (await send(nobody, source, INVITE, query="&ac_crm=1")).status == 200
    [kept] = await inputs(api, source)
    [call] = (await api.get("/v1/calls"))["items"]
    assert (kept["result"], kept["error"], kept["call_ids"]) == ("taken", None, [call["call_id"]])
    assert (kept["call_keys"], kept["content_type"]) == ([call["source_call_key"]], "application/json")
    assert kept["query"] == "token=***&ac_crm=1"
    whole = await api.get(f"/v1/sources/{source['id']}/inputs/{kept['id']}")
    assert (whole["body_encoding"], whole["body_complete"]) == ("utf-8", True)
    assert '"method": "INVITE"' in whole["body"]
    for shown in (whole.body, kept):
        assert source["token"] not in str(shown)
    assert "x-phone" not in whole["headers"]


async def test_duplicate_is_kept_and_names_the_same_call(api: Api, nobody: Api) -> None:
    source = await add(api)
    await send(nobody, source, INVITE)
    await send(nobody, source, INVITE)
    first, second = await inputs(api, source)
    assert first["call_ids"] == second["call_ids"]
    counts = (await status(api, source))["last_day"]
    assert counts["taken"] == counts["duplicate"] == first["facts"]


async def test_nothing_is_kept_of_what_is_understood_when_the_source_says_so(api: Api, nobody: Api) -> None:
    source = await add(api, keep_raw_hours=0)
    await send(nobody, source, INVITE)
    await send(nobody, source, {"method": "INVITE"})
    assert [kept["result"] for kept in await inputs(api, source)] == ["unparsable"]


@pytest.mark.parametrize("keep", [0, 1])
async def test_events_are_kept_only_when_asked(api: Api, nobody: Api, keep: int) -> None:
    source = await add(api, "http", keep_raw_hours=keep)
    assert (await send(nobody, source, DOCUMENT))["status"] == "accepted"
    assert (await send(nobody, source, [DOCUMENT]))["duplicate"] == 1
    assert len(await inputs(api, source)) == 2 * keep


async def test_events_by_key_that_cannot_be_read_are_listed_under_their_source(api: Api) -> None:
    source = (await api.get("/v1/sources"))["items"][0]
    assert (await api.post("/v1/events", DOCUMENT | {"event": "call.eaten"})).status == 422
    assert (await api.ask("POST", "/v1/events", raw=b"{")).status == 400
    answer = await api.post("/v1/events", [DOCUMENT, DOCUMENT | {"status": "eaten", "event_id": "2"}])
    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert (await api.post("/v1/events", DOCUMENT)).status == 200
    mixed, unreadable, wrong = await inputs(api, source)
    assert {kept["result"] for kept in (mixed, unreadable, wrong)} == {"unparsable"}
    assert "event: must be one of" in wrong["error"]
    assert (mixed["facts"], unreadable["facts"]) == (1, 0)
    counts = (await status(api, source))["last_day"]
    assert (counts["unparsable"], counts["taken"], counts["duplicate"]) == (3, 1, 1)


async def test_bytes_that_are_no_text_are_shown_in_base64(api: Api, nobody: Api) -> None:
    source = await add(api)
    assert (await send(nobody, source, raw=b"\xff\x00{"))["rejected"] == 1
    [kept] = await inputs(api, source)
    whole = await api.get(f"/v1/sources/{source['id']}/inputs/{kept['id']}")
    assert (whole["body_encoding"], whole["body"], whole["body_bytes"]) == ("base64", "/wB7", 3)


async def test_one_bad_record_is_listed_beside_what_its_neighbours_gave(api: Api, nobody: Api) -> None:
    source = await add(api)
    answer = await send(nobody, source, [INVITE, {"method": "INVITE"}])
    assert (answer.status, answer["rejected"]) == (200, 1)
    [kept] = await inputs(api, source)
    assert (kept["result"], len(kept["call_ids"])) == ("unparsable", 1)
    assert "callid" in kept["error"]


async def test_what_belongs_to_no_call_is_listed_with_its_reason(api: Api, nobody: Api) -> None:
    source = await add(api, "vapi", secret=SECRET)
    body = b'{"message":{"type":"speech-update"}}'
    answer = await nobody.ask("POST", f"/in/{source['id']}", raw=body, X_Vapi_Secret=SECRET)
    assert answer.status == 200
    [kept] = await inputs(api, source, "?result=ignored")
    assert "speech-update" in kept["error"]
    assert (await status(api, source))["last_day"]["ignored"] == 1


async def test_inputs_are_paged_and_filtered(api: Api, nobody: Api) -> None:
    source = await add(api)
    for n in range(3):
        await send(nobody, source, INVITE | {"callid": f"{n}@h"})
    await send(nobody, source, {})
    path = f"/v1/sources/{source['id']}/inputs"
    first = await api.get(f"{path}?limit=3")
    second = await api.get(f"{path}?limit=3&cursor={first['next_cursor']}")
    assert len({kept["id"] for kept in first["items"] + second["items"]}) == 4
    assert second["next_cursor"] is None
    assert len(await inputs(api, source, "?result=taken")) == 3
    assert len(await inputs(api, source, "?result=taken,unparsable")) == 4
    assert await inputs(api, source, "?since=2999-01-01T00:00:00Z") == []
    assert (await api.get(f"{path}?result=eaten")).status == 422


# --- answers to what is verified and cannot be read, by type ---

GARBAGE = b'{"neither": "here'
ANSWERS = {
    "http": 400, "kamailio": 200, "freeswitch_cdr": 200, "twilio": 200, "telnyx": 200, "plivo": 200,
    "jambonz": 200, "vapi": 200, "retell": 200, "elevenlabs": 200, "livekit": 200,
    "freeswitch": 200, "asterisk": None,
}  # fmt: skip


def test_every_type_says_what_becomes_of_what_cannot_be_read() -> None:
    for name, kind in SOURCES.items():
        assert kind.unparsable in ("accept", "refuse"), name
    assert ANSWERS.keys() <= SOURCES.keys()


def test_the_answers_are_documented() -> None:
    page = (Path(__file__).parent.parent.parent / "docs/reference/sources.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (200|4xx|none) \|", page, re.MULTILINE))
    assert rows.keys() == SOURCES.keys()
    for name, kind in SOURCES.items():
        if rows[name] != "none":
            assert (rows[name] == "200") == (kind.unparsable == "accept"), name


def signed(type: str, body: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    said = body + f"{at}000".encode() if type == "retell" else f"{at}.".encode() + body
    digest = hmac.new(SECRET.encode(), said, "sha256").hexdigest()
    return {
        "vapi": {"X-Vapi-Secret": SECRET},
        "retell": {"X-Retell-Signature": f"v={at}000,d={digest}"},
        "elevenlabs": {"ElevenLabs-Signature": f"t={at},v0={digest}"},
        "jambonz": {"Jambonz-Signature": f"t={at},v1={digest}"},
    }.get(type, {"X-AfterCall-Token": SECRET})


@pytest.mark.parametrize(
    "type", ["http", "kamailio", "freeswitch_cdr", "vapi", "retell", "elevenlabs", "jambonz"]
)
async def test_what_cannot_be_read_is_kept_and_answered_as_the_sender_needs(
    api: Api, nobody: Api, type: str
) -> None:
    source = await add(api, type, secret=SECRET)
    answer = await nobody.ask("POST", f"/in/{source['id']}", raw=GARBAGE, **signed(type, GARBAGE))
    assert answer.status == ANSWERS[type]
    [kept] = await inputs(api, source)
    whole = await api.get(f"/v1/sources/{source['id']}/inputs/{kept['id']}")
    assert (whole["result"], whole["body"].encode()) == ("unparsable", GARBAGE)
    assert whole["error"]
    assert (await api.get("/v1/calls"))["items"] == []
    assert (await status(api, source))["health"] == "attention"


@pytest.mark.parametrize(
    "type", ["http", "kamailio", "freeswitch_cdr", "twilio", "telnyx", "plivo", "livekit", "vapi", "retell"]
)
async def test_what_cannot_be_verified_is_counted_and_never_kept(api: Api, nobody: Api, type: str) -> None:
    source = await add(api, type, secret=SECRET)
    answer = await nobody.ask("POST", f"/in/{source['id']}", raw=b'{"call_id":"c"}', X_AfterCall_Token="no")
    assert answer.status in (401, 403)
    assert await inputs(api, source) == []
    found = await status(api, source)
    assert found["last_day"]["refused"] == found["since_start"]["refused"] == 1
    assert (found["last_event_at"], found["health"]) == (None, "attention")


async def test_parser_that_fails_costs_nothing_but_a_line_in_the_log(
    server: Server, api: Api, nobody: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours, made by breaking a function the parser uses."""

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    source = await add(api)
    monkeypatch.setattr("aftercall.sources.kamailio._facts", broken)
    assert (await send(nobody, source, INVITE)).status == 200
    [kept] = await inputs(api, source)
    assert (kept["result"], "log" in kept["error"]) == ("unparsable", True)


# --- status ---


async def test_status_counts_and_remembers_across_a_restart(server: Server, api: Api, nobody: Api) -> None:
    source = await add(api)
    assert (await status(api, source))["health"] == "silent"
    await send(nobody, source, [INVITE, INVITE | {"callid": "2@h"}])
    found = await status(api, source)
    assert found["health"] == "ok"
    assert found["notes"] == []
    assert found["events_per_minute"]["last_minute"] == found["last_day"]["taken"] > 0
    assert found["last_event_at"] is not None
    traffic = server.app.traffic
    await traffic.write()
    traffic._tallies.clear()
    traffic._incarnation = "node_after_a_restart"
    again = await status(api, source)
    assert (again["last_day"], again["last_event_at"]) == (found["last_day"], found["last_event_at"])
    assert again["since_start"]["taken"] == 0
    await send(nobody, source, INVITE | {"callid": "3@h"})
    assert (await status(api, source))["last_day"]["taken"] > found["last_day"]["taken"]


async def test_counting_costs_no_statement_for_an_event(server: Server, api: Api, nobody: Api) -> None:
    source = await add(api, "http")
    await send(nobody, source, DOCUMENT)
    hours = await server.app.store.traffic((await api.get("/v1/account"))["id"], source["id"], 0)
    assert hours == []


async def test_status_of_events_that_come_with_a_key(api: Api) -> None:
    source = (await api.get("/v1/sources"))["items"][0]
    await api.post("/v1/events", DOCUMENT)
    await api.post("/v1/events", [DOCUMENT, DOCUMENT])
    counts = (await status(api, source))["last_day"]
    assert (counts["taken"], counts["duplicate"]) == (1, 2)


async def test_events_that_tell_of_old_calls_are_not_moved(api: Api, nobody: Api) -> None:
    """Imports: nothing of type http is, unless its source says so."""
    source = await add(api, "http")
    for n in range(12):
        told = DOCUMENT | {"call_id": f"c{n}", "event": "call.ringing", "event_id": f"e{n}"}
        await send(nobody, source, told)
        await api.post("/v1/events", told | {"event_id": f"f{n}"})
    for call in (await api.get("/v1/calls"))["items"]:
        assert "clock_skew" not in call["data_quality"]
    found = await status(api, source)
    assert found["clock"] == {"mode": "trust", "skew_seconds": None, "samples": 0, "corrected_by": 0.0}


async def test_events_for_a_paused_source_are_counted_and_not_kept(api: Api) -> None:
    paused = await add(api, "http", status="paused")
    default = (await api.get("/v1/sources"))["items"][0]
    assert (await api.post("/v1/events", DOCUMENT | {"source": paused["id"]})).status == 422
    assert await inputs(api, paused) == await inputs(api, default) == []
    assert (await status(api, paused))["last_day"]["refused"] == 1


@pytest.mark.parametrize("by_key", [True, False])
async def test_events_are_moved_when_their_source_asks_for_it(
    server: Server, api: Api, nobody: Api, monkeypatch: pytest.MonkeyPatch, *, by_key: bool
) -> None:
    source = await add(api, "http", clock="auto")
    clock = Clock()
    monkeypatch.setattr(server.app.clock, "now", clock.now, raising=False)

    async def ring(call_id: str) -> Any:
        at = clock.now() - timedelta(seconds=30)
        told = {"event": "call.ringing", "call_id": call_id, "occurred_at": at.isoformat()}
        if by_key:
            return await api.post("/v1/events", told | {"source": source["id"]})
        return await send(nobody, source, told)

    for n in range(9):
        assert (await ring(f"c{n}")).status == 200
        clock.ahead += timedelta(seconds=6)

    async def known() -> bool:
        return bool((await api.get(f"/v1/sources/{source['id']}"))["clock_skew_seconds"])

    await until(known)
    last = await ring("last")
    call = await api.get(f"/v1/calls/{last['call_id']}")
    assert "clock_skew" in call["data_quality"]
    found = await status(api, source)
    assert found["clock"]["corrected_by"] == pytest.approx(30, abs=1)
    assert any("behind ours; times are put right" in note for note in found["notes"])


# --- limits ---


async def test_flood_from_one_source_is_limited_and_touches_no_other(api: Api, nobody: Api) -> None:
    loud = await add(api, "kamailio", max_events_per_second=5)
    calm = await add(api, "kamailio")
    answers = [await send(nobody, loud, INVITE | {"callid": f"{n}@h"}) for n in range(20)]
    limited = [answer for answer in answers if answer.status == 429]
    assert limited
    assert int(limited[0].headers["Retry-After"]) >= 1
    for n in range(20):
        assert (await send(nobody, calm, INVITE | {"callid": f"c{n}@h"})).status == 200
    assert (await api.post("/v1/events", DOCUMENT)).status == 200
    found = await status(api, loud)
    assert found["last_day"]["limited"] == len(limited)
    assert (await status(api, calm))["last_day"]["limited"] == 0

    async def again() -> bool:
        return bool((await send(nobody, loud, INVITE)).status == 200)

    await until(again)


async def test_flood_of_what_cannot_be_read_is_limited_too(api: Api, nobody: Api) -> None:
    source = await add(api, max_events_per_second=3)
    answers = {(await send(nobody, source, raw=GARBAGE)).status for _ in range(10)}
    assert answers == {200, 429}
    assert len(await inputs(api, source)) < 10


async def test_source_with_a_limit_of_its_own_is_limited_by_key_too(api: Api) -> None:
    source = await add(api, "http", max_events_per_second=2)
    told = [DOCUMENT | {"source": source["id"], "event_id": str(n)} for n in range(5)]
    answer = await api.post("/v1/events", told)
    assert answer["accepted"] + answer["rejected"] == 5
    assert answer["rejected"] >= 2
    assert answer["results"][4]["error"]["code"] == "busy"
    assert (await api.post("/v1/events", told[0])).status == 429


# --- tests of sources ---


async def test_test_of_a_source_that_takes_requests_makes_a_sample_call(api: Api) -> None:
    source = await add(api, "twilio", secret=SECRET)
    tested = await api.post(f"/v1/sources/{source['id']}/test")
    assert (tested.status, tested["ok"]) == (200, True)
    call = await api.get(f"/v1/calls/{tested['call_id']}")
    assert (call["is_test"], call["status"], call["source_id"]) == (True, "answered", source["id"])
    await api.patch(f"/v1/sources/{source['id']}", {"status": "paused"})
    assert (await api.post(f"/v1/sources/{source['id']}/test")).status == 409
