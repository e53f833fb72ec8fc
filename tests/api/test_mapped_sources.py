# Sources that are read by a mapping: how their requests come in, how a mapping is saved, and the dry run.

import hmac
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.sources.mapped.asked import fixture

MAPPING: dict[str, Any] = {
    "call": "id",
    "event": "what",
    "events": {"over": "call.completed", "ring": "call.received"},
    "fields": {"from": "caller", "to": "called", "started_at": "begun", "duration_seconds": "length"},
    "status": "result",
    "statuses": {"ok": {"status": "answered"}, "engaged": {"status": "missed", "reason": "busy"}},
    "time_zone": "Europe/Berlin",
}
BODY = {
    "id": "c1", "what": "over", "caller": "+14085551234", "called": "+14085559876", "result": "engaged",
    "begun": "2025-08-21 12:58:13", "length": 9,
}  # fmt: skip


async def add(api: Api, type: str = "mapped", **more: Any) -> Any:
    settings = {"mapping": MAPPING} if type == "mapped" else {}
    answer = await api.post("/v1/sources", {"type": type, "settings": settings} | more)
    assert answer.status == 201, answer.body
    return answer


async def calls(api: Api) -> Any:
    return (await api.get("/v1/calls"))["items"]


# Requests


async def test_get_request_becomes_a_call(api: Api, nobody: Api) -> None:
    source = await add(api, "acefone")
    path = f"/in/{source['id']}/missed_by_agent_hangup?token={source['token']}&call_id=c1&crm=A%2017"
    path += "&direction=inbound&hangup_cause=USER_BUSY&customer_number_with_prefix=917011234567&duration=20"
    answer = await nobody.get(f"{path}&end_stamp=2025-08-21%2016:28:33&call_status=Missed")
    assert (answer.status, answer.body) == (200, "")
    [call] = await calls(api)
    assert (call["status"], call["reason"], call["from"]) == ("missed", "busy", "+917011234567")
    assert call["started_at"] == "2025-08-21T10:58:13Z"
    assert call["custom_fields"] == {"crm": "A 17"}
    assert source["token"] not in str((await api.get(f"/v1/calls/{call['call_id']}/facts")).body)


async def test_form_and_json_become_calls(api: Api, nobody: Api) -> None:
    source = await add(api, "exotel")
    path, token = f"/in/{source['id']}", f"Bearer {source['token']}"
    form = b"CallSid=c1&Status=busy&Direction=outbound-api&From=0401&To=07011234567"
    kind = "application/x-www-form-urlencoded"
    assert (await nobody.ask("POST", path, raw=form, Authorization=token, Content_Type=kind)).status == 200
    assert (
        await nobody.ask("POST", path, {"CallSid": "c2", "Status": "completed"}, Authorization=token)
    ).status == 200
    assert {call["source_call_key"]: call["status"] for call in await calls(api)} == {
        "c1": "missed",
        "c2": "answered",
    }


async def test_the_same_request_twice_is_one_call(api: Api, nobody: Api) -> None:
    source = await add(api)
    for _ in range(2):
        path = f"/in/{source['id']}?token={source['token']}"
        assert (await nobody.post(path, BODY)).status == 200
    [call] = await calls(api)
    assert len((await api.get(f"/v1/calls/{call['call_id']}/facts"))["items"]) == 1


async def test_trigger_that_names_only_the_connection_finds_its_call(api: Api, nobody: Api) -> None:
    source = await add(api, "acefone")
    bodies = fixture("triggers")
    assert "call_id" not in bodies["answered_by_customer"]
    for trigger in ("answered_by_agent", "answered_by_customer", "hangup"):
        path = f"/in/{source['id']}/{trigger}?token={source['token']}"
        assert (await nobody.post(path, bodies[trigger] | {"direction": "click_to_call"})).status == 200
    [call] = await calls(api)
    assert (call["source_call_key"], call["status"]) == ("1628512094.7228905", "answered")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_request_without_the_token_is_refused(api: Api, nobody: Api, method: str) -> None:
    source = await add(api)
    for query in ("", "?token=", "?token=wrong", f"?Token={source['token']}"):
        assert (await nobody.ask(method, f"/in/{source['id']}{query}")).status == 401
        assert (await nobody.ask(method, f"/in/src_nobody{query}")).status == 401
    assert await calls(api) == []


async def test_get_is_for_sources_that_send_so(api: Api, nobody: Api) -> None:
    http = await add(api, "http")
    assert (await nobody.get(f"/in/{http['id']}?token={http['token']}")).status == 405
    vonage = await add(api, "vonage", secret="a-secret-of-vonage")
    answer = await nobody.get(f"/in/{vonage['id']}?conversation_uuid=c")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert (await nobody.get("/v1/events")).status == 405


async def test_request_that_cannot_be_read_is_refused_in_words(api: Api, nobody: Api) -> None:
    source = await add(api)
    path = f"/in/{source['id']}?token={source['token']}"
    answer = await nobody.post(path, {"what": "over"})
    assert answer.status == 422
    assert answer["error"]["message"].startswith("id: must be a string")
    assert (await nobody.ask("POST", path, raw=b'{"id": ')).status == 400
    assert (await nobody.post(path, {"id": 1, "what": "new"})).status == 200
    assert await calls(api) == []


async def test_paused_source(api: Api, nobody: Api) -> None:
    source = await add(api, status="paused")
    assert (await nobody.post(f"/in/{source['id']}?token={source['token']}", BODY)).status == 403


async def test_signed_preset(api: Api, nobody: Api) -> None:
    secret = "12345678901234567890123456789012"
    source = await add(api, "dialpad", secret=secret)
    said = b".".join(
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256"}, fixture("dialpad")["hangup"])
    )
    signature = urlsafe_b64encode(hmac.new(secret.encode(), said, sha256).digest()).rstrip(b"=")
    path = f"/in/{source['id']}"
    assert (await nobody.ask("POST", path, raw=said + b"." + signature)).status == 200
    assert (await nobody.ask("POST", path, raw=said + b"." + signature[:-2] + b"AA")).status == 401
    [call] = await calls(api)
    assert call["source_call_key"] == "1001"


async def test_ringcentral_hears_its_validation_token(api: Api, nobody: Api) -> None:
    source = await add(api, "ringcentral", secret="a-verification-token")
    path = f"/in/{source['id']}"
    answer = await nobody.ask("POST", path, raw=b"", Validation_Token="abc-123")
    assert (answer.status, answer.headers["Validation-Token"]) == (200, "abc-123")
    body = fixture("ringcentral")["missed"][0]
    assert (await nobody.ask("POST", path, body, Validation_Token="abc-123")).status == 401
    answer = await nobody.ask("POST", path, body, Verification_Token="a-verification-token")
    assert (answer.status, answer.headers.get("Validation-Token")) == (200, None)


# Saving a mapping


async def test_bad_mapping_is_refused_on_save(api: Api) -> None:
    bad = {"mapping": MAPPING | {"fields": {"duration_seconds": {"path": "length", "unit": "days"}}}}
    answer = await api.post("/v1/sources", {"type": "mapped", "settings": bad})
    assert (answer.status, answer.field) == (422, "settings.mapping.fields.duration_seconds.unit")
    source = await add(api)
    answer = await api.patch(f"/v1/sources/{source['id']}", {"settings": bad})
    assert (answer.status, answer.field) == (422, "settings.mapping.fields.duration_seconds.unit")
    answer = await api.post("/v1/sources", {"type": "mapped"})
    assert (answer.status, answer.field) == (422, "settings.mapping.call")
    answer = await api.post("/v1/sources", {"type": "acefone", "settings": {"maping": {}}})
    assert (answer.status, answer.field) == (422, "settings.maping")


async def test_changed_mapping_holds_at_once(api: Api, nobody: Api) -> None:
    source = await add(api)
    path = f"/in/{source['id']}?token={source['token']}"
    await nobody.post(path, BODY)
    changed = MAPPING | {"statuses": {"engaged": {"status": "missed", "reason": "rejected"}}}
    assert (await api.patch(f"/v1/sources/{source['id']}", {"settings": {"mapping": changed}})).status == 200
    await nobody.post(path, BODY | {"id": "c2"})
    assert {c["source_call_key"]: c["reason"] for c in await calls(api)} == {"c1": "busy", "c2": "rejected"}


# The dry run


async def dry(api: Api, source: Any, **asked: Any) -> Any:
    return await api.post(f"/v1/sources/{source['id']}/dry-run", asked)


async def test_dry_run_shows_facts_call_and_events_and_stores_nothing(api: Api) -> None:
    webhook = await api.webhook()
    source = await add(api)
    answer = await dry(api, source, payload=BODY)
    assert answer.status == 200, answer.body
    [one] = answer["calls"]
    assert one["call_key"] == "c1"
    assert [fact["kind"] for fact in one["facts"]] == ["call.completed"]
    assert (one["call"]["status"], one["call"]["reason"], one["call"]["duration_seconds"]) == (
        "missed",
        "busy",
        9,
    )
    assert one["call"]["started_at"] == "2025-08-21T10:58:13Z"
    assert [event["name"] for event in one["events"]] == ["call.ended", "call.completed"]
    assert (answer["errors"], answer["ignored"]) == ([], 0)
    assert await calls(api) == []
    assert (await api.get(f"/v1/deliveries?webhook_id={webhook['id']}"))["items"] == []


async def test_dry_run_tries_a_mapping_before_it_is_saved(api: Api) -> None:
    source = await add(api)
    other = MAPPING | {"call": "called", "statuses": {"engaged": {"status": "abandoned"}}}
    [one] = (await dry(api, source, payload=json.dumps(BODY), mapping=other))["calls"]
    assert (one["call_key"], one["call"]["status"]) == ("+14085559876", "abandoned")
    assert (await api.get(f"/v1/sources/{source['id']}"))["settings"] == {"mapping": MAPPING}
    answer = await dry(api, source, payload="", mapping=MAPPING | {"call": "a..b"})
    assert (answer.status, answer.field) == (422, "settings.mapping.call")


async def test_dry_run_of_a_query_a_form_and_several_records(api: Api) -> None:
    acefone = await add(api, "acefone")
    form = "call_id=c1&hangup_cause=NO_ANSWER&direction=inbound"
    for asked in (
        {"query": form, "path": "hangup"},
        {"payload": form, "path": "/hangup/"},
        {"payload": form},
    ):
        [one] = (await dry(api, acefone, **asked))["calls"]
        assert (one["call_key"], one["call"]["status"], one["call"]["reason"]) == (
            "c1",
            "missed",
            "no_answer",
        )
    source = await add(api)
    answer = await dry(api, source, payload=[BODY, {"what": "over"}, {"id": 1, "what": "new"}])
    assert [one["call_key"] for one in answer["calls"]] == ["c1"]
    assert answer["errors"] == [{"index": 1, "message": "id: must be a string of 1 to 200 characters"}]
    assert answer["ignored"] == 1


async def test_dry_run_of_every_type_that_takes_requests(api: Api) -> None:
    event = {
        "event": "call.received",
        "call_id": "c1",
        "occurred_at": "2025-08-21T10:58:13Z",
        "from": "+14085551234",
    }
    [one] = (await dry(api, await add(api, "http"), payload=event))["calls"]
    assert [said["name"] for said in one["events"]] == ["call.received"]
    twilio = await add(api, "twilio", secret="a-secret-of-twilio")
    form = "CallSid=CA1&CallStatus=busy&Direction=outbound-api&To=%2B1409&CallbackSource=call-progress-events"
    [one] = (await dry(api, twilio, payload=form))["calls"]
    assert one["call"]["reason"] == "busy"
    dialpad = await add(api, "dialpad", secret="a-secret-of-dialpad")
    [one] = (await dry(api, dialpad, payload=fixture("dialpad")["hangup"]))["calls"]
    assert one["call_key"] == "1001"
    switch = {"host": "pbx.example.com", "cdr": True}
    freeswitch = await add(api, "freeswitch", secret="ClueCon-12", status="paused", settings=switch)
    cdr = {"variables": {"uuid": "u1", "direction": "inbound", "start_uepoch": "1755773893000000"}}
    [one] = (await dry(api, freeswitch, payload=cdr))["calls"]
    assert one["call_key"] == "u1"
    kamailio = await add(api, "kamailio")
    assert (await dry(api, kamailio, payload={"what": "ever"})).status in (200, 422)


async def test_dry_run_where_there_is_nothing_to_try(api: Api) -> None:
    host = {"host": "pbx.example.com", "username": "aftercall"}
    pbx = await api.post(
        "/v1/sources", {"type": "asterisk", "secret": "password", "status": "paused", "settings": host}
    )
    assert pbx.status == 201, pbx.body
    assert (await dry(api, pbx, payload="x")).body == {"calls": [], "errors": [], "ignored": 0}
    assert (await api.post("/v1/sources/src_nobody/dry-run", {"payload": "x"})).status == 404
    http = await add(api, "http")
    answer = await dry(api, http, payload=BODY, mapping=MAPPING)
    assert (answer.status, answer.field) == (422, "mapping")
    assert (await dry(api, http, payload='{"a": ')).status == 400


async def test_dry_run_uses_the_accounts_directory(api: Api) -> None:
    await api.post("/v1/numbers", {"key": "+14085559876"})
    [one] = (await dry(api, await add(api), payload=BODY))["calls"]
    assert (one["call"]["direction"], one["call"]["did"]) == ("inbound", "+14085559876")
