# Retell: the signature, and scripted calls (fixtures/README.md) as the calls they must become.

import json
from pathlib import Path
from typing import Any

import pytest

from aftercall.domain.errors import Invalid
from aftercall.engine.upstream import Request
from tests.sources.vectors import (
    SIGNED_AT,
    VECTORS,
    accepted,
    changed,
    check_age,
    check_security,
    fixtures,
    names,
    read,
    told,
)

VECTOR = VECTORS["retell"]
HEADER = "x-retell-signature"
REQUEST = Request(url="", headers={HEADER: VECTOR["header"]}, body=VECTOR["body"].encode(), now=SIGNED_AT)


def body(name: str, **more: Any) -> bytes:
    given = json.loads((Path(__file__).parent / "fixtures" / f"{name}.json").read_text())
    given["call"] |= more
    return json.dumps(given).encode()


def test_signature() -> None:
    check_security("retell", VECTOR["api_key"], REQUEST, HEADER)
    check_age("retell", VECTOR["api_key"], REQUEST, [299, 301])


@pytest.mark.parametrize(
    "header", ["v=1755774164000", "v=,d=0", "d=47be", "v=1755774164001,{d}", "{v},{v},{d}", "{v},{d},{d}"]
)
def test_signature_covers_its_time(header: str) -> None:
    v, d = VECTOR["header"].split(",")
    given = {HEADER: header.format(v=v, d=d)}
    assert not accepted("retell", VECTOR["api_key"], changed(REQUEST, headers=given))


def test_inbound_call() -> None:
    made = told([read("retell", one) for one in fixtures(__file__, "inbound_*.json")])
    call = made.call
    assert (call.direction, call.call_type, call.status) == ("inbound", "ai_agent", "answered")
    assert (call.from_, call.to, call.did) == ("+14085551234", "+14085559876", "+14085559876")
    assert (call.duration_seconds, call.talk_time_seconds) == (60, 60)
    assert call.agent is not None
    assert (call.agent.id, call.agent.name, call.agent.kind) == ("agent_77", "Ava", "ai")
    assert call.hangup is not None
    assert call.hangup.by == "caller"
    assert call.billing is not None
    assert call.billing.cost == 0.0725
    assert call.custom_fields == {"crm": "A-17", "tier": "gold", "day": "Thursday"}
    assert [digit.digit for digit in call.digits] == ["4"]
    assert call.data_quality == ()
    assert names(made) == [
        "received", "agent_answered", "connected", "ended", "completed",
        "recording_ready", "transcript_ready", "analyzed",
    ]  # fmt: skip


def test_inbound_call_has_transcript_recording_and_results() -> None:
    call = told([read("retell", one) for one in fixtures(__file__, "inbound_*.json")]).call
    assert call.recording_url == "https://dxc03zgurdly9.cloudfront.net/call_0a1b2c/recording.wav"
    assert call.transcript is not None
    assert [(t.role, t.text, t.start, t.end) for t in call.transcript.turns] == [
        ("agent", "Hello.", 0.7, 1.3), ("customer", "Thursday, please.", 2.0, 3.1)
    ]  # fmt: skip
    assert call.analysis is not None
    assert (call.analysis.summary, call.analysis.success) == ("The appointment was moved.", True)
    assert (call.analysis.sentiment, call.analysis.variables) == ("positive", {"day": "Thursday"})


def test_end_alone_makes_the_call() -> None:
    made = told([read("retell", body("inbound_2_ended"))])
    assert (made.call.status, made.call.talk_time_seconds) == ("answered", 60)
    assert made.call.agent is not None
    assert names(made) == ["ended", "completed", "recording_ready", "transcript_ready"]


@pytest.mark.parametrize(
    ("reason", "status", "expected"),
    [
        ("dial_no_answer", "missed", "no_answer"),
        ("dial_busy", "missed", "busy"),
        ("invalid_destination", "missed", "invalid_number"),
        ("user_declined", "missed", "rejected"),
        ("marked_as_spam", "missed", "blocked"),
        ("voicemail_reached", "voicemail", None),
        ("error_llm_websocket_open", "missed", "failed"),
        ("something_new", "missed", "unknown"),
    ],
)
def test_outbound_call_that_was_not_connected(reason: str, status: str, expected: str | None) -> None:
    call = told([read("retell", body("outbound_not_connected", disconnection_reason=reason))]).call
    assert (call.direction, call.status, call.reason) == ("outbound", status, expected)
    assert "start_missing" in call.data_quality


@pytest.mark.parametrize(
    "reason", ["agent_hangup", "inactivity", "call_transfer", "something_new", "error_asr"]
)
def test_call_that_was_connected_is_answered(reason: str) -> None:
    assert (
        told([read("retell", body("inbound_2_ended", disconnection_reason=reason))]).call.status == "answered"
    )


def test_analysis_knows_a_voicemail() -> None:
    ended = read("retell", body("inbound_2_ended"))
    analysed = read("retell", body("inbound_3_analyzed", call_analysis={"in_voicemail": True}))
    assert told([ended, analysed]).call.status == "voicemail"


def test_transfer() -> None:
    bridged = json.loads(body("inbound_1_started", transfer_destination="+14085550101")) | {
        "event": "transfer_bridged"
    }
    made = told([read("retell", body("inbound_1_started")), read("retell", json.dumps(bridged).encode())])
    assert [step.id for step in made.call.call_flow if step.type == "transfer"] == ["+14085550101"]


@pytest.mark.parametrize("event", ["transcript_updated", "transfer_started", None, 5])
def test_other_events_are_ignored(event: Any) -> None:
    parsed = read("retell", json.dumps({"event": event, "call": {"call_id": "c"}}).encode())
    assert (parsed.facts, parsed.ignored) == ((), 1)


def test_event_without_a_call_is_refused() -> None:
    with pytest.raises(Invalid):
        read("retell", b'{"event": "call_ended"}')
