# FreeSWITCH mod_json_cdr: the three encodings, and legs (fixtures/README.md) as the calls they must become.

import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.project import Projection
from aftercall.engine.upstream import Parsed
from aftercall.sources import freeswitch_cdr
from tests.sources.vectors import SIGNED_AT, names, source, told

FIXTURES = Path(__file__).parent / "fixtures"


def parse(body: bytes, **given: Any) -> Parsed:
    return freeswitch_cdr.parse(source("freeswitch_cdr", **given), "", {}, body)


def legs(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FIXTURES / f"{name}.json").read_text())
    return found


def call(name: str, **given: Any) -> Projection:
    return told([parse(json.dumps(leg).encode(), **given) for leg in legs(name)])


@pytest.mark.parametrize("encode", ["false", "true", "base64"])
def test_encodings_are_all_understood(encode: str) -> None:
    plain = json.dumps(legs("inbound_answered")[0]).encode()
    encoded = {"false": plain, "true": b"cdr=" + quote(plain).encode(), "base64": b"cdr=" + b64encode(plain)}
    assert parse(encoded[encode]) == parse(plain)


def test_inbound_call_that_an_agent_answers() -> None:
    made = call("inbound_answered", settings={"recordings_url": "https://pbx.example.com/rec/"})
    record = made.call
    assert (record.direction, record.status) == ("inbound", "answered")
    assert (record.from_, record.to, record.did) == ("+14085551234", "+14085559876", "+14085559876")
    assert record.from_name == "Sam Doe"
    assert (record.duration_seconds, record.talk_time_seconds, record.billable_seconds) == (72, 60, 71)
    assert record.server_answered_at == SIGNED_AT + timedelta(seconds=1)
    assert record.agent is not None
    assert (record.agent.id, record.ring_time_seconds) == ("101", 8)
    assert record.hangup is not None
    assert (record.hangup.by, record.hangup.cause) == ("caller", "NORMAL_CLEARING")
    assert "".join(digit.digit for digit in record.digits) == "12"
    assert record.custom_fields == {"crm": "A 17"}
    assert record.recording_url == "https://pbx.example.com/rec/A1.wav"
    assert record.data_quality == ()
    assert names(made) == [
        "received", "agent_dialed", "agent_answered", "connected", "ended", "completed", "recording_ready"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "reason", "by", "talk"),
    [
        ("inbound_ring_group", "answered", None, "callee", 60),
        ("inbound_agent_busy", "missed", "busy", "system", 0),
        ("inbound_caller_gives_up", "missed", "caller_cancelled", "caller", 0),
        ("inbound_hangs_up_in_menu", "abandoned", "caller_hangup_in_ivr", "caller", 0),
        ("inbound_queue_answered", "answered", None, "caller", 60),
        ("inbound_queue_abandoned", "abandoned", "caller_hangup_in_queue", "caller", 0),
        ("inbound_queue_timeout", "missed", "queue_timeout", "system", 0),
        ("inbound_voicemail", "voicemail", None, "caller", 0),
        ("outbound_answered", "answered", None, "callee", 42),
        ("outbound_no_answer", "missed", "no_answer", None, 0),
    ],
)
def test_call(name: str, status: str, reason: str | None, by: str | None, talk: int) -> None:
    record = call(name).call
    assert record.hangup is not None
    assert (record.status, record.reason, record.hangup.by, record.talk_time_seconds) == (
        status,
        reason,
        by,
        talk,
    )
    assert record.direction == name.partition("_")[0]


def test_phone_that_lost_the_race_has_not_missed_the_call() -> None:
    record = call("inbound_ring_group").call
    assert record.missed_agents == ()
    assert record.agent is not None
    assert record.agent.id == "102"


def test_queue_knows_its_agent_and_the_wait() -> None:
    record = call("inbound_queue_answered").call
    assert record.queue is not None
    assert (record.queue.name, record.wait_seconds) == ("support", 18)
    assert record.agent is not None
    assert record.agent.id == "jordan"


def test_a_leg_alone_is_enough_for_the_call() -> None:
    record = told([parse(json.dumps(legs("inbound_answered")[0]).encode())]).call
    assert (record.status, record.talk_time_seconds) == ("answered", 60)


def test_leg_through_a_gateway_is_the_customers() -> None:
    assert {"customer_answered", "connected"} <= set(names(call("outbound_answered")))


@pytest.mark.parametrize(
    ("said", "of_source", "expected"),
    [
        ("outbound", None, "outbound"),
        ("local", "inbound", "outbound"),
        (None, "outbound", "outbound"),
        (None, None, "inbound"),
    ],
)
def test_direction_is_the_calls(said: str | None, of_source: Any, expected: str) -> None:
    leg = legs("inbound_answered")[0]
    if said is not None:
        leg["variables"]["call_direction"] = said
    parsed = parse(json.dumps(leg).encode(), direction=of_source)
    assert parsed.facts[0].data.direction == expected


def test_values_are_decoded_unless_they_are_said_to_be_plain() -> None:
    leg = legs("inbound_answered")[0]
    leg["variables"]["ac_crm"] = "100%25"
    body = json.dumps(leg).encode()
    assert parse(body).facts[0].data.custom_fields == {"crm": "100%"}
    assert parse(body, settings={"encoded_values": False}).facts[0].data.custom_fields == {"crm": "100%25"}


def test_agents_leg_that_the_queue_dialled_belongs_to_the_members_call() -> None:
    """mod_callcenter dials its agents by itself: the leg has no originator, and its call_uuid may be its own."""
    member, agent = legs("inbound_queue_answered")[0], legs("inbound_answered")[1]
    uuid = agent["variables"]["uuid"]
    agent["callflow"][0]["caller_profile"].pop("originator", None)
    for name in ("originating_leg_uuid", "originator", "signal_bond"):
        agent["variables"].pop(name, None)
    agent["variables"] |= {
        "call_uuid": uuid, "cc_side": "agent", "cc_agent": "jordan%40default",
        "cc_member_session_uuid": member["variables"]["uuid"],
    }  # fmt: skip
    parsed = [parse(json.dumps(leg).encode()) for leg in (member, agent)]
    assert len({fact.call_key for one in parsed for fact in one.facts}) == 1
    record = told(parsed).call
    assert (record.status, len(record.agents)) == ("answered", 1)


def test_leg_beyond_a_loopback_channel_belongs_to_the_true_leg() -> None:
    leg = legs("inbound_answered")[1]
    leg["variables"]["other_leg_true_id"] = "the-caller"
    assert {fact.call_key for fact in parse(json.dumps(leg).encode()).facts} == {"the-caller"}


def test_recording_by_path_and_name() -> None:
    leg = legs("inbound_answered")[0]
    for name in ("record_file", "record_session", "cc_record_filename"):
        leg["variables"].pop(name, None)
    leg["variables"] |= {"record_path": "%2Fvar%2Frec%2F", "record_name": "A1.wav"}
    assert told([parse(json.dumps(leg).encode())]).call.recordings[0].id == "/var/rec/A1.wav"


def test_protocols_cause_tells_when_the_status_does_not() -> None:
    [leg, *_] = legs("inbound_agent_busy")
    leg["variables"].pop("sip_term_status", None)
    leg["variables"] |= {"proto_specific_hangup_cause": "sip%3A486"}
    hangup = told([parse(json.dumps(leg).encode())]).call.hangup
    assert hangup is not None
    assert hangup.sip_code == 486


def test_disposition_is_the_calls() -> None:
    leg = legs("inbound_answered")[0]
    leg["variables"] |= {"disposition": "sold", "sub_disposition": "by%20card"}
    made = told([parse(json.dumps(leg).encode())])
    assert (made.call.disposition, made.call.sub_disposition) == ("sold", "by card")
    assert "disposition_updated" in names(made)


def test_mailbox_of_fusionpbx_is_voicemail() -> None:
    leg = legs("inbound_caller_gives_up")[0]
    leg["callflow"].insert(0, {"caller_profile": {"destination_number": "*99101"}})
    assert told([parse(json.dumps(leg).encode())]).call.status == "voicemail"


def test_values_are_decoded_once() -> None:
    leg = legs("inbound_answered")[0]
    leg["variables"]["ac_crm"] = "a%2525b"
    plain = json.dumps(leg).encode()
    for body in (plain, b"cdr=" + quote(plain).encode(), b"cdr=" + b64encode(plain)):
        assert parse(body).facts[0].data.custom_fields == {"crm": "a%25b"}


def test_half_of_a_loopback_is_ignored() -> None:
    leg = legs("inbound_answered")[0]
    leg["variables"]["loopback_leg"] = "A"
    assert parse(json.dumps(leg).encode()) == Parsed(ignored=1)


@pytest.mark.parametrize("body", [b"", b"[]", b"cdr=", b"cdr=%7B", b"cdr=!!!!", b"cdr=AAAA", b"<cdr/>"])
def test_body_that_is_no_cdr_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


def test_cdr_without_a_leg_or_a_time_is_refused() -> None:
    with pytest.raises(Invalid):
        parse(b'{"variables": {}}')
    with pytest.raises(Unreadable):
        parse(b'{"variables": {"uuid": "A1"}}')
