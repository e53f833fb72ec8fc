# Calls that were not captured, WRITTEN FROM THE RULES: what a PBX should say, not what one was heard to say.

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from aftercall.domain.fact import Fact
from aftercall.domain.project import Projection, project
from aftercall.sources.asterisk.reader import Reader
from tests.sources.asterisk.captures import DIALPLAN, NOW, calls, folded, stream
from tests.sources.asterisk.pbx import Pbx
from tests.sources.asterisk.test_captures import ANSWERED, events, outcome


def heard(*pbxs: Pbx) -> list[Fact]:
    return Reader(DIALPLAN).feed(b"".join(pbx.written for pbx in pbxs), NOW)


def told(pbx: Pbx) -> Projection:
    facts = heard(pbx)
    made, shuffled = project(facts), [*facts, *facts[::3]]
    random.Random(5).shuffle(shuffled)
    assert project(shuffled) == made
    return made


def talked(pbx: Pbx) -> Any:
    return pytest.approx(folded(heard(pbx)).talk.total.total_seconds(), abs=0.01)


def agents(made: Projection) -> list[tuple[str | None, bool, bool]]:
    """Who was rung, answered, missed."""
    return [(leg.agent.id, leg.answered_at is not None, leg.missed) for leg in made.call.agents]


def test_call_when_the_time_limit_ends_it() -> None:
    pbx = Pbx().caller().phone(0.01, 1, "101", 0).talk(2, "b", 1)
    made = told(pbx.leave(7, "b", 1, 0).gone(7.001, 1, 0))
    assert outcome(made) == ("inbound", "direct", "answered", None, "system")
    assert events(made) == ANSWERED


@pytest.mark.parametrize(
    ("status", "cause", "tech", "reason"),
    [
        ("NOANSWER", 21, "603", "rejected"),
        ("NOANSWER", 1, "404", "invalid_number"),
        ("BUSY", 17, "486", "busy"),
        ("CHANUNAVAIL", 20, "", "unavailable"),
        ("CONGESTION", 34, "503", "congestion"),
    ],
)
def test_agent_when_the_phone_refuses(status: str, cause: int, tech: str, reason: str) -> None:
    pbx = Pbx().caller().phone(0.01, 1, "101", 0).ask(1, 1, cause, tech).dial_end(1.001, 1, 0, status)
    made = told(pbx.gone(1.002, 1, cause=cause).gone(1.003, 0))
    assert [leg.reason for leg in made.call.missed_agents] == [reason]
    assert made.call.reason == reason


def test_pickup_when_a_colleague_takes_the_call() -> None:
    pbx = Pbx().caller().phone(0.01, 1, "101", 0)
    picker = {"Channel": "PJSIP/102-00000009", "Uniqueid": "1795168803.9", "Linkedid": "1795168803.9"}
    pbx.say(3, "Pickup", **picker, **pbx.of(1, "Target"))
    pbx.answer(3.001, 1, 0).state(3.002, 0, "Up").join(3.003, "b", 1, 0)
    made = told(pbx.ask(8, 0).leave(8.001, "b", 0, 1).gone(8.002, 0, 1))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert agents(made) == [("101", False, False), ("102", True, False)]
    assert made.call.agent is not None
    assert made.call.agent.id == "102"


def test_parking_when_another_phone_takes_the_call_back() -> None:
    """Nobody talks in the holding bridge. The phone that comes has the call's linkedid once they are bridged."""
    pbx = Pbx().caller().phone(0.01, 1, "101", 0).talk(2, "b", 1)
    pbx.say(
        5,
        "BlindTransfer",
        Result="Success",
        **pbx.of(1, "Transferer"),
        **pbx.of(0, "Transferee"),
        Extension="700",
    )
    pbx.leave(5.001, "b", 0, 1).gone(5.002, 1).join(5.003, "park", 0, technology="holding_bridge")
    pbx.new(9, 2, "PJSIP/102-00000002", "from-internal", "701", cid="102").leave(9.001, "park", 0)
    pbx.join(9.002, "c", 0, 2)
    made = told(pbx.ask(12, 2).leave(12.001, "c", 2, 0).gone(12.002, 2, 0))
    assert outcome(made) == ("inbound", "direct", "answered", None, "agent")
    assert agents(made) == [("101", True, False), ("102", True, False)]
    assert talked(pbx) == 6.0
    assert events(made).count("connected") == 2


def test_conference_when_three_are_in_it() -> None:
    """Legs that overlap count once; the first who leaves does not end the call."""
    pbx = Pbx().caller().join(1, "conf", 0, technology="softmix")
    for number, at in ((1, 2.0), (2, 3.0)):
        pbx.phone(at, number, f"10{number}", 0).answer(at + 1, number, 0)
        pbx.join(at + 1.001, "conf", number, technology="softmix")
    pbx.leave(5, "conf", 1).gone(5.001, 1)
    made = told(pbx.ask(9, 0).leave(9.001, "conf", 0, 2).gone(9.002, 0, 2))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert talked(pbx) == 6.0
    assert events(made).endswith("connected agent_answered connected ended completed")


def test_transfer_when_attended_by_keys() -> None:
    """The consultation goes over a Local channel of the same linkedid, which joins two bridges afterwards."""
    pbx = Pbx().caller().phone(0.01, 1, "101", 0).talk(1, "b", 1)
    pbx.leave(4, "b", 1).join(4.1, "hold", 0, technology="holding_bridge")
    pbx.new(4.2, 2, "Local/102@from-internal-00000002;1", "from-internal", "102")
    pbx.new(4.2, 3, "Local/102@from-internal-00000002;2", "from-internal", "102", "Ring")
    pbx.phone(4.3, 4, "102", 3).answer(5, 4, 3).join(5.001, "far", 4, 3).join(5.002, "near", 1, 2)
    pbx.leave(7, "near", 1).leave(7, "hold", 0).join(7.001, "near", 0)
    pbx.gone(7.002, 1)
    made = told(
        pbx.ask(10, 4).leave(10.001, "far", 4, 3).leave(10.001, "near", 2, 0).gone(10.002, 4, 3, 2, 0)
    )
    assert outcome(made) == ("inbound", "direct", "answered", None, "agent")
    assert agents(made) == [("101", True, False), ("102", True, False)]
    assert talked(pbx) == 6.0


def test_calls_when_they_overlap() -> None:
    first = Pbx().caller().phone(0.01, 1, "101", 0).talk(2, "b", 1)
    second = (
        Pbx(linked=5)
        .caller(1, number=5)
        .phone(1.01, 6, "102", 5)
        .ask(3, 5, 127)
        .dial_end(3.001, 6, 5, "CANCEL")
    )
    second.gone(3.002, 6, 5, cause=127)
    first.ask(7, 1).leave(7.001, "b", 1, 0).gone(7.002, 1, 0)
    told_of = calls(heard(first, second))
    assert [outcome(project(facts))[2:] for facts in told_of.values()] == [
        ("answered", None, "agent"), ("missed", "caller_cancelled", "caller")
    ]  # fmt: skip


def test_call_when_internal() -> None:
    pbx = Pbx().new(0, 0, "PJSIP/103-00000000", "from-internal", "101", "Ring", "103")
    made = told(
        pbx.phone(0.01, 1, "101", 0).talk(1, "b", 1).ask(3, 1).leave(3.001, "b", 1, 0).gone(3.002, 1, 0)
    )
    assert outcome(made) == ("inbound", "internal", "answered", None, "agent")
    assert (made.call.from_, made.call.to, made.call.did) == ("103", "101", None)


def test_call_when_forwarded_to_a_number_outside() -> None:
    pbx = Pbx().caller().new(0.01, 1, "PJSIP/carrier-00000001", "from-trunk", "s")
    pbx.say(0.02, "DialBegin", **pbx.of(0), **pbx.of(1, "Dest"), DialString="447700900999@carrier")
    made = told(pbx.talk(2, "b", 1).ask(4, 0).leave(4.001, "b", 0, 1).gone(4.002, 0, 1))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert made.call.agent is not None
    assert made.call.agent.number == "447700900999"


def test_call_when_the_phone_forwards_it_to_a_colleague() -> None:
    """302 Moved: the dialled leg ends with a Forward, and is not missed; the colleague is rung through Local."""
    pbx = Pbx().caller().phone(0.01, 1, "101", 0)
    forward = {"DialStatus": "CANCEL", "Forward": "Local/102@from-internal"}
    pbx.say(1, "DialEnd", **pbx.of(0), **pbx.of(1, "Dest"), **forward).gone(1.001, 1, cause=0)
    pbx.new(1.01, 2, "Local/102@from-internal-00000002;1", "from-internal", "102")
    pbx.new(1.01, 3, "Local/102@from-internal-00000002;2", "from-internal", "102", "Ring")
    pbx.say(1.02, "DialBegin", **pbx.of(0), **pbx.of(2, "Dest"), DialString="102@from-internal")
    pbx.phone(1.03, 4, "102", 3).answer(3, 4, 3).join(3.001, "far", 4, 3).answer(3.002, 2, 0)
    pbx.state(3.003, 0, "Up").join(3.004, "near", 2, 0).ask(8, 0)
    made = told(pbx.leave(8.004, "near", 0, 2).leave(8.004, "far", 3, 4).gone(8.005, 0, 2, 3, 4))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert agents(made) == [("101", False, False), ("102", True, False)]
    assert talked(pbx) == 5.0


def test_parking_when_nobody_takes_the_call_back() -> None:
    """The parking lot's time is over: who parked the call is rung again, and answers."""
    pbx = Pbx().caller().phone(0.01, 1, "101", 0).talk(2, "b", 1)
    transfer = {**pbx.of(1, "Transferer"), **pbx.of(0, "Transferee"), "Extension": "700"}
    pbx.say(5, "BlindTransfer", Result="Success", **transfer)
    pbx.leave(5.001, "b", 0, 1).gone(5.002, 1).join(5.003, "park", 0, technology="holding_bridge")
    pbx.say(50, "ParkedCallTimeOut", **pbx.of(0, "Parkee")).leave(50.001, "park", 0)
    pbx.phone(50.01, 2, "101", 0).answer(53, 2, 0).join(53.001, "c", 2, 0).ask(56, 0)
    made = told(pbx.leave(56.001, "c", 0, 2).gone(56.002, 0, 2))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert talked(pbx) == 6.0
    assert agents(made) == [("101", True, False), ("101", True, False)]


def test_survey_when_the_caller_stays_after_the_conversation() -> None:
    """The agent hangs up, the caller is asked for a rating: the talk is over, the call is not."""
    pbx = Pbx().caller().phone(0.01, 1, "101", 0).talk(2, "b", 1)
    pbx.ask(7.002, 1).leave(7.002, "b", 1, 0).gone(7.003, 1)
    survey = {"UserEvent": "AfterCallIVR", "IvrId": "survey", "IvrName": "Survey"}
    pbx.say(7.1, "UserEvent", **pbx.of(0), **survey)
    pbx.say(9, "DTMFEnd", **pbx.of(0), Digit="5", Direction="Received")
    made = told(pbx.ask(10, 0).gone(10.001, 0))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert events(made) == (
        "received agent_dialed agent_answered connected ivr_answered dtmf ended completed"
    )
    assert [(digit.digit, digit.ivr_id) for digit in made.call.digits] == [("5", "survey")]
    assert (made.call.talk_time_seconds, made.call.duration_seconds) == (5, 10)
    assert (made.call.ivr_seconds, made.call.agent and made.call.agent.id) == (2, "101")


def test_voicemail_when_the_mailbox_alone_tells_of_the_message() -> None:
    """CEL tells of the voicemail, MessageWaiting that something was left there; the variable says it again."""
    pbx = Pbx().caller().state(1, 0, "Up")
    pbx.say(1.1, "CEL", EventName="APP_START", Application="VoiceMail", AppData="101@default,u", **pbx.of(0))
    pbx.say(9, "MessageWaiting", **pbx.of(0), Mailbox="101@default", Waiting=1, New=1, Old=0)
    pbx.say(9.001, "VarSet", **pbx.of(0), Variable="VMSTATUS", Value="SUCCESS")
    made = told(pbx.ask(9.1, 0).gone(9.2, 0))
    assert outcome(made)[2:] == ("voicemail", None, "caller")
    left = [event.details["voicemail"] for event in made.events if event.name == "call.voicemail_left"]
    assert left == [{"box": "101"}]


def test_mailbox_when_somebody_only_looks_after_it() -> None:
    pbx = Pbx().caller().state(1, 0, "Up")
    pbx.say(5, "MessageWaiting", **pbx.of(0), Mailbox="101@default", Waiting=0, New=0, Old=1)
    made = told(pbx.ask(6, 0).gone(6.001, 0))
    assert "call.voicemail_left" not in {event.name for event in made.events}


def test_variables_when_shown_with_events_of_the_channel() -> None:
    """`channelvars` of manager.conf; the class dialplan is not read."""
    pbx = Pbx().caller()
    pbx.channels[0] |= {"ChanVariable": "CAMPAIGN=autumn\r\nChanVariable: MIXMONITOR_FILENAME=/x/a=1.wav"}
    pbx.channels[0]["ChanVariable"] += "\r\nChanVariable: AFTERCALL_TYPE="
    pbx.state(1, 0, "Up").ask(4, 0).gone(4.001, 0)
    plan = msgspec.structs.replace(DIALPLAN, variables={"CAMPAIGN": "campaign"})
    made = project(Reader(plan).feed(pbx.written, NOW))
    assert made.call.custom_fields == {"campaign": "autumn"}
    assert [recording.id for recording in made.call.recordings] == ["a=1.wav"]
    assert [event.name for event in made.events].count("call.recording_started") == 1


def test_bot_when_it_is_an_application_of_the_dialplan() -> None:
    """AudioSocket or EAGI on the caller's own channel: only the dialplan can say so. It hands over to a queue."""
    pbx = Pbx().caller().state(0.1, 0, "Up")
    pbx.say(0.2, "VarSet", **pbx.of(0), Variable="AFTERCALL_TYPE", Value="ai_agent")
    bot = {"UserEvent": "AfterCallAgent", "AgentId": "ava", "AgentName": "Ava"}
    pbx.say(1, "UserEvent", **pbx.of(0), **bot)
    pbx.say(11, "UserEvent", **pbx.of(0), UserEvent="AfterCallAgentLeft")
    pbx.say(11.1, "QueueCallerJoin", **pbx.of(0), Queue="support", Position=1)
    pbx.phone(12, 1, "101", 0).answer(15, 1, 0).join(15.001, "b", 1, 0)
    made = told(pbx.ask(20.001, 0).leave(20.001, "b", 0, 1).gone(20.002, 0, 1))
    assert outcome(made) == ("inbound", "ai_agent", "answered", None, "caller")
    assert talked(pbx) == 15.0
    connected = [event.details["agent"] for event in made.events if event.name == "call.connected"]
    assert [(agent["id"], agent.get("kind", "human")) for agent in connected] == [
        ("ava", "ai"),
        ("101", "human"),
    ]
    assert made.call.wait_seconds == 3


def test_bot_when_it_is_dialled_like_a_phone() -> None:
    pbx = Pbx().caller()
    pbx.phone(0.01, 1, "bot-ava", 0).talk(0.5, "b", 1)
    pbx.ask(8, 1).leave(8.001, "b", 1, 0).gone(8.002, 1, 0)
    plan = msgspec.structs.replace(DIALPLAN, bots="bot-.*")
    made = project(Reader(plan).feed(pbx.written, NOW))
    assert outcome(made) == ("inbound", "direct", "answered", None, "agent")
    assert made.call.agent is not None
    assert (made.call.agent.id, made.call.agent.kind) == ("bot-ava", "ai")


def test_bot_when_it_is_external_media_in_the_callers_bridge() -> None:
    """Stasis puts a channel without a phone beside the caller. Nobody is named, but the caller was talked to."""
    pbx = Pbx().caller().state(0.1, 0, "Up").join(0.2, "b", 0)
    pbx.new(0.3, 1, "UnicastRTP/192.0.2.7:40000-0x7f2b34001c20", "default", "s", "Up")
    made = told(pbx.join(0.4, "b", 1).ask(9, 0).leave(9.001, "b", 0, 1).gone(9.002, 0, 1))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert made.call.talk_time_seconds == 8


@pytest.mark.parametrize(
    ("status", "cause", "tech", "reason"),
    [
        ("BUSY", 17, "486", "busy"),
        ("NOANSWER", 21, "603", "rejected"),
        ("CHANUNAVAIL", 1, "404", "invalid_number"),
        ("CHANUNAVAIL", 20, "", "unavailable"),
        ("CONGESTION", 34, "503", "congestion"),
        ("NOANSWER", 0, "", "no_answer"),
        ("ABORT", 0, "", "failed"),
    ],
)
def test_outbound_when_the_customer_is_not_reached(status: str, cause: int, tech: str, reason: str) -> None:
    pbx = Pbx().new(0, 0, "PJSIP/101-00000000", "from-internal", "447700900456", "Ring", "101")
    pbx.new(0.1, 1, "PJSIP/carrier-00000001", "from-trunk", "447700900456")
    pbx.say(0.11, "DialBegin", **pbx.of(0), **pbx.of(1, "Dest"), DialString="447700900456@carrier")
    if cause:
        pbx.ask(3, 1, cause, tech)
    made = told(pbx.dial_end(3.001, 1, 0, status).gone(3.002, 1, cause=cause).gone(3.003, 0))
    assert outcome(made) == ("outbound", "direct", "missed", reason, "system")
    assert events(made) == "initiated customer_missed ended completed"


def test_outbound_when_the_second_carrier_reaches_the_customer() -> None:
    """The first has no line free; the dialplan tries the next. The customer was reached."""
    pbx = Pbx().new(0, 0, "PJSIP/101-00000000", "from-internal", "447700900456", "Ring", "101")
    for number, at in ((1, 0.1), (2, 1.1)):
        pbx.new(at, number, f"PJSIP/carrier{number}-{number:08x}", "from-trunk", "447700900456")
        dial = {**pbx.of(0), **pbx.of(number, "Dest")}
        pbx.say(at + 0.01, "DialBegin", **dial, DialString=f"447700900456@carrier{number}")
        if number == 1:
            pbx.ask(1, 1, 34, "503").dial_end(1.001, 1, 0, "CONGESTION").gone(1.002, 1, cause=34)
    pbx.answer(4, 2, 0).join(4.001, "b", 2, 0).ask(9, 2)
    made = told(pbx.leave(9.001, "b", 2, 0).gone(9.002, 2, 0))
    assert outcome(made) == ("outbound", "direct", "answered", None, "callee")
    assert talked(pbx) == 5.0


@pytest.mark.parametrize(
    "name", ["01_inbound_answered_caller_hangs_up", "40_outbound_answered", "50_click_to_call_answered"]
)
def test_call_when_the_reader_logs_in_late(name: str) -> None:
    """Captured calls of which the beginning was not heard, and no list was had: told as far as they were seen."""
    whole = [message + b"\r\n\r\n" for message in stream(name).split(b"\r\n\r\n")]
    expected = project(Reader(DIALPLAN).feed(b"".join(whole), NOW)).call
    for missed in range(2, len(whole) - 4, 3):
        told_of = calls(Reader(DIALPLAN).feed(b"".join(whole[missed:]), NOW))
        for facts in told_of.values():
            call = project(facts).call
            assert call.ended_at is not None
            assert expected.ended_at is not None
            assert abs(call.ended_at - expected.ended_at) <= timedelta(milliseconds=10)
            assert call.source_call_key == expected.source_call_key
            assert (call.talk_time_seconds or 0) <= (expected.talk_time_seconds or 0)
            assert project(facts[::-1]).call == call


def test_outbound_when_the_agent_gives_up() -> None:
    pbx = Pbx().new(0, 0, "PJSIP/101-00000000", "from-internal", "447700900456", "Ring", "101")
    pbx.new(0.1, 1, "PJSIP/carrier-00000001", "from-trunk", "447700900456")
    pbx.say(0.11, "DialBegin", **pbx.of(0), **pbx.of(1, "Dest"), DialString="447700900456@carrier")
    made = told(pbx.ask(4, 0, 127).dial_end(4.001, 1, 0, "CANCEL").gone(4.002, 1, 0, cause=127))
    assert outcome(made) == ("outbound", "direct", "missed", "caller_cancelled", "caller")


def test_call_when_our_originate_says_its_type() -> None:
    pbx = Pbx().new(0, 0, "PJSIP/carrier-00000000", "from-trunk", "s", cid="447700900456")
    pbx.say(0.001, "VarSet", **pbx.of(0), Variable="AFTERCALL_TYPE", Value="dialer")
    pbx.say(0.002, "DialBegin", **pbx.of(0, "Dest"), DialString="447700900456@carrier")
    pbx.state(2, 0, "Up").phone(2.1, 1, "101", 0).answer(4, 1, 0).join(4.001, "b", 1, 0)
    made = told(pbx.ask(6, 0).leave(6.001, "b", 0, 1).gone(6.002, 0, 1))
    assert outcome(made) == ("outbound", "dialer", "answered", None, "callee")
    assert agents(made) == [("101", True, False)]
    assert events(made) == (
        "initiated customer_answered agent_dialed agent_answered connected ended completed"
    )


@pytest.mark.parametrize(
    ("settings", "direction"),
    [
        ({"inbound_contexts": ("ivr-entry",)}, "inbound"),
        ({"numbers": frozenset({"+442079460101"})}, "inbound"),
        ({}, "outbound"),
    ],
)
def test_root_when_the_switch_calls_itself(settings: dict[str, Any], direction: str) -> None:
    """Half 2 of a Local channel is a caller only where a context or number of ours says so; else nobody came in,
    and the call is the one that the switch placed.
    """
    pbx = Pbx().new(0, 0, "Local/442079460101@ivr-entry-00000000;1", "ivr-entry", "442079460101")
    pbx.new(
        0, 1, "Local/442079460101@ivr-entry-00000000;2", "ivr-entry", "442079460101", "Ring", "447700900123"
    )
    pbx.say(0.001, "DialBegin", **pbx.of(0, "Dest"), DialString="442079460101@ivr-entry")
    pbx.phone(0.1, 2, "101", 1).answer(2, 2, 1).join(2.001, "b", 2, 1).ask(5, 2)
    pbx.leave(5.001, "b", 2, 1).gone(5.002, 2, 1, 0)
    plan = msgspec.structs.replace(DIALPLAN, **settings)
    made = project(Reader(plan).feed(pbx.written, NOW))
    assert made.call.direction == direction
    assert (made.call.uuid or "").endswith(".1" if direction == "inbound" else ".0")


def test_root_when_a_later_leg_comes_in_by_an_entry_context() -> None:
    """An agent rings a colleague for the caller: the call stays the caller's."""
    pbx = Pbx().caller().phone(0.01, 1, "101", 0).talk(1, "b", 1)
    pbx.new(3, 2, "PJSIP/101-00000002", "from-internal", "102", "Ring", "101").phone(3.1, 3, "102", 2)
    made = told(pbx.gone(4, 3, 2).ask(6, 0).leave(6.001, "b", 0, 1).gone(6.002, 0, 1))
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert (made.call.from_, made.call.did) == ("447700900123", "442079460101")


def test_click_to_call_when_the_agent_is_called_over_a_local_channel() -> None:
    """The far half rings in from the phones' context; that does not make it a caller."""
    pbx = Pbx().new(0, 0, "Local/101@from-internal-00000000;1", "from-internal", "101", cid="447700900456")
    pbx.new(0, 1, "Local/101@from-internal-00000000;2", "from-internal", "101", "Ring")
    pbx.say(0.001, "DialBegin", **pbx.of(0, "Dest"), DialString="101@from-internal")
    pbx.phone(0.01, 2, "101", 1).answer(2, 2, 1).join(2.001, "near", 2, 1).state(2.002, 0, "Up")
    pbx.new(2.1, 3, "PJSIP/carrier-00000003", "from-trunk", "447700900456")
    pbx.say(2.11, "DialBegin", **pbx.of(0), **pbx.of(3, "Dest"), DialString="447700900456@carrier")
    pbx.answer(4, 3, 0).join(4.001, "far", 3, 0).ask(9, 3)
    made = told(pbx.leave(9.001, "far", 3, 0).leave(9.001, "near", 2, 1).gone(9.002, 3, 0, 1, 2))
    assert outcome(made) == ("outbound", "click_to_call", "answered", None, "callee")
    assert agents(made) == [("101", True, False)]
    assert made.call.to == "447700900456"
    assert talked(pbx) == 5.0
    assert events(made) == "initiated agent_dialed agent_answered customer_answered connected ended completed"


def test_agent_when_a_local_channel_is_optimised_away() -> None:
    """The phone takes the place of the Local channel it was rung through: one conversation, no gap."""
    pbx = Pbx().caller().new(0.01, 1, "Local/101@queue-agent-00000001;1", "queue-agent", "101")
    pbx.new(0.01, 2, "Local/101@queue-agent-00000001;2", "queue-agent", "101", "Ring")
    pbx.say(0.02, "DialBegin", **pbx.of(0), **pbx.of(1, "Dest"), DialString="101@queue-agent")
    pbx.phone(0.03, 3, "101", 2).answer(2, 3, 2).join(2.001, "far", 3, 2).answer(2.002, 1, 0)
    pbx.state(2.003, 0, "Up").join(2.004, "near", 1, 0)
    pbx.leave(2.1, "far", 3).leave(2.1001, "near", 1).join(2.1001, "near", 3).leave(2.1002, "far", 2)
    pbx.gone(2.2, 1, 2).ask(7, 3).leave(7.004, "near", 3, 0)
    made = told(pbx.gone(7.005, 3, 0))
    assert outcome(made) == ("inbound", "direct", "answered", None, "agent")
    assert agents(made) == [("101", True, False)]
    assert talked(pbx) == 5.0


def test_transfer_when_an_outbound_call_is_handed_on() -> None:
    """The customer talks on with a colleague after the agent who called them is gone."""
    pbx = Pbx().new(0, 0, "PJSIP/101-00000000", "from-internal", "447700900456", "Ring", "101")
    pbx.new(0.1, 1, "PJSIP/carrier-00000001", "from-trunk", "447700900456")
    pbx.say(0.11, "DialBegin", **pbx.of(0), **pbx.of(1, "Dest"), DialString="447700900456@carrier")
    pbx.answer(2, 1, 0).join(2.001, "b", 1, 0)
    transfer = {**pbx.of(0, "Transferer"), **pbx.of(1, "Transferee"), "Extension": "102"}
    pbx.say(5.001, "BlindTransfer", Result="Success", **transfer).leave(5.002, "b", 0, 1).gone(5.003, 0)
    pbx.phone(5.01, 2, "102", 1).answer(7, 2, 1).join(7.001, "c", 2, 1)
    made = told(pbx.ask(9.001, 1).leave(9.002, "c", 1, 2).gone(9.003, 1, 2))
    assert outcome(made) == ("outbound", "direct", "answered", None, "callee")
    assert talked(pbx) == 5.0
    assert agents(made) == [("102", True, False)]


def test_queue_when_all_ring_and_one_answers() -> None:
    pbx = Pbx().caller().state(0.01, 0, "Up")
    pbx.say(0.02, "QueueCallerJoin", **pbx.of(0), Queue="support", Position=1)
    for number, name in ((1, "Asha Rao"), (2, "Ben Okafor")):
        pbx.new(0.1, number, f"PJSIP/10{number}-{number:08x}", "from-internal", "s", cid=f"10{number}")
        member = {"Queue": "support", "MemberName": name, "Interface": f"PJSIP/10{number}"}
        pbx.say(0.2, "AgentCalled", **pbx.of(0), **pbx.of(number, "Dest"), **member)
        pbx.say(0.3, "DialBegin", **pbx.of(0), **pbx.of(number, "Dest"))
    pbx.state(4, 2, "Up").dial_end(4.001, 1, 0, "CANCEL").gone(4.002, 1, cause=26).join(4.003, "b", 2, 0)
    made = told(pbx.ask(6, 0).leave(6.003, "b", 0, 2).gone(6.004, 0, 2))
    assert agents(made) == [("101", False, False), ("102", True, False)]
    assert made.call.agent is not None
    assert made.call.agent.name == "Ben Okafor"
    assert (made.call.status, made.call.wait_seconds) == ("answered", 3)


def test_call_when_the_pbx_tells_no_time_and_lives_in_another_zone() -> None:
    """Its CEL and CDR times are local and without zone; the time of reading is used, and flagged."""
    reader, facts = Reader(DIALPLAN), []
    for frame in stream("01_inbound_answered_caller_hangs_up").split(b"\r\n\r\n"):
        stamp = next((line for line in frame.split(b"\r\n") if line.startswith(b"Timestamp: ")), None)
        if stamp is not None:
            at = datetime.fromtimestamp(float(stamp[11:]) // 0.25 * 0.25, UTC)  # read four times a second
            without = frame.replace(stamp + b"\r\n", b"").replace(b"2026-11-20 09", b"2026-11-20 15")
            facts += reader.feed(without + b"\r\n\r\n", at)
    made = project(facts)
    assert outcome(made) == ("inbound", "direct", "answered", None, "caller")
    assert events(made) == ANSWERED
    assert made.call.data_quality == ("clock_received",)
    assert folded(facts).talk.total.total_seconds() == pytest.approx(5, abs=0.25)
    assert project(facts[::-1]) == made


def test_call_when_two_pbxs_use_the_same_ids() -> None:
    named = [Pbx().caller(), Pbx().caller()]
    for pbx, system in zip(named, (b"pbx1", b"pbx2"), strict=True):
        pbx.written = pbx.written.replace(b"\r\n\r\n", b"\r\nSystemName: " + system + b"\r\n\r\n")
    assert list(calls(heard(*named))) == ["pbx1-1795168800.0", "pbx2-1795168800.0"]
