# jambonz: the signature, status hooks and Studio results (fixtures/README.md) as the calls they must become.

import json
from base64 import b64encode
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
    check_security,
    names,
    read,
    told,
)

VECTOR = VECTORS["jambonz"]
HEADER = "jambonz-signature"
REQUEST = Request(url="", headers={HEADER: VECTOR["header"]}, body=VECTOR["body"].encode(), now=SIGNED_AT)
FIXTURES = Path(__file__).parent / "fixtures"


def script(name: str) -> Projection:
    lines = (FIXTURES / f"{name}.jsonl").read_text().splitlines()
    parsed = []
    for line in map(json.loads, lines):
        now = SIGNED_AT + timedelta(seconds=line["after"])
        parsed.append(read("jambonz", json.dumps(line["body"]).encode(), now=now))
    return told(parsed)


# The signature


def test_signature() -> None:
    check_security("jambonz", VECTOR["secret"], REQUEST, HEADER)
    check_age("jambonz", VECTOR["secret"], REQUEST, [299, 301])


def test_signature_of_studio() -> None:
    request = changed(REQUEST, headers={"x-studio-signature": VECTOR["header"]})
    check_security("jambonz", VECTOR["secret"], request, "x-studio-signature")


def test_basic_password_where_hooks_are_not_signed() -> None:
    def given(pair: str) -> Request:
        header = f"Basic {b64encode(pair.encode()).decode()}"
        return Request(url="", headers={"authorization": header}, body=b"{}", now=SIGNED_AT)

    assert accepted("jambonz", "a-secret", given("any:a-secret"))
    for wrong in ("any:a-secreT", "a-secret:any", "any:", ""):
        assert not accepted("jambonz", "a-secret", given(wrong)), wrong
    assert not accepted("jambonz", "a-secret", changed(given(""), headers={"authorization": "Basic ?"}))


def test_password_beside_a_wrong_signature_does_not_help() -> None:
    basic = "Basic " + b64encode(f"a:{VECTOR['secret']}".encode()).decode()
    headers = {HEADER: "t=1755774164,v1=" + "0" * 64, "authorization": basic}
    assert not accepted("jambonz", VECTOR["secret"], changed(REQUEST, headers=headers))


# Calls


def test_inbound_call_that_an_agent_answers() -> None:
    made = script("inbound_answered")
    call = made.call
    assert (call.direction, call.status, call.from_, call.to) == (
        "inbound", "answered", "+14085551234", "+14085559876"
    )  # fmt: skip
    assert call.agent is not None
    assert call.agent.id == "jordan"
    assert (call.duration_seconds, call.talk_time_seconds, call.billable_seconds) == (72, 60, 71)
    assert call.hangup is not None
    assert (call.hangup.by, call.hangup.sip_code) == ("caller", 200)
    assert call.custom_fields == {"crm": "A-17"}
    assert names(made) == ["received", "agent_dialed", "agent_answered", "connected", "ended", "completed"]


@pytest.mark.parametrize(
    ("name", "status", "reason", "talk"),
    [
        ("inbound_agent_busy", "missed", "busy", 0),
        ("outbound_answered", "answered", None, 30),
        ("outbound_busy", "missed", "busy", 0),
        ("outbound_no_answer", "missed", "no_answer", 0),
        ("outbound_bad_number", "missed", "invalid_number", 0),
        ("outbound_failed", "missed", "failed", 0),
    ],
)
def test_call(name: str, status: str, reason: str | None, talk: int) -> None:
    call = script(name).call
    assert (call.status, call.reason, call.talk_time_seconds) == (status, reason, talk)
    assert call.direction == name.partition("_")[0]


def test_studio_result() -> None:
    made = told(
        [read("jambonz", (FIXTURES / "studio.json").read_bytes(), now=SIGNED_AT + timedelta(seconds=70))]
    )
    call = made.call
    assert (call.direction, call.call_type, call.status, call.is_test) == (
        "outbound",
        "ai_agent",
        "answered",
        True,
    )
    assert call.agent is not None
    assert (call.agent.id, call.agent.kind) == ("019a-agent", "ai")
    assert (call.duration_seconds, call.talk_time_seconds) == (66, 60)
    assert call.analysis is not None
    assert call.analysis.success is True
    assert call.analysis.variables == {"goal": {"name": "book", "reached": True}, "durations": {"talk_s": 60}}
    assert names(made) == ["ended", "completed", "analyzed"]


@pytest.mark.parametrize(
    ("more", "status", "reason"),
    [
        ({"answered_by": "machine"}, "voicemail", None),
        ({"answered_by": None, "outcome": "busy"}, "missed", "busy"),
        ({"answered_by": None, "answered_at": None}, "missed", "unknown"),
    ],
)
def test_studio_result_that_nobody_answered(
    more: dict[str, str | None], status: str, reason: str | None
) -> None:
    body = json.loads((FIXTURES / "studio.json").read_text()) | more
    call = told([read("jambonz", json.dumps(body).encode())]).call
    assert (call.status, call.reason) == (status, reason)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"event": "call.started"}', b'{"call_sid": "c", "call_status": "new"}']
)
def test_other_hooks_are_ignored(body: bytes) -> None:
    parsed = read("jambonz", body)
    assert (parsed.facts, parsed.ignored) == ((), 1)


def test_hook_without_a_call_is_refused() -> None:
    with pytest.raises(Invalid):
        read("jambonz", b'{"call_status": "completed"}')
