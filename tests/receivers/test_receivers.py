# Receivers as people have them, as real processes: they accept what we send and refuse a changed byte.

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aftercall.domain.call import Call
from aftercall.domain.event import Event
from aftercall.domain.fact import Analysis
from aftercall.domain.payload import render
from aftercall.domain.signature import sign
from aftercall.domain.webhook import Auth
from tests.domain.samples import ANSWERED, BARE, COMPLETED, WEBHOOK, but, event
from tests.support.node import node
from tests.support.programs import program

HERE = Path(__file__).parent
SECRET = "a-long-random-secret"
TOKEN = but(WEBHOOK, auth=Auth(type="header", header="X-Webhook-Token", secret=SECRET))
ODD = but(
    ANSWERED,
    notes='Said "later" \\ <b>&</b>\n\tünïcödé 🎉 \u2028',
    custom_fields={"z": 5.0, "7": [0.25, -1e-3], "2": {"a": None}},
    analysis=Analysis(variables={"score": 4.0, "ok": True}),
)
CALLS: list[tuple[Call, Event]] = [
    (ANSWERED, COMPLETED),
    (ODD, COMPLETED),
    (BARE, event("call.received", digit="#")),
]


@contextmanager
def running(command: list[str | Path], port: int | None = None) -> Iterator[int]:
    """A receiver's process. It prints its port, unless it was told one."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"WEBHOOK_SECRET": SECRET}, text=True
    )
    try:
        assert process.stdout is not None
        yield port or int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module", params=["python", "node", pytest.param("php", marks=pytest.mark.live)])
def receiver(request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == "python":
        with running([sys.executable, HERE / "receiver.py"]) as port:
            yield port
    elif request.param == "node":
        with running([node(), HERE / "receiver.mjs"]) as port:
            yield port
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with running([program("php"), "-S", f"127.0.0.1:{port}", HERE / "receiver.php"], port):
            wait_for(port)
            yield port


def wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail("the receiver does not listen")


def post(port: int, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/webhooks/after-call", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def signed(body: bytes) -> dict[str, str]:
    headers = sign(TOKEN, COMPLETED.event_id, datetime.now(UTC), body)
    return {"Content-Type": "application/json", "X-Webhook-Token": SECRET, **headers}


@pytest.mark.e2e
@pytest.mark.parametrize("call", CALLS, ids=["answered", "odd values", "in progress"])
def test_what_we_send_is_accepted(receiver: int, call: tuple[Call, Event]) -> None:
    body = render(TOKEN, "call.completed", call[1], call[0], "src_1").body
    assert post(receiver, body, signed(body)) == (200, "ok")


@pytest.mark.e2e
def test_a_changed_byte_is_refused(receiver: int) -> None:
    body = render(TOKEN, "call.completed", COMPLETED, ANSWERED).body
    assert post(receiver, body.replace(b"271", b"272", 1), signed(body)) == (401, "bad signature")


@pytest.mark.e2e
def test_another_secret_is_refused(receiver: int) -> None:
    body = render(TOKEN, "call.completed", COMPLETED, ANSWERED).body
    assert post(receiver, body, signed(body) | {"X-Webhook-Token": "other"}) == (401, "unauthorized")
