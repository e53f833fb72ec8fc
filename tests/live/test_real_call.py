"""A real call (R1, W11): SIPp through Kamailio into a running server, and the verified webhook within 5 seconds."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from tests.live.kamailio.rig import KamailioRig
from tests.support.programs import program
from tests.support.receiver import Received, Receiver
from tests.support.server import Server

pytestmark = [pytest.mark.live, pytest.mark.e2e]

WITHIN = 5.0  # seconds from hang-up to arrival; document 003: events arrive 0-5 s after call end


@pytest.fixture(autouse=True)
def _programs() -> None:
    program("kamailio")
    program("sipp")


async def call(tmp_path: Path, outcome: Any, **more: Any) -> tuple[dict[str, Any], float]:
    """Place one call; the verified body and the seconds from its end to the webhook's arrival."""
    async with Receiver() as receiver, Server(tmp_path) as server:
        hook = await server.webhook(receiver.url("/hook"))
        source = await server.made("/v1/sources", {"type": "kamailio", "name": "Kamailio"})
        base = f"{server.url}/in/{source['id']}"
        async with KamailioRig(base, source["token"]) as rig:
            await rig.place_call(outcome, "+14085551234", "+14085559876", **more)
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
    assert body["talk_time_seconds"] == 1
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
