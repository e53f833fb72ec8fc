# Calls that were not captured, WRITTEN FROM THE RULES: what a PBX should say, not what one was heard to say.

import random
from datetime import UTC, datetime
from typing import Any

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
