"""What each AMI event says about a leg or a call: the table of sources.md B1.2, one small function a row."""

import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from aftercall.domain.errors import Problem
from aftercall.domain.fact import Data, Fact, Hangup, Kind, Named, Reason, alias
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.marks import MARKS, shown
from aftercall.sources.asterisk.message import Message, count
from aftercall.sources.asterisk.records import cdr, cel
from aftercall.sources.asterisk.transfers import attended, blind, pickup
from aftercall.sources.asterisk.view import View

HOLDING = "holding_bridge"
ELSEWHERE = 26  # the cause of a leg whose call another one answered
# 447700900456@carrier, carrier/447700900456, carrier/sip:447700900456@192.0.2.1
_DIALLED = re.compile(r"(?:.*[/:])?(\+?\d+)(?:@.*)?", re.ASCII | re.DOTALL)
# DialStatus other than ANSWER. A cancelled dial is none yet: see fold/switch.py.
FAILED: dict[str, Reason] = {
    "NOANSWER": "no_answer", "BUSY": "busy", "CANCEL": "caller_cancelled", "CHANUNAVAIL": "unavailable",
    "CONGESTION": "congestion", "ABORT": "failed", "DONTCALL": "blocked", "TORTURE": "blocked",
}  # fmt: skip


def facts(message: Message, dialplan: Dialplan, received_at: datetime) -> list[Fact]:
    """The facts of one message; none for what says nothing about a call."""
    read = EVENTS.get(message.event or "")
    if read is None:
        return []
    view = View(message, dialplan, received_at)
    try:
        return read(view) + (shown(view) if message.event in SHOWING else [])
    except Problem:
        return []


def _new(view: View) -> list[Fact]:
    """A channel. One that rings in (Ring) was placed by somebody; one that is Down is being dialled."""
    line = view.line()
    channel, extension = view.get("Channel"), view.get("Exten")
    entry = view.dialplan.entry(view.get("Context"), channel, extension)
    rings_in = view.get("ChannelStateDesc") == "Ring"
    if line.half is not None:
        enters = view.dialplan.is_from_outside(view.get("Context"), extension)
        rings_in = rings_in and line.half == 2 and enters
    if not rings_in:
        return view.leg_fact(Kind.NOTED, Data(from_=view.get("CallerIDNum")))
    leg = view.get("Uniqueid")
    caller, name = view.get("CallerIDNum"), view.get("CallerIDName")
    agent = view.dialplan.agent_of(channel, name)
    if entry == "outbound":
        data = Data(direction="outbound", from_=caller, to=extension, from_name=name, uuid=leg, agent=agent)
        return _named_at_the_pbx(view, view.leg_fact(Kind.INITIATED, data))
    internal = entry == "internal"
    data = Data(
        direction="inbound",
        call_type="internal" if internal else None,
        from_=caller,
        to=extension,
        did=None if internal else extension,
        from_name=name,
        uuid=leg,
        agent=agent,
    )
    return _named_at_the_pbx(view, view.leg_fact(Kind.RECEIVED, data))


def _named_at_the_pbx(view: View, facts: list[Fact]) -> list[Fact]:
    """Another source may tell of the same PBX (H16); a linkedid is one call's only with the PBX's name."""
    if view.get("SystemName") is None or not view.line().first:
        return facts
    return [msgspec.structs.replace(fact, aliases=alias("asterisk", fact.call_key)) for fact in facts]


def _named(view: View) -> list[Fact]:
    number = view.get("CallerIDNum")
    if number is None:
        return []
    return view.leg_fact(Kind.NOTED, Data(from_=number, from_name=view.get("CallerIDName")))


def _state(view: View) -> list[Fact]:
    state = view.get("ChannelStateDesc")
    if state == "Ringing":
        return view.leg_fact(Kind.RINGING)
    if state == "Up":
        return view.leg_fact(Kind.ANSWERED)
    return []


def _dial_begun(view: View) -> list[Fact]:
    """Without a caller's channel the PBX itself places the call (Originate): the customer's number is what
    the first leg is shown, unless that is an agent's. Else it is what is dialled, whichever field has it.
    """
    caller, shown = view.get("Uniqueid"), view.get("DestCallerIDNum")
    if caller is None:
        number = None if view.dialplan.is_agent(shown) else shown
    else:
        dialled = _DIALLED.fullmatch(view.get("DialString") or "")
        extension = view.get("Exten") or ""
        number = dialled[1] if dialled else extension if extension.lstrip("+").isdecimal() else shown
    data = Data(to=number, caller_id=view.get("CallerIDNum"))
    return view.leg_fact(Kind.AGENT_DIALED, data, "Dest", dialed_by=caller or "")


def _dial_ended(view: View) -> list[Fact]:
    status = (view.get("DialStatus") or "").upper()
    if status == "ANSWER":
        return view.leg_fact(Kind.ANSWERED, None, "Dest")
    if view.get("Forward") is not None:  # the phone sent the caller on: it has missed nothing
        return view.leg_fact(Kind.AGENT_MISSED, Data(hangup=Hangup(cause_code=ELSEWHERE)), "Dest")
    reason = FAILED.get(status)
    return view.leg_fact(Kind.AGENT_MISSED, Data(reason=reason), "Dest") if reason else []


def _member_called(view: View) -> list[Fact]:
    data = _member(view)
    return view.leg_fact(Kind.AGENT_DIALED, data, "Dest", dialed_by=view.get("Uniqueid") or "")


def _member_missed(view: View) -> list[Fact]:
    """RingTime is in milliseconds here, in seconds in AgentConnect."""
    rang = count(view.get("RingTime"))
    data = _member(view, reason="no_answer", ring=None if rang is None else rang // 1000)
    return view.leg_fact(Kind.AGENT_MISSED, data, "Dest")


def _member_connected(view: View) -> list[Fact]:
    return view.leg_fact(Kind.AGENT_ANSWERED, _member(view, ring=count(view.get("RingTime"))), "Dest")


def _member(view: View, reason: Reason | None = None, ring: int | None = None) -> Data:
    """The queue's member, whoever's phone is dialled for them: Interface is theirs, MemberName who they are."""
    name, interface = view.get("MemberName"), view.get("Interface")
    agent = view.dialplan.agent_of(interface)
    if agent is None:
        extension = (interface or "").partition("/")[2].partition("@")[0]
        agent = view.dialplan.agent(extension or name or "")
    queue = view.get("Queue")
    return Data(
        agent=view.dialplan.agent(agent.id or "", name),
        queue=Named(id=queue, name=queue) if queue else None,
        reason=reason,
        ring_time_seconds=ring,
    )


def _member_done(view: View) -> list[Fact]:
    """Who ended the conversation, as the queue saw it; the phone's own HangupRequest comes first."""
    if view.get("Reason") == "caller":
        return view.leg_fact(Kind.NOTED, Data(hangup=Hangup()))
    return view.leg_fact(Kind.NOTED, Data(hangup=Hangup()), "Dest") if view.get("Reason") == "agent" else []


def _joined(view: View) -> list[Fact]:
    queue = view.get("Queue")
    position = count(view.get("Position"))
    data = Data(queue=Named(id=queue, name=queue), position=position)
    return view.fact(Kind.DEPARTMENT_ENTERED, data, leg=view.get("Uniqueid"))


def _entered(view: View) -> list[Fact]:
    bridge = view.get("BridgeUniqueid")
    holding = view.get("BridgeTechnology") == HOLDING
    return view.leg_fact(Kind.CONNECTED, bridge=bridge, holding=holding) if bridge else []


def _left(view: View) -> list[Fact]:
    bridge = view.get("BridgeUniqueid")
    return view.leg_fact(Kind.DISCONNECTED, bridge=bridge) if bridge else []


def _digit(view: View) -> list[Fact]:
    digit = view.get("Digit")
    if digit is None or view.get("Direction") != "Received":
        return []
    return view.leg_fact(Kind.DTMF, Data(digit=digit, ivr=view.dialplan.menu(view.get("Context"))))


def _held(view: View) -> list[Fact]:
    return view.leg_fact(Kind.HELD)


def _resumed(view: View) -> list[Fact]:
    return view.leg_fact(Kind.RESUMED)


def _asked(view: View) -> list[Fact]:
    return view.leg_fact(Kind.NOTED, Data(hangup=_hangup(view)))


def _hung_up(view: View) -> list[Fact]:
    return view.leg_fact(Kind.ENDED, Data(hangup=_hangup(view)))


def _hangup(view: View) -> Hangup:
    code, tech = count(view.get("Cause")), count(view.get("TechCause"))
    return Hangup(cause=view.get("Cause-txt"), cause_code=code, sip_code=tech)


SHOWING = frozenset(
    {"Newstate", "BridgeEnter", "Hangup"}
)  # read for variables, too: enough to have each in time
EVENTS: dict[str, Callable[[View], list[Fact]]] = {
    "Newchannel": _new,
    "NewCallerid": _named,
    "Newstate": _state,
    "DialBegin": _dial_begun,
    "DialEnd": _dial_ended,
    "AgentCalled": _member_called,
    "AgentRingNoAnswer": _member_missed,
    "AgentConnect": _member_connected,
    "AgentComplete": _member_done,
    "QueueCallerJoin": _joined,
    "BridgeEnter": _entered,
    "BridgeLeave": _left,
    "DTMFEnd": _digit,
    "Hold": _held,
    "Unhold": _resumed,
    "HangupRequest": _asked,
    "Hangup": _hung_up,
    "BlindTransfer": blind,
    "AttendedTransfer": attended,
    "Pickup": pickup,
    "CEL": cel,
    "Cdr": cdr,
    **MARKS,
}
