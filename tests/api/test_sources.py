# /v1/sources and what sources post to /in/{source}.

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from aftercall.server import Server
from tests.api.conftest import DOCUMENT, Api
from tests.support.house import Clock


async def test_token_when_given_in_every_way(api: Api, nobody: Api) -> None:
    source = await api.post("/v1/sources", {"type": "http", "name": "PBX"})
    assert source.status == 201
    assert source["ingest_url"].endswith(f"/in/{source['id']}")
    token, path = source["token"], f"/in/{source['id']}"
    basic = b64encode(f"any:{token}".encode()).decode()
    ways: list[dict[str, str]] = [
        {"Authorization": f"Bearer {token}"}, {"Authorization": f"Basic {basic}"}, {"X-AfterCall-Token": token}
    ]  # fmt: skip
    for way in ways:
        assert (await nobody.post(path, DOCUMENT, **way)).status == 200
    assert (await nobody.post(f"{path}?token={token}", DOCUMENT)).status == 200
    assert (await nobody.post(f"{path}/cdr?token={token}", [DOCUMENT]))["duplicate"] == 1


@pytest.mark.parametrize("way", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic ?"}])
async def test_token_when_missing_or_wrong(api: Api, nobody: Api, way: dict[str, str]) -> None:
    source = await api.post("/v1/sources", {"type": "http"})
    assert (await nobody.post(f"/in/{source['id']}", DOCUMENT, **way)).status == 401
    assert (await nobody.post("/in/src_nothing", DOCUMENT, **way)).status == 401


async def test_token_when_rotated(api: Api, nobody: Api) -> None:
    source = await api.post("/v1/sources", {"type": "http"})
    new = await api.post(f"/v1/sources/{source['id']}/rotate-token")
    assert (await nobody.post(f"/in/{source['id']}?token={source['token']}", DOCUMENT)).status == 401
    assert (await nobody.post(f"/in/{source['id']}?token={new['token']}", DOCUMENT)).status == 200


@pytest.mark.parametrize("type", ["http", "kamailio"])
async def test_token_when_rotated_with_an_overlap(
    server: Server, api: Api, nobody: Api, monkeypatch: pytest.MonkeyPatch, type: str
) -> None:
    source = await api.post("/v1/sources", {"type": type})
    path = f"/v1/sources/{source['id']}"
    new = await api.post(f"{path}/rotate-token", {"overlap_hours": 1})
    assert new["old_token_until"] is not None
    for token in (source["token"], new["token"]):
        assert (await nobody.post(f"/in/{source['id']}?token={token}", DOCUMENT)).status == 200
    assert (await nobody.post(f"/in/{source['id']}?token=", DOCUMENT)).status == 401
    clock = Clock()
    clock.ahead = timedelta(hours=1)
    monkeypatch.setattr(server.app.clock, "now", clock.now, raising=False)
    assert (await nobody.post(f"/in/{source['id']}?token={source['token']}", DOCUMENT)).status == 401
    assert (await nobody.post(f"/in/{source['id']}?token={new['token']}", DOCUMENT)).status == 200
    assert (await api.get(path))["old_token_until"] is None


async def test_token_when_rotated_twice_only_the_last_two_are_good(api: Api, nobody: Api) -> None:
    first = await api.post("/v1/sources", {"type": "http"})
    path = f"/v1/sources/{first['id']}/rotate-token"
    second = await api.post(path, {"overlap_hours": 1})
    third = await api.post(path, {"overlap_hours": 1})
    answers = [
        (await nobody.post(f"/in/{first['id']}?token={one['token']}", DOCUMENT)).status
        for one in (first, second, third)
    ]
    assert answers == [401, 200, 200]


@pytest.mark.parametrize("asked", [{"overlap_hours": -1}, {"overlap_hours": 10_000}, {"secret": "short"}])
async def test_rotation_when_it_breaks_a_rule(api: Api, asked: dict[str, Any]) -> None:
    source = await api.post("/v1/sources", {"type": "http"})
    assert (await api.post(f"/v1/sources/{source['id']}/rotate-token", asked)).status == 422


async def test_source_says_what_it_keeps_and_goes_by(api: Api) -> None:
    shown = await api.post("/v1/sources", {"type": "kamailio"})
    assert (shown["keep_raw_hours"], shown["clock"], shown["max_events_per_second"]) == (72, "auto", None)
    asked = {"keep_raw_hours": 5, "clock": "trust", "max_events_per_second": 9}
    changed = await api.patch(f"/v1/sources/{shown['id']}", asked)
    assert {name: changed[name] for name in asked} == asked
    back = await api.patch(f"/v1/sources/{shown['id']}", dict.fromkeys(asked))
    assert {name: back[name] for name in asked} == {name: shown[name] for name in asked}
    plain = await api.post("/v1/sources", {"type": "http"})
    assert (plain["keep_raw_hours"], plain["clock"]) == (0, "trust")


async def test_token_is_not_shown_again(api: Api) -> None:
    source = await api.post("/v1/sources", {"type": "http"})
    for shown in (await api.get(f"/v1/sources/{source['id']}"), await api.get("/v1/sources")):
        assert source["token"] not in str(shown.body)


async def test_source_when_paused_or_deleted(api: Api, nobody: Api) -> None:
    source = await api.post("/v1/sources", {"type": "http"})
    path = f"/in/{source['id']}?token={source['token']}"
    await api.patch(f"/v1/sources/{source['id']}", {"status": "paused"})
    assert (await nobody.post(path, DOCUMENT)).status == 403
    assert (await api.delete(f"/v1/sources/{source['id']}")).status == 204
    assert (await nobody.post(path, DOCUMENT)).status == 401


async def test_source_when_it_has_a_zone_a_direction_and_a_mapping(api: Api) -> None:
    asked = {
        "type": "http",
        "time_zone": "IST",
        "direction": "outbound",
        "fields": {"crm": "crm_id", "who": "agent"},
    }
    source = await api.post("/v1/sources", asked)
    assert source["time_zone"] == "Asia/Kolkata"
    event: dict[str, Any] = {"event": "call.completed", "call_id": "c9", "ended_at": "2026-11-20T10:00:00",
                             "source": source["id"], "crm": "A1", "who": "Jordan"}  # fmt: skip
    taken = await api.post("/v1/events", event)
    call = await api.get(f"/v1/calls/{taken['call_id']}")
    assert call["ended_at"] == "2026-11-20T04:30:00Z"
    assert "clock_local_assumed" in call["data_quality"]
    assert call["direction"] == "outbound"
    assert call["custom_fields"] == {"crm_id": "A1"}
    assert call["source_id"] == source["id"]


async def test_kamailio_source_is_parsed_by_its_own_type(api: Api, nobody: Api) -> None:
    source = await api.post("/v1/sources", {"type": "kamailio", "direction": "inbound"})
    record = {"time": 1795164500.445833, "method": "INVITE", "from_tag": "1a", "to_tag": "1b", "callid": "1@h",
              "sip_code": "486", "sip_reason": "Busy", "src_user": "+14085551234"}  # fmt: skip
    answer = await nobody.post(f"/in/{source['id']}?token={source['token']}", record)
    assert (answer.status, answer["rejected"]) == (200, 0), answer.body
    assert answer["accepted"] >= 1


async def test_timing_that_is_left_out_is_as_the_type_has_it(api: Api) -> None:
    made = await api.post("/v1/sources", {"type": "kamailio", "timing": {"watchdog": 3660}})
    assert (made["timing"]["quiet"], made["timing"]["watchdog"]) == (1.5, 3660)
    changed = await api.patch(f"/v1/sources/{made['id']}", {"timing": {"gate": 1}})
    assert (changed["timing"]["gate"], changed["timing"]["watchdog"]) == (1, 12 * 3600 + 60)
    assert (await api.patch(f"/v1/sources/{made['id']}", {"timing": None}))["timing"] is None


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"type": "carrier pigeon"}, "type"),
        ({}, "type"),
        ({"type": "http", "time_zone": "Mars/Base"}, "time_zone"),
        ({"type": "http", "direction": "up"}, "direction"),
        ({"type": "http", "nonsense": 1}, "nonsense"),
        ({"type": "http", "timing": {"quiet": -1}}, "timing.quiet"),
        ({"type": "http", "keep_raw_hours": -1}, "keep_raw_hours"),
        ({"type": "http", "clock": "stopped"}, "clock"),
        ({"type": "http", "max_events_per_second": 0}, "max_events_per_second"),
    ],
)
async def test_source_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/sources", asked)
    assert (answer.status, answer.field) == (422, field)


async def test_kamailio_source_when_it_has_rules_for_the_direction(api: Api, nobody: Api) -> None:
    """Over real HTTP: trunk, then the account's directory; a rule that makes no sense is refused by name."""
    source = await api.post("/v1/sources", {"type": "kamailio", "settings": {"trunks": ["192.0.2.0/24"]}})
    path = f"/in/{source['id']}?token={source['token']}"
    record = {
        "start_time": "1795164500.452", "end_time": "1795164502.758", "duration": "2.306",
        "src_user": "+14085551234", "dst_ouser": "+14085559876", "final": "200",
    }  # fmt: skip

    async def direction(**more: str) -> str:
        taken = await nobody.post(path, record | more)
        return str((await api.get(f"/v1/calls/{taken['results'][0]['call_id']}"))["direction"])

    assert await direction(callid="c1", src_ip="192.0.2.77") == "inbound"
    assert await direction(callid="c2", src_ip="203.0.113.5") == "outbound"
    assert await direction(callid="c3") == "inbound"  # assumed
    await api.post("/v1/numbers", {"key": "+14085551234"})
    assert await direction(callid="c4") == "outbound"
    wrong = await api.patch(f"/v1/sources/{source['id']}", {"settings": {"trunks": ["trunk"]}})
    assert (wrong.status, wrong.field) == (422, "settings.trunks[0]")
