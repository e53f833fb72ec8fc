"""A real call (R1, W11): SIPp through Kamailio into a running server, and the verified webhook within 5 seconds."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from tests.live.kamailio.rig import TRUNK, KamailioRig
from tests.support.programs import program
from tests.support.receiver import Received, Receiver
from tests.support.server import Server

pytestmark = [pytest.mark.live, pytest.mark.e2e]

WITHIN = 5.0  # seconds from hang-up to arrival; document 003: events arrive 0-5 s after call end


@pytest.fixture(autouse=True)
def _programs() -> None:
    program("kamailio")
    program("sipp")


async def call(
    tmp_path: Path, outcome: Any, caller: str = "+14085551234", **more: Any
) -> tuple[dict[str, Any], float]:
    """Place one call; the verified body and the seconds from its end to the webhook's arrival."""
    async with Receiver() as receiver, Server(tmp_path) as server:
        hook = await server.webhook(receiver.url("/hook"))
        source = await server.made("/v1/sources", {"type": "kamailio", "name": "Kamailio"})
        base = f"{server.url}/in/{source['id']}"
        async with KamailioRig(base, source["token"]) as rig:
            await rig.place_call(outcome, caller, "+14085559876", **more)
            ended = time.monotonic()
            (request,) = await receiver.wait(1)
            return verified(request, hook["signing_secret"]), request.at - ended


def verified(request: Received, secret: str) -> dict[str, Any]:
    body: dict[str, Any] = Verifier(secret).verify(request.body, {n.lower(): v for n, v in request.headers})
    assert body == json.loads(request.body)
    return body


async def test_answered_call_arrives_as_answered(tmp_path: Path) -> None:
    body, delay = await call(tmp_path, "answered", talk_seconds=1.0)
    assert (body["status"], body["reason"], body["direction"]) == ("answered", None, "inbound")
    assert (body["from"], body["to"]) == ("+14085551234", "+14085559876")
    assert 1 <= body["talk_time_seconds"] <= WITHIN
    assert body["hangup"]["by"] == "caller"
    assert delay < WITHIN


async def test_busy_call_arrives_as_missed(tmp_path: Path) -> None:
    body, delay = await call(tmp_path, "busy")
    assert (body["status"], body["reason"]) == ("missed", "busy")
    assert delay < WITHIN


async def test_cancelled_call_arrives_as_missed(tmp_path: Path) -> None:
    body, delay = await call(tmp_path, "cancelled")
    assert (body["status"], body["reason"]) == ("missed", "caller_cancelled")
    assert delay < WITHIN


async def test_declined_call_arrives_as_rejected(tmp_path: Path) -> None:
    body, delay = await call(tmp_path, "rejected")
    assert (body["status"], body["reason"], body["hangup"]["sip_code"]) == ("missed", "rejected", 603)
    assert delay < WITHIN


async def test_call_nobody_answers_arrives_when_it_has_rung_out(tmp_path: Path) -> None:
    body, delay = await call(tmp_path, "no_answer")
    assert (body["status"], body["reason"]) == ("missed", "no_answer")
    assert body["duration_seconds"] <= WITHIN  # the timer is coarse, and its first second may be a short one
    assert delay < WITHIN


async def test_withheld_caller_arrives_as_nobody(tmp_path: Path) -> None:
    body, _ = await call(tmp_path, "busy", caller="anonymous")
    assert (body["from"], body["from_presentation"]) == (None, "anonymous")


async def test_hold_and_transfer_are_no_second_answer_and_no_end(tmp_path: Path) -> None:
    """A re-INVITE and a REFER within the call."""
    async with Receiver() as receiver, Server(tmp_path) as server:
        triggers = ["call.connected", "call.transferred", "call.completed"]
        await server.webhook(receiver.url("/hook"), type="call_event", triggers=triggers)
        source = await server.made("/v1/sources", {"type": "kamailio"})
        async with KamailioRig(f"{server.url}/in/{source['id']}", source["token"]) as rig:
            await rig.place_call("transferred", talk_seconds=0.5)
            bodies = [json.loads(request.body) for request in await receiver.wait(3)]
    assert [body["event"] for body in bodies] == triggers
    transfer = bodies[1]["details"]["transfer"]
    assert (transfer["kind"], transfer["to"]) == ("blind", "+14085550103")
    assert (bodies[2]["status"], bodies[2]["hangup"]["by"]) == ("answered", "caller")


async def test_overlapping_calls_of_one_caller_arrive_each(tmp_path: Path) -> None:
    async with Receiver() as receiver, Server(tmp_path) as server:
        await server.webhook(receiver.url("/hook"))
        source = await server.made("/v1/sources", {"type": "kamailio"})
        async with KamailioRig(f"{server.url}/in/{source['id']}", source["token"]) as rig:
            callees = ["+14085559876", "+14085559877", "+14085559878"]
            outcomes: list[Any] = ["answered", "busy", "answered"]
            await asyncio.gather(
                *(
                    rig.place_call(outcome, callee=callee, talk_seconds=0.5)
                    for callee, outcome in zip(callees, outcomes, strict=True)
                )
            )
            bodies = [json.loads(request.body) for request in await receiver.wait(3)]
    assert {body["to"]: body["status"] for body in bodies} == {
        "+14085559876": "answered", "+14085559877": "missed", "+14085559878": "answered"
    }  # fmt: skip
    assert {body["from"] for body in bodies} == {"+14085551234"}


async def test_dialog_that_expires_ends_the_call(tmp_path: Path) -> None:
    """The BYE is still to come, as when it is lost: the proxy gives the dialog up after a second or two."""
    talked = 6.0
    async with Receiver() as receiver, Server(tmp_path) as server:
        await server.webhook(receiver.url("/hook"))
        source = await server.made("/v1/sources", {"type": "kamailio"})
        async with KamailioRig(f"{server.url}/in/{source['id']}", source["token"], dialog_seconds=1) as rig:
            talking = asyncio.create_task(rig.place_call("answered", talk_seconds=talked))
            body = json.loads((await receiver.wait(1))[0].body)
            assert not talking.done()
            await talking
    assert (body["status"], body["hangup"]["by"]) == ("answered", "system")
    assert body["talk_time_seconds"] < talked


async def test_call_arrives_although_the_server_was_away_for_all_of_it(tmp_path: Path) -> None:
    async with Receiver() as receiver, Server(tmp_path) as server:
        await server.webhook(receiver.url("/hook"))
        source = await server.made("/v1/sources", {"type": "kamailio"})
        async with KamailioRig(f"{server.url}/in/{source['id']}", source["token"]) as rig:
            await server.stop()
            await rig.place_call("answered", talk_seconds=1.0)
            await server.start()
            bodies = [json.loads(request.body) for request in await receiver.wait(1)]
    assert [body["status"] for body in bodies] == ["answered"]
    assert 1 <= bodies[0]["talk_time_seconds"] <= WITHIN


async def test_direction_is_told_by_the_trunks_of_the_source(tmp_path: Path) -> None:
    """The proxy's configuration says nothing about it; the source's settings name the trunk."""
    async with Receiver() as receiver, Server(tmp_path) as server:
        await server.webhook(receiver.url("/hook"))
        made = {"type": "kamailio", "settings": {"trunks": [TRUNK]}}
        source = await server.made("/v1/sources", made)
        base = f"{server.url}/in/{source['id']}"
        async with KamailioRig(base, source["token"], tells_direction=False) as rig:
            await rig.place_call("answered", talk_seconds=0.3)
            await rig.place_call("busy", direction="outbound")
            bodies = [json.loads(request.body) for request in await receiver.wait(2)]
    assert {body["status"]: body["direction"] for body in bodies} == {
        "answered": "inbound",
        "missed": "outbound",
    }
    assert all("data_quality" not in body for body in bodies)
