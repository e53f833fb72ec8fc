# Telnyx: the signature, and scripted sessions (fixtures/README.md) as the calls they must become.

import json
from datetime import timedelta
from pathlib import Path

import pytest

from aftercall.domain.errors import Invalid
from aftercall.domain.project import Projection
from aftercall.engine.upstream import Request
from tests.sources.vectors import (
    SIGNED_AT,
    VECTORS,
    accepted,
    changed,
    check_age,
    names,
    read,
    source,
    told,
)

VECTOR = VECTORS["telnyx"]
KEY, HEADER = VECTOR["public_key_b64"], "telnyx-signature-ed25519"
REQUEST = Request(
    url="", body=VECTOR["body"].encode(), now=SIGNED_AT,
    headers={HEADER: VECTOR["signature_b64"], "telnyx-timestamp": VECTOR["timestamp"]},
)  # fmt: skip


def session(name: str) -> Projection:
    lines = (Path(__file__).parent / "fixtures" / f"{name}.jsonl").read_bytes().splitlines()
    return told([read("telnyx", line) for line in lines])


# The signature


def test_signature() -> None:
    another = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # RFC 8032, 7.1
    assert accepted("telnyx", KEY, REQUEST)
    assert accepted("telnyx", f"{another} {KEY}", REQUEST)
    for wrong in (another, "", "x", KEY[:-4], "é"):
        assert not accepted("telnyx", wrong, REQUEST), wrong
    for i in range(len(REQUEST.body)):
        body = REQUEST.body[:i] + bytes([REQUEST.body[i] ^ 1]) + REQUEST.body[i + 1 :]
        assert not accepted("telnyx", KEY, changed(REQUEST, body=body))
    check_age("telnyx", KEY, REQUEST, [299, 301])


@pytest.mark.parametrize(
    "header",
    [
        {HEADER: ""}, {HEADER: "é"}, {HEADER: "AAAA"}, {HEADER: VECTOR["signature_b64"][4:]},
        {HEADER: "B" + VECTOR["signature_b64"][1:]}, {"telnyx-timestamp": "1755774165"}, {"telnyx-timestamp": ""},
        {"telnyx-timestamp": "x"},
    ],
)  # fmt: skip
def test_signature_when_bad(header: dict[str, str]) -> None:
    assert not accepted("telnyx", KEY, changed(REQUEST, headers=REQUEST.headers | header))


@pytest.mark.parametrize("missing", [HEADER, "telnyx-timestamp"])
def test_signature_when_missing(missing: str) -> None:
    headers = {name: value for name, value in REQUEST.headers.items() if name != missing}
    assert not accepted("telnyx", KEY, changed(REQUEST, headers=headers))


# Calls


def test_inbound_call_that_an_agent_answers() -> None:
    made = session("inbound_answered")
    call = made.call
    assert (call.direction, call.status, call.from_, call.to) == (
        "inbound", "answered", "+14085551234", "+14085559876"
    )  # fmt: skip
    assert call.agent is not None
    assert call.agent.id == "jordan"
    assert call.queue is not None
    assert (call.queue.name, call.wait_seconds) == ("support", 11)
    assert (call.duration_seconds, call.talk_time_seconds, call.ring_time_seconds) == (76, 59, 10)
    assert [digit.digit for digit in call.digits] == ["2"]
    assert call.hangup is not None
    assert call.hangup.by == "callee"
    [recording] = call.recordings
    assert (recording.duration_seconds, recording.channels) == (60, 2)
    assert recording.started_at == SIGNED_AT + timedelta(seconds=16)
    assert call.billing is not None
    assert call.billing.cost == 0.0042
    assert names(made) == [
        "received", "dtmf", "department_entered", "agent_dialed", "agent_answered", "connected", "ended", "completed",
        "recording_ready",
    ]  # fmt: skip


def test_ai_assistant_is_the_agent() -> None:
    made = session("inbound_ai")
    call = made.call
    assert (call.status, call.talk_time_seconds) == ("answered", 59)
    assert call.agent is not None
    assert (call.agent.id, call.agent.kind) == ("assistant-1", "ai")
    assert call.analysis is not None
    assert call.analysis.summary == "The appointment was moved."
    assert call.analysis.variables["day"] == {"day": "Thursday"}


@pytest.mark.parametrize(
    ("name", "status", "reason", "talk"),
    [
        ("inbound_agent_missed", "missed", "no_answer", 0),
        ("outbound_busy", "missed", "busy", 0),
        ("outbound_rejected", "missed", "rejected", 0),
        ("outbound_no_answer", "missed", "no_answer", 0),
        ("outbound_machine", "voicemail", None, 9),
        ("outbound_answered", "answered", None, 12),
    ],
)
def test_call(name: str, status: str, reason: str | None, talk: int) -> None:
    call = session(name).call
    assert (call.status, call.reason, call.talk_time_seconds) == (status, reason, talk)
    assert call.direction == name.partition("_")[0]


def test_direction_is_the_sources_where_an_event_has_none() -> None:
    answered = (Path(__file__).parent / "fixtures" / "outbound_answered.jsonl").read_bytes().splitlines()[1]
    event = json.loads(answered)
    event["data"]["payload"]["client_state"] = None
    parsed = read("telnyx", json.dumps(event).encode(), of=source("telnyx", direction="outbound"))
    assert [fact.kind.value for fact in parsed.facts] == ["call.answered", "call.customer_answered"]


@pytest.mark.parametrize("kind", ["call.speak.ended", "message.received", "call.gather.ended"])
def test_other_events_are_ignored(kind: str) -> None:
    body = {"data": {"event_type": kind, "id": "e", "payload": {"call_session_id": "s"}}}
    parsed = read("telnyx", json.dumps(body).encode())
    assert (parsed.facts, parsed.ignored) == ((), 1)


def test_event_without_an_id_is_refused() -> None:
    with pytest.raises(Invalid):
        read("telnyx", b'{"data": {"event_type": "call.bridged", "payload": {"call_session_id": "s"}}}')
