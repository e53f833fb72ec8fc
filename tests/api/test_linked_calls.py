# One call that Vapi and Twilio both post, over HTTP and signed as they sign: what users of the API and webhooks see.

import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from aftercall.server import Server
from tests.api.conftest import KEY, Api, config
from tests.support import vendors
from tests.support.receiver import Receiver
from tests.support.wait import until

SECRET = "12345678901234567890123456789012"


class Vendors:
    """Vapi and Twilio, with a source each."""

    def __init__(self, api: Api, nobody: Api, sources: dict[str, Any]) -> None:
        self.api, self.sources = api, sources
        self._nobody = nobody
        self._later = datetime.now(UTC) - vendors.STARTED - vendors.OVER

    async def vapi(self, number: int) -> Any:
        body = vendors.retold(vendors.vendor("vapi")[number], self._later)
        return await self._post("vapi", body, **{"X-Vapi-Secret": SECRET})

    async def twilio(self, number: int) -> Any:
        params = vendors.retold_form(vendors.twilio()[number], self._later)
        said = self.sources["twilio"]["ingest_url"] + "".join(n + params[n] for n in sorted(params))
        signature = b64encode(hmac.new(SECRET.encode(), said.encode(), "sha1").digest()).decode()
        form = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return await self._post("twilio", urlencode(params).encode(), **form)

    async def _post(self, name: str, body: bytes, **headers: str) -> None:
        answer = await self._nobody.ask("POST", f"/in/{self.sources[name]['id']}", raw=body, **headers)
        assert answer.status == 200, answer.body

    async def calls(self) -> Any:
        return (await self.api.get("/v1/calls"))["items"]

    async def completed(self) -> Any:
        async def one() -> Any:
            return next((call for call in await self.calls() if call["completed_at"]), None)

        return await until(one)


@pytest.fixture
async def two(database_url: str, tmp_path: Path) -> AsyncIterator[Vendors]:
    async with (
        Server(config(tmp_path, database=database_url)) as server,
        Api(server.url, KEY) as api,
        Api(server.url, None) as nobody,
    ):
        made = {}
        for name in ("vapi", "twilio"):
            made[name] = (await api.post("/v1/sources", {"type": name, "secret": SECRET})).body
        yield Vendors(api, nobody, made)


async def test_carrier_completes_and_the_ai_revises(two: Vendors, receiver: Receiver) -> None:
    await two.api.webhook(url=receiver.url("/hook"), triggers=["call.completed", "call.updated"])
    for number in range(3):
        await two.twilio(number)
    alone = await two.completed()
    assert (alone["status"], alone["agent"], alone["links"]) == ("missed", None, [])
    for number in range(4):
        await two.vapi(number)
    (call,) = await two.calls()
    assert (call["call_id"], call["status"]) == (alone["call_id"], "answered")
    assert (call["agent"]["kind"], call["analysis"]["summary"]) == ("ai", "Sam moved the appointment.")
    assert call["source_id"] == two.sources["vapi"]["id"]
    assert call["source_call_key"] == "c0ffee00-0000-4000-8000-000000000001"
    assert {(k["source_id"], k["call_key"], k["primary"]) for k in call["links"]} == {
        (two.sources["vapi"]["id"], "c0ffee00-0000-4000-8000-000000000001", True),
        (two.sources["twilio"]["id"], vendors.CARRIER_CALL, False),
    }
    first, second = [json.loads(r.body) for r in await receiver.wait(2)]
    assert (first["event"], first["revision"], first["status"]) == ("call.completed", 1, "missed")
    assert (second["event"], second["revision"], second["status"]) == ("call.updated", 2, "answered")
    assert first["call_id"] == second["call_id"] == call["call_id"]


async def test_ai_completes_and_the_carrier_adds_its_recording(two: Vendors, receiver: Receiver) -> None:
    await two.api.webhook(url=receiver.url("/hook"), triggers=["call.completed", "call.recording_ready"])
    for number in range(4):
        await two.vapi(number)
    await two.completed()
    for number in range(4):
        await two.twilio(number)
    (call,) = await two.calls()
    assert (call["status"], len(call["recordings"])) == ("answered", 2)
    assert call["recording_url"].startswith("https://storage.vapi.ai/")
    events = [json.loads(r.body)["event"] for r in await receiver.wait(3)]
    assert sorted(events) == ["call.completed", "call.recording_ready", "call.recording_ready"]


async def test_record_of_the_other_source_names_the_call_it_lives_on_as(two: Vendors) -> None:
    await two.vapi(0)
    await two.twilio(0)
    (call,) = await two.calls()
    other = next(k["call_id"] for k in call["links"] if k["call_id"] != call["call_id"])
    merged = await two.api.get(f"/v1/calls/{other}")
    assert (merged.status, merged["merged_into"], merged["events"]) == (200, call["call_id"], [])
    assert merged["source_call_key"] == vendors.CARRIER_CALL
    (found,) = (await two.api.get(f"/v1/calls?call_key={vendors.CARRIER_CALL}"))["items"]
    assert found["merged_into"] == call["call_id"]
    labelled = await two.api.post(f"/v1/calls/{other}/disposition", {"disposition": "Moved"})
    assert labelled["call_id"] == call["call_id"]
    assert (await two.calls())[0]["disposition"] == "Moved"


async def test_events_in_may_name_their_call(api: Api) -> None:
    said = {"event": "call.received", "occurred_at": "2026-11-20T10:00:00Z", "direction": "inbound"}
    one = await api.post("/v1/events", said | {"call_id": "a", "same_as": ["pbx:7", "key:b"]})
    two = await api.post("/v1/events", said | {"call_id": "b"})
    three = await api.post("/v1/events", said | {"call_id": "c", "same_as": "pbx:7"})
    assert one["call_id"] == two["call_id"] == three["call_id"]
    assert len((await api.get("/v1/calls"))["items"]) == 1


async def test_calls_of_other_accounts_are_never_linked(api: Api, stranger: Api) -> None:
    said = {
        "event": "call.received",
        "occurred_at": "2026-11-20T10:00:00Z",
        "call_id": "a",
        "same_as": ["pbx:7"],
    }
    ours, theirs = await api.post("/v1/events", said), await stranger.post("/v1/events", said)
    assert ours["call_id"] != theirs["call_id"]
    for asked in (api, stranger):
        (call,) = (await asked.get("/v1/calls"))["items"]
        assert call["links"] == []


@pytest.mark.parametrize(
    "names", [["pbx"], [7], ["Upper:1"], ["pbx:"], ["pbx:1"] * 11, [f"pbx:{'x' * 201}"], {}]
)
async def test_names_that_are_none_are_refused(api: Api, names: Any) -> None:
    said = {"event": "call.received", "occurred_at": "2026-11-20T10:00:00Z", "call_id": "a"}
    answer = await api.post("/v1/events", said | {"same_as": names})
    assert (answer.status, answer.field) == (422, "same_as")
