"""Hazards that parsers hold off: root legs, units, records that come late, hostile bodies, questions, storms."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from aftercall.domain.errors import Problem
from aftercall.domain.project import project
from aftercall.server import Server
from aftercall.sources import SOURCES, freeswitch_cdr, http
from aftercall.sources.asterisk.facts import EVENTS
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.message import event_of
from aftercall.sources.asterisk.reader import Reader
from tests.api.conftest import Api, config
from tests.sources.asterisk.captures import DIALPLAN, NOW, first_call, stream
from tests.sources.vectors import read, source, told

CALLS = {  # what the first leg of each makes of the call
    "28_ring_group_local": ("inbound", "direct"),  # the phones are rung over Local channels
    "50_click_to_call_answered": ("outbound", "click_to_call"),  # begins with the agent's leg
    "click2call": ("outbound", "click_to_call"),
    "40_outbound_answered": ("outbound", "direct"),
    "queue_answered": ("inbound", "direct"),
}


@pytest.mark.parametrize(("name", "expected"), CALLS.items())
def test_h10_root_leg_is_right_from_its_first_word_on(name: str, expected: tuple[str, str]) -> None:
    """Once the direction is told it stays: wrong guesses made early were the only wrong ones."""
    facts = first_call(name)
    seen = [project(facts[:n]).call for n in range(1, len(facts) + 1)]
    known = [(call.direction, call.call_type) for call in seen if call.direction is not None]
    assert Counter(known).keys() == {expected}


def fixture(vendor: str, name: str) -> Any:
    return json.loads((Path(__file__).parents[1] / "sources" / vendor / "fixtures" / name).read_text())


PHONE = {"sid": "PA_1", "kind": "SIP", "attributes": {"sip.twilio.callSid": "CA1", "sip.callIDFull": "x@y"}}
NAMES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "retell": ({"event": "call_started", "call": {
        "call_id": "c1", "telephony_identifier": {"twilio_call_sid": "CA1"}}}, {"twilio:CA1"}),
    "vapi": ({"message": {"type": "status-update", "status": "ringing", "call": {
        "id": "c1", "phoneCallProvider": "telnyx", "phoneCallProviderId": "v3:1"}}}, {"telnyx:v3:1"}),
    "elevenlabs": ({"type": "post_call_transcription", "data": {"conversation_id": "c1", "metadata": {
        "phone_call": {"type": "sip_trunk", "call_sid": "x@y"}}}}, {"sip:x@y"}),
    "livekit": ({"event": "participant_joined", "id": "E1", "room": {"sid": "RM_1", "name": "r"},
                 "participant": PHONE}, {"twilio:CA1", "sip:x@y"}),
    "jambonz": ({"call_sid": "c1", "call_status": "trying", "sbc_callid": "x@y"}, {"jambonz:c1", "sip:x@y"}),
}  # fmt: skip


@pytest.mark.parametrize("vendor", NAMES)
def test_h16_source_tells_by_what_name_others_know_the_call(vendor: str) -> None:
    body, names = NAMES[vendor]
    facts = read(vendor, json.dumps(body).encode()).facts
    assert facts
    assert {frozenset(fact.aliases) for fact in facts} == {frozenset(names)}


def test_h16_legs_that_twilio_dials_are_known_by_both_ids() -> None:
    params = {
        "CallSid": "CA2",
        "ParentCallSid": "CA1",
        "CallStatus": "initiated",
        "Direction": "outbound-dial",
    }
    (fact,) = read("twilio", urlencode(params).encode()).facts
    assert (fact.call_key, fact.aliases) == ("CA1", ("twilio:CA1", "twilio:CA2"))


def test_h16_carriers_id_that_is_none_is_no_name() -> None:
    body = {
        "event": "call_started",
        "call": {"call_id": "c1", "telephony_identifier": {"twilio_call_sid": None}},
    }
    assert {fact.aliases for fact in read("retell", json.dumps(body).encode()).facts} == {()}


def test_h17_twilio_counts_minutes_in_duration_and_seconds_in_call_duration() -> None:
    params = {
        "CallSid": "CA1", "CallStatus": "completed", "Direction": "inbound", "Duration": "2", "CallDuration": "62",
        "Timestamp": "Thu, 21 Aug 2025 11:03:46 +0000",
    }  # fmt: skip
    call = told([read("twilio", urlencode(params).encode())]).call
    assert (call.duration_seconds, call.billable_seconds) == (62, 62)


def test_h17_retell_counts_milliseconds_and_cents() -> None:
    body = fixture("retell", "inbound_3_analyzed.json")
    call = told([read("retell", json.dumps(body).encode())]).call
    lasted = (body["call"]["end_timestamp"] - body["call"]["start_timestamp"]) // 1000
    assert call.duration_seconds == call.talk_time_seconds == lasted
    assert call.billing is not None
    assert call.billing.cost == body["call"]["call_cost"]["combined_cost"] / 100


def test_h17_livekit_counts_nanoseconds_in_text() -> None:
    egress = {"egressId": "EG_1", "roomId": "RM_1", "roomName": "r", "status": "EGRESS_COMPLETE",
              "fileResults": [{"location": "https://files.example/1.ogg", "duration": "61500000000"}]}  # fmt: skip
    body = {"event": "egress_ended", "id": "EV_1", "createdAt": "1755774231", "egressInfo": egress}
    (recording,) = told([read("livekit", json.dumps(body).encode())]).call.recordings
    assert recording.duration_seconds == 61


def test_h17_freeswitch_counts_microseconds_in_text() -> None:
    began, over = 1755774164_250_000, 1755774231_750_000
    cdr = {
        "variables": {
            "uuid": "u1",
            "direction": "inbound",
            "start_uepoch": str(began),
            "end_uepoch": str(over),
        }
    }
    parsed = freeswitch_cdr.parse(source("freeswitch_cdr"), "", {}, json.dumps(cdr).encode())
    assert project(parsed.facts).call.duration_seconds == 67


def test_h17_kamailio_counts_seconds_with_a_fraction_in_text() -> None:
    record = {"callid": "k1", "start_time": "1755774164.250000", "end_time": "1755774231.750000",
              "answered": "1755774170.000000", "from_user": "+14085551234", "to_user": "101"}  # fmt: skip
    parsed = SOURCES["kamailio"].parse(source("kamailio"), "", {}, json.dumps(record).encode())  # type: ignore[union-attr]
    call = project(parsed.facts).call
    assert (call.duration_seconds, call.talk_time_seconds) == (67, 61)


def test_h17_asterisk_counts_the_rings_of_a_missed_agent_in_milliseconds() -> None:
    """AgentRingNoAnswer says 3005, AgentConnect says 2: three seconds, and two."""
    for rung, event in ((b"3005", b"AgentRingNoAnswer"), (b"3", b"AgentConnect")):
        said = (b"Event: %s\r\nLinkedid: 1.1\r\nUniqueid: 1.1\r\nDestUniqueid: 1.2\r\nDestLinkedid: 1.1\r\n"
                b"DestChannel: PJSIP/101-00000001\r\nInterface: PJSIP/101\r\nQueue: q\r\nRingTime: %s\r\n\r\n"
                % (event, rung))  # fmt: skip
        (fact,) = Reader(DIALPLAN).feed(said, NOW)
        assert fact.data.ring_time_seconds == 3


@pytest.mark.parametrize("name", ["queue_answered", "01_inbound_answered_caller_hangs_up"])
def test_h18_call_is_complete_before_its_cdr(name: str) -> None:
    """Asterisk may keep CDRs back for five minutes; nothing waits for them."""
    without = [m for m in stream(name).replace(b"\r\n", b"\n").split(b"\n\n") if b"Event: Cdr" not in m]
    facts = Reader(DIALPLAN).feed(
        b"\r\n\r\n".join(m.replace(b"\n", b"\r\n") for m in without) + b"\r\n\r\n", NOW
    )
    key = first_call(name)[0].call_key
    call = project([fact for fact in facts if fact.call_key == key]).call
    whole = project(first_call(name)).call
    assert (call.status, call.ended_at, call.talk_time_seconds) == (
        whole.status, whole.ended_at, whole.talk_time_seconds,
    )  # fmt: skip
    assert call.ended_at is not None


async def test_h19_body_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with Server(config(tmp_path)) as server, Api(server.url) as api:
        answer = await api.ask("POST", "/v1/events", raw=b'{"event":"' + b"x" * 300_000 + b'"}')
        assert (answer.status, answer.code) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"event":"call.ended","call_id":"c","occurred_at":1e400}',
        b"\xff\xfe",
    ],
)
def test_h19_body_that_is_nested_or_broken_is_refused(body: bytes) -> None:
    with pytest.raises(Problem):
        http.fact(http.decode_item(http.items(body)[0][0]), source("http"))


def test_h19_value_that_is_too_long_takes_only_its_own_event_down() -> None:
    good = {"event": "call.ended", "call_id": "c", "occurred_at": "2026-11-20T10:00:00Z"}
    parsed = http.parse(source("http"), "", {}, json.dumps([good, good | {"to": "9" * 70_000}]).encode())
    assert (len(parsed.facts), [index for index, _ in parsed.errors]) == (1, [1])


def test_h19_recording_as_base64_leaves_its_link_only() -> None:
    body = {"type": "post_call_audio", "data": {"conversation_id": "c", "full_audio": "A" * 1_000_000}}
    parsed = read("elevenlabs", json.dumps(body).encode())
    (fact,) = parsed.facts
    assert len(msgspec.json.encode(fact)) < 500


QUESTIONS = {  # what a vendor waits for an answer to, while the caller listens
    "vapi": {"message": {"type": "assistant-request", "call": {"id": "c1"}}},
    "jambonz": {"call_sid": "c1", "event": "verb:hook"},
    "retell": {"event": "call_inbound", "call_inbound": {"agent_id": "a"}},
    "elevenlabs": {"type": "conversation_initiation_client_data", "data": {}},
    "livekit": {"event": "room_started", "id": "EV_1", "room": {"sid": "RM_1", "name": "r"}},
}


@pytest.mark.parametrize("vendor", QUESTIONS)
def test_h20_question_is_answered_with_nothing_and_makes_no_call(vendor: str) -> None:
    parsed = read(vendor, json.dumps(QUESTIONS[vendor]).encode())
    assert (parsed.facts, parsed.ignored) == ((), 1)


@pytest.mark.parametrize("vendor", [*QUESTIONS, "twilio", "telnyx", "plivo"])
def test_h20_reply_is_never_an_instruction(vendor: str) -> None:
    reply = SOURCES[vendor].reply  # type: ignore[union-attr]
    assert reply.status in (200, 204)
    assert reply.body in (b"", b"{}", b"<Response/>")


def test_h21_source_says_that_a_call_is_a_test() -> None:
    body = fixture("jambonz", "studio.json") | {"is_test": True}
    assert told([read("jambonz", json.dumps(body).encode())]).call.is_test


def test_h22_caller_who_withholds_the_number_has_none() -> None:
    params = {
        "CallSid": "CA1",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": "+266696687",
        "To": "+14085559876",
    }
    call = told([read("twilio", urlencode(params).encode())]).call
    assert (call.from_, call.from_presentation) == (None, "anonymous")


def test_h23_most_of_what_a_pbx_says_is_passed_over_unread() -> None:
    frames = Framer().feed(stream("queue_answered"))
    read_ = [frame for frame in frames if event_of(frame) in EVENTS]
    assert len(frames) > 150
    unread = [frame for frame in frames if frame not in read_]
    assert len(Reader(DIALPLAN).read(frames, NOW)) == len(Reader(DIALPLAN).read(read_, NOW)) < len(frames) / 2
    assert Reader(DIALPLAN).read(unread, NOW) == []


def test_names_are_all_there() -> None:
    """Every hazard has a test that is named after it."""
    folder = Path(__file__).parent
    text = "".join(path.read_text() for path in folder.glob("test_*.py"))
    missing = [n for n in range(1, 24) if f"def test_h{n:02}_" not in text]
    assert missing == []
