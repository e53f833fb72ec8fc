# Plivo: signature V3, and scripted calls (fixtures/README.md) as the calls they must become.

import hmac
import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from aftercall.domain.call import Call
from aftercall.domain.errors import Invalid
from aftercall.domain.project import Projection
from aftercall.engine.upstream import Request
from tests.sources.vectors import SIGNED_AT, VECTORS, accepted, changed, check_security, names, read, told

VECTOR = VECTORS["plivo_v3"]
HEADER, NONCE = "x-plivo-signature-v3", "x-plivo-signature-v3-nonce"
REQUEST = Request(
    url=VECTOR["url"], body=urlencode(VECTOR["params"]).encode(), now=SIGNED_AT,
    headers={HEADER: VECTOR["signature"], NONCE: VECTOR["nonce"]},
)  # fmt: skip


def script(name: str) -> Projection:
    lines = (Path(__file__).parent / "fixtures" / f"{name}.jsonl").read_text().splitlines()
    parsed = []
    for line in map(json.loads, lines):
        now = SIGNED_AT + timedelta(seconds=line["after"])
        parsed.append(read("plivo", urlencode(line["params"]).encode(), now=now, query=line.get("query", "")))
    return told(parsed)


def outcome(call: Call) -> tuple[str | None, ...]:
    return call.direction, call.status, call.reason


# The signature


def test_signature() -> None:
    check_security("plivo", VECTOR["token"], REQUEST, HEADER)


def test_signature_may_stand_among_others_or_be_the_main_accounts() -> None:
    for more in (
        {HEADER: f"AAAA, {VECTOR['signature']}"},
        {HEADER: "AAAA", "x-plivo-signature-ma-v3": VECTOR["signature"]},
    ):
        assert accepted("plivo", VECTOR["token"], changed(REQUEST, headers=REQUEST.headers | more))


def test_signature_covers_the_nonce_and_the_url() -> None:
    for headers in (REQUEST.headers | {NONCE: "1"}, {HEADER: VECTOR["signature"]}):
        assert not accepted("plivo", VECTOR["token"], changed(REQUEST, headers=headers))
    assert not accepted("plivo", VECTOR["token"], changed(REQUEST, url=VECTOR["url"] + "?a=1"))


@pytest.mark.parametrize(
    ("query", "body", "said"),
    [
        ("?b=2&a=1", b"K=v", "?a=1&b=2.Kv.n"),
        ("?a=x%20y", b"K=v", "?a=x y.Kv.n"),
        ("?a=1", b"", "?a=1.n"),
        ("", b"", ".n"),
    ],
)
def test_signature_with_a_query(query: str, body: bytes, said: str) -> None:
    made = b64encode(hmac.new(b"a-secret", (VECTOR["url"] + said).encode(), "sha256").digest()).decode()
    request = Request(url=VECTOR["url"] + query, body=body, now=SIGNED_AT, headers={HEADER: made, NONCE: "n"})
    assert accepted("plivo", "a-secret", request)


# Calls


def test_inbound_call_that_an_agent_answers() -> None:
    made = script("inbound_answered")
    call = made.call
    assert outcome(call) == ("inbound", "answered", None)
    assert (call.from_, call.to) == ("+14085551234", "+14085559876")
    assert call.agent is not None
    assert call.agent.number == "+14085550101"
    assert (call.duration_seconds, call.talk_time_seconds, call.billable_seconds) == (73, 60, 120)
    assert [digit.digit for digit in call.digits] == ["3"]
    assert call.hangup is not None
    assert (call.hangup.cause, call.hangup.by) == ("Normal Hangup", "callee")
    [recording] = call.recordings
    assert (recording.id, recording.duration_seconds) == ("R1", 60)
    assert recording.started_at == SIGNED_AT + timedelta(seconds=12)
    assert call.billing is not None
    assert call.billing.cost == 0.017
    assert {
        "received",
        "dtmf",
        "agent_answered",
        "connected",
        "ended",
        "completed",
        "recording_ready",
    } <= set(names(made))


@pytest.mark.parametrize(
    ("name", "expected", "talk"),
    [
        ("inbound_agent_missed", ("inbound", "missed", "no_answer"), 0),
        ("outbound_answered", ("outbound", "answered", None), 32),
        ("outbound_busy", ("outbound", "missed", "busy"), 0),
        ("outbound_machine", ("outbound", "voicemail", None), 9),
    ],
)
def test_call(name: str, expected: tuple[str | None, ...], talk: int) -> None:
    call = script(name).call
    assert (outcome(call), call.talk_time_seconds) == (expected, talk)


def test_parameters_of_the_url_are_custom_fields() -> None:
    assert script("outbound_answered").call.custom_fields == {"crm": "A-17"}


def test_other_callbacks_are_ignored() -> None:
    parsed = read("plivo", b"CallUUID=U1&Event=Speak&CallStatus=new")
    assert (parsed.facts, parsed.ignored) == ((), 1)


def test_callback_without_a_call_is_refused() -> None:
    with pytest.raises(Invalid):
        read("plivo", b"MessageUUID=1")
