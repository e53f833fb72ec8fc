# Vapi: how a request proves itself, and scripted calls (fixtures/README.md) as the calls they must become.

import json
from pathlib import Path
from typing import Any

import pytest

from aftercall.domain.errors import Invalid, Unreadable
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
    signed_type,
    source,
    told,
)  # fmt: skip

VECTOR = VECTORS["vapi_hmac_default"]
REQUEST = Request(
    url="", body=VECTOR["body"].encode(), now=SIGNED_AT,
    headers={"x-signature": VECTOR["x_signature"], "x-timestamp": VECTOR["x_timestamp"]},
)  # fmt: skip


def fixture(name: str) -> bytes:
    return (Path(__file__).parent / "fixtures" / f"{name}.json").read_bytes()


def report(name: str, **more: Any) -> bytes:
    body = json.loads(fixture(name))
    body["message"] |= more
    return json.dumps(body).encode()


# The signature


def test_signature() -> None:
    check_security("vapi", VECTOR["secret"], REQUEST, "x-signature")
    check_age("vapi", VECTOR["secret"], REQUEST, [299, 301])


@pytest.mark.parametrize("stamp", ["", "x", "1755774164.5", "1755774165", "9" * 30, "²"])
def test_signature_covers_its_time(stamp: str) -> None:
    headers = REQUEST.headers | {"x-timestamp": stamp}
    assert not accepted("vapi", VECTOR["secret"], changed(REQUEST, headers=headers))


def test_signature_under_names_of_ones_own() -> None:
    renamed = {"x-my": VECTOR["x_signature"], "x-when": VECTOR["x_timestamp"]}
    of = source("vapi", VECTOR["secret"], settings={"signature_header": "X-My", "timestamp_header": "X-When"})
    signed_type("vapi").verify(of, changed(REQUEST, headers=renamed))


def test_signature_may_count_milliseconds() -> None:
    import hmac

    body = b"{}"
    given = hmac.new(b"a-secret", b"1755774164000." + body, "sha256").hexdigest()
    headers = {"x-signature": given, "x-timestamp": "1755774164000"}
    assert accepted("vapi", "a-secret", Request(url="", headers=headers, body=body, now=SIGNED_AT))


@pytest.mark.parametrize(
    "header", [("x-vapi-secret", "{}"), ("authorization", "Bearer {}"), ("authorization", "bearer {}")]
)
def test_secret_as_it_is(header: tuple[str, str]) -> None:
    def given(secret: str) -> Request:
        return Request(url="", headers={header[0]: header[1].format(secret)}, body=b"{}", now=SIGNED_AT)

    assert accepted("vapi", "a-secret", given("a-secret"))
    for wrong in ("a-secreT", "", "a-secret x", "é"):
        assert not accepted("vapi", "a-secret", given(wrong)), wrong


def test_secret_beside_a_wrong_signature_does_not_help() -> None:
    headers = REQUEST.headers | {"x-signature": "0" * 64, "x-vapi-secret": VECTOR["secret"]}
    assert not accepted("vapi", VECTOR["secret"], changed(REQUEST, headers=headers))


# Calls


def test_inbound_call() -> None:
    made = told([read("vapi", body) for body in fixtures(__file__, "inbound_*.json")])
    call = made.call
    assert (call.direction, call.call_type, call.status, call.final) == (
        "inbound",
        "ai_agent",
        "answered",
        True,
    )
    assert (call.from_, call.to, call.from_name) == ("+14085551234", "+14085559876", "Sam Doe")
    assert call.uuid == "CA11111111111111111111111111111111"
    assert (call.duration_seconds, call.talk_time_seconds) == (62, 60)
    assert call.agent is not None
    assert (call.agent.id, call.agent.name, call.agent.kind) == ("as-1", "Ava", "ai")
    assert call.hangup is not None
    assert (call.hangup.cause, call.hangup.by) == ("customer-ended-call", "caller")
    assert call.billing is not None
    assert (call.billing.cost, call.billing.currency) == (0.0912, "USD")
    assert call.custom_fields == {"crm": "A-17"}
    assert call.data_quality == ()
    assert names(made) == [
        "received", "ringing", "agent_answered", "connected", "ended", "completed",
        "recording_ready", "transcript_ready", "analyzed",
    ]  # fmt: skip


def test_report_alone_makes_the_same_call() -> None:
    alone = told([read("vapi", fixture("inbound_4_report"))])
    whole = told([read("vapi", body) for body in fixtures(__file__, "inbound_*.json")])
    assert alone.call.analysis == whole.call.analysis
    assert (alone.call.status, alone.call.agent, alone.call.started_at) == (
        "answered",
        whole.call.agent,
        whole.call.started_at,
    )
    assert {"agent_answered", "connected", "completed", "analyzed"} <= set(names(alone))


def test_report_has_transcript_recording_and_results() -> None:
    call = told([read("vapi", fixture("inbound_4_report"))]).call
    assert call.recording_url == "https://storage.vapi.ai/c0ffee00-mono.wav"
    assert call.transcript is not None
    assert [(t.role, t.text, t.start, t.end) for t in call.transcript.turns] == [
        ("agent", "Hello.", 1.2, 2.1), ("customer", "Thursday, please.", 4.0, 5.5)
    ]  # fmt: skip
    assert call.analysis is not None
    assert (call.analysis.summary, call.analysis.success) == ("Sam moved the appointment.", True)
    assert call.analysis.variables == {
        "day": "Thursday",
        "Follow-up": {"needed": False},
        "scorecard.Politeness": 90,
    }


@pytest.mark.parametrize(
    ("name", "status", "reason", "talk"),
    [
        ("outbound_no_answer_report", "missed", "no_answer", 0),
        ("outbound_voicemail_report", "voicemail", None, 0),
        ("outbound_provider_failed_report", "missed", "failed", 0),
        ("outbound_pipeline_error_report", "answered", None, 20),
    ],
)
def test_outbound_call(name: str, status: str, reason: str | None, talk: int) -> None:
    call = told([read("vapi", fixture(name))]).call
    assert (call.direction, call.status, call.reason, call.talk_time_seconds) == (
        "outbound",
        status,
        reason,
        talk,
    )
    assert (call.from_, call.to) == ("+14085559876", "+14085551234")


@pytest.mark.parametrize(
    ("reason", "by"),
    [
        ("customer-ended-call", "callee"), ("assistant-ended-call-after-message-spoken", "agent"),
        ("silence-timed-out", "system"), ("something-new", None),
    ],
)  # fmt: skip
def test_who_hung_up(reason: str, by: str | None) -> None:
    call = told([read("vapi", report("outbound_pipeline_error_report", endedReason=reason))]).call
    assert call.hangup is not None
    assert (call.status, call.hangup.by) == ("answered", by)


def test_forwarded_call() -> None:
    more = {"status": "forwarding", "destination": {"type": "number", "number": "+14085550101"}}
    call = told(
        [read("vapi", report("inbound_2_in_progress")), read("vapi", report("inbound_1_ringing", **more))]
    ).call
    assert [step.id for step in call.call_flow if step.type == "transfer"] == ["+14085550101"]


@pytest.mark.parametrize("kind", ["assistant-request", "tool-calls", "transcript", "speech-update", None, 5])
def test_other_messages_are_ignored(kind: Any) -> None:
    parsed = read("vapi", report("inbound_1_ringing", type=kind))
    assert (parsed.facts, parsed.ignored) == ((), 1)


def test_message_without_a_call_is_refused() -> None:
    with pytest.raises(Invalid):
        read("vapi", report("inbound_1_ringing", call={}))
    with pytest.raises(Unreadable):
        read("vapi", b"[]")
