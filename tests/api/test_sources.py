# /v1/sources and what sources post to /in/{source}.

from base64 import b64encode
from typing import Any

import pytest

from tests.api.conftest import DOCUMENT, Api


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


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"type": "carrier pigeon"}, "type"),
        ({}, "type"),
        ({"type": "http", "time_zone": "Mars/Base"}, "time_zone"),
        ({"type": "http", "direction": "up"}, "direction"),
        ({"type": "http", "nonsense": 1}, "nonsense"),
        ({"type": "http", "timing": {"quiet": -1}}, "timing.quiet"),
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
