# ElevenLabs: the signature, and post-call webhooks (fixtures/README.md) as the calls they must become.

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
    names,
    read,
    told,
)

VECTOR = VECTORS["elevenlabs"]
HEADER = "elevenlabs-signature"
REQUEST = Request(url="", headers={HEADER: VECTOR["header"]}, body=VECTOR["body"].encode(), now=SIGNED_AT)


def body(name: str) -> bytes:
    return (Path(__file__).parent / "fixtures" / f"{name}.json").read_bytes()


def test_signature() -> None:
    check_security("elevenlabs", VECTOR["secret"], REQUEST, HEADER)
    check_age("elevenlabs", VECTOR["secret"], REQUEST, [1799, 1801])


def test_signature_may_stand_among_others() -> None:
    more = {HEADER: f"{VECTOR['header']},v0={'0' * 64},v1=x"}
    assert accepted("elevenlabs", VECTOR["secret"], changed(REQUEST, headers=more))


@pytest.mark.parametrize("header", ["t=1755774164", "t=1755774165,{v0}", "v0=1", "t=1,{t},{v0}"])
def test_signature_covers_its_time(header: str) -> None:
    t, v0 = VECTOR["header"].split(",")
    given = {HEADER: header.format(t=t, v0=v0)}
    assert not accepted("elevenlabs", VECTOR["secret"], changed(REQUEST, headers=given))


def test_inbound_call() -> None:
    made = told([read("elevenlabs", body("inbound"))])
    call = made.call
    assert (call.direction, call.call_type, call.status, call.final) == (
        "inbound",
        "ai_agent",
        "answered",
        True,
    )
    assert (call.from_, call.to) == ("+14085551234", "+14085559876")
    assert (call.duration_seconds, call.talk_time_seconds) == (62, 60)
    assert call.agent is not None
    assert (call.agent.id, call.agent.name, call.agent.kind) == ("agent_el_1", "Ava", "ai")
    assert call.hangup is not None
    assert call.hangup.by == "agent"
    assert call.billing is not None
    assert call.billing.credits == 420
    assert call.custom_fields == {"user_id": "user-9", "tier": "gold"}
    assert call.uuid == "CA11111111111111111111111111111111"
    assert call.data_quality == ()
    assert names(made) == ["ended", "completed", "recording_ready", "transcript_ready", "analyzed"]


def test_inbound_call_has_transcript_and_results() -> None:
    call = told([read("elevenlabs", body("inbound"))]).call
    assert call.transcript is not None
    assert call.transcript.language == "en"
    assert [(t.role, t.text, t.start) for t in call.transcript.turns] == [
        ("agent", "Hello.", 0), ("customer", "Thursday, please.", 4)
    ]  # fmt: skip
    assert call.analysis is not None
    assert (call.analysis.summary, call.analysis.success) == ("The appointment was moved.", True)
    assert call.analysis.variables == {
        "day": "Thursday", "criteria.polite": "success", "summary_title": "Appointment moved"
    }  # fmt: skip
    assert call.analysis.rationales == {
        "day": "The caller said so.",
        "criteria.polite": "Friendly throughout.",
    }


@pytest.mark.parametrize(
    ("name", "status", "reason", "sip"),
    [
        ("outbound_voicemail", "voicemail", None, None),
        ("outbound_busy_twilio", "missed", "busy", 486),
        ("outbound_failed_sip", "missed", "failed", 404),
    ],
)
def test_outbound_call(name: str, status: str, reason: str | None, sip: Any) -> None:
    call = told([read("elevenlabs", body(name))]).call
    assert (call.direction, call.status, call.reason) == ("outbound", status, reason)
    assert (call.from_, call.to) == ("+14085559876", "+14085551234")
    assert call.hangup is not None
    assert call.hangup.sip_code == sip


@pytest.mark.parametrize("given", [b'{"type": "something_new"}', b"{}"])
def test_what_is_new_is_ignored(given: bytes) -> None:
    parsed = read("elevenlabs", given)
    assert (parsed.facts, parsed.ignored) == ((), 1)


def test_audio_becomes_a_recording_of_its_conversation() -> None:
    both = told([read("elevenlabs", body("inbound")), read("elevenlabs", body("audio"))])
    [recording] = both.call.recordings
    assert recording.url == f"https://api.elevenlabs.io/v1/convai/conversations/{recording.id}/audio"
    assert names(both).count("recording_ready") == 1


def test_message_without_a_conversation_is_refused() -> None:
    with pytest.raises(Invalid):
        read("elevenlabs", b'{"type": "post_call_transcription", "data": {}}')
