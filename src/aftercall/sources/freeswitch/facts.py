"""What each event says about a leg or a call: the table of docs/sources/freeswitch.md, one small function a row."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Problem
from aftercall.domain.fact import CallType, Data, Fact, Hangup, Kind, Line, Named, Recording, Voicemail
from aftercall.engine.taking import seconds
from aftercall.sources import freeswitch_cdr
from aftercall.sources.freeswitch import bridges, queues
from aftercall.sources.freeswitch.dialplan import Dialplan, is_loopback
from aftercall.sources.freeswitch.event import Event
from aftercall.sources.freeswitch.legs import Legs, originator
from aftercall.sources.freeswitch.view import TICK, View
from aftercall.sources.numbering import CALL_TYPES
from aftercall.sources.taking import custom, keys, own

TRANSFERRED = frozenset({"BLIND_TRANSFER", "ATTENDED_TRANSFER"})
CANCELLED = "ORIGINATOR_CANCEL"


def facts(event: Event, source: Source, dialplan: Dialplan, legs: Legs, received_at: datetime) -> list[Fact]:
    """The facts of one event; none for what says nothing about a call."""
    read = EVENTS.get(event.name)
    if read is None:
        return []
    try:
        return read(View(event, source, dialplan, legs, received_at))
    except Problem:
        return []


def _created(view: View) -> list[Fact]:
    """A leg: dialled for another one, placed by the switch itself (originate), or come in."""
    event = view.event
    shown = event.get("Caller-Caller-ID-Number")
    by = originator(event)
    if by is not None:
        data = Data(to=event.get("Caller-Destination-Number"), caller_id=shown, queue=queues.queue_of(event))
        return [_dialed(view, data, by)]
    if is_loopback(event.get("Channel-Name")) and view.line().half == 2:
        return _halves(view)
    if event.get("Call-Direction") == "outbound":
        number = None if view.dialplan.is_agent(shown) else shown
        return [_dialed(view, Data(to=number, call_type=_call_type(event)), "")]
    return [_came_in(view, shown)]


def _dialed(view: View, data: Data, by: str) -> Fact:
    return view.leg_fact(Kind.AGENT_DIALED, data, at=_began(view), once=True, dialed_by=by)


def _came_in(view: View, shown: str | None) -> Fact:
    event, entry = view.event, view.dialplan.entry(view.event)
    to = event.get("Caller-Destination-Number")
    hidden = event.get("Caller-Privacy-Hide-Number") == "true"
    name = event.get("Caller-Caller-ID-Name")
    data = Data(
        direction="outbound" if entry == "outbound" else "inbound",
        call_type="internal" if entry == "internal" else _call_type(event),
        from_=None if hidden else shown,
        from_presentation="anonymous" if hidden else None,
        from_name=name if name != shown and not hidden else None,
        to=to,
        did=to if entry == "inbound" else None,
        uuid=view.uuid,
    )
    kind = Kind.INITIATED if entry == "outbound" else Kind.RECEIVED
    return view.leg_fact(kind, data, at=_began(view), once=True)


def _halves(view: View) -> list[Fact]:
    """The far half of a loopback channel, at last, says which one the near half is."""
    line = view.line()
    other = view.event.variable("other_loopback_leg_uuid")
    if other is None:
        return []
    near = Line(pair=line.pair, half=1)
    return [
        view.fact(Kind.NOTED, Data(), leg=view.uuid, line=line, at=_began(view)),
        view.fact(Kind.NOTED, Data(), leg=other, line=near, at=_began(view)),
    ]


def _call_type(event: Event) -> CallType | None:
    """What a program that places calls says they are: `originate {aftercall_type=dialer}...`"""
    return CALL_TYPES.get((event.variable("aftercall_type") or "").casefold())


def _began(view: View) -> datetime | None:
    return view.event.at("Caller-Channel-Created-Time")


def _rings(view: View) -> list[Fact]:
    return [view.leg_fact(Kind.RINGING)]


def _answered(view: View) -> list[Fact]:
    at = view.event.at("Caller-Channel-Answered-Time")
    return [view.leg_fact(Kind.ANSWERED, at=at, once=True)]


def _held(view: View) -> list[Fact]:
    return [view.leg_fact(Kind.HELD)]


def _resumed(view: View) -> list[Fact]:
    return [view.leg_fact(Kind.RESUMED)]


def _digit(view: View) -> list[Fact]:
    return [view.leg_fact(Kind.DTMF, Data(digit=key)) for key in keys(view.event.get("DTMF-Digit"))[:1]]


def _menu(view: View) -> list[Fact]:
    name = view.event.get("Menu-Name")
    return [view.leg_fact(Kind.IVR_ANSWERED, Data(ivr=Named(id=name, name=name)))]


def _recording(view: View) -> list[Fact]:
    path = view.event.get("Record-File-Path")
    if path is None:
        return []
    recording = Recording(id=path, status="pending")
    return [view.fact(Kind.RECORDING_STARTED, Data(recording=recording))]


def _recorded(view: View) -> list[Fact]:
    event = view.event
    path = event.get("Record-File-Path")
    if path is None:
        return []
    lasted = seconds(event.variable("record_seconds"))
    recording = freeswitch_cdr.recording(view.source, path, lasted)
    return [view.fact(Kind.RECORDING_READY, Data(recording=recording))]


def _message(view: View) -> list[Fact]:
    """A voicemail message is there. The event names the message after the leg that left it."""
    event = view.event
    if event.get("VM-Action") != "leave-message" or view.uuid not in view.legs:
        return []
    said = Voicemail(box=event.get("VM-User"), seconds=seconds(event.get("VM-Message-Len")))
    return [_left(view, said, event.at() or view.received_at)]


def _left(view: View, said: Voicemail, at: datetime) -> Fact:
    """By its leg, because the leg's end tells of it again."""
    return view.fact(Kind.VOICEMAIL_LEFT, Data(voicemail=said), at=at, once=True)


def _executed(view: View) -> list[Fact]:
    """Only with `all_events`: other times voicemail is told of when it is over."""
    if view.event.get("Application") != "voicemail":
        return []
    words = (view.event.get("Application-Data") or "").split()
    box = words[-1] if words and words[0] != "check" else None
    return [view.leg_fact(Kind.VOICEMAIL_STARTED, Data(voicemail=Voicemail(box=box)))]


def _gone(view: View) -> list[Fact]:
    """The leg's end, with all that its variables sum up; they are those of mod_json_cdr."""
    event = view.event
    variables = event.variables() | {"uuid": view.uuid}
    profile = {"destination_number": event.get("Caller-Destination-Number")}
    leg = freeswitch_cdr.Leg(view.source, {"callflow": [{"caller_profile": profile}]}, variables)
    at = event.at("Caller-Channel-Hangup-Time") or view.received_at
    cause = event.get("Hangup-Cause") or event.variable("hangup_cause")
    hangup = msgspec.structs.replace(leg.hangup(talked=False), cause=cause, by=None)
    data = Data(hangup=hangup) if cause in TRANSFERRED else _sum(leg, hangup)
    facts = [*_asked(view, leg, hangup, at), *_aside(view, leg, at)]
    view.legs.gone(view.uuid)
    return [*facts, view.leg_fact(Kind.ENDED, data, at=at, once=True)]


def _sum(leg: freeswitch_cdr.Leg, hangup: Hangup) -> Data:
    return msgspec.structs.replace(leg.end(talked=False), hangup=hangup)


def _asked(view: View, leg: freeswitch_cdr.Leg, hangup: Hangup, at: datetime) -> list[Fact]:
    """Whose phone hung up, told before the end. A leg that mod_callcenter cancelled may have lost to another."""
    at -= TICK
    if hangup.cause == CANCELLED and view.event.variable("cc_side") == "agent":
        return [view.leg_fact(Kind.AGENT_MISSED, Data(reason="caller_cancelled"), at=at, once=True)]
    received = (leg.text("sip_hangup_disposition") or "").startswith("recv_")
    if not received or hangup.cause in TRANSFERRED:
        return []
    return [view.leg_fact(Kind.NOTED, Data(hangup=hangup), at=at, once=True)]


def _aside(view: View, leg: freeswitch_cdr.Leg, at: datetime) -> list[Fact]:
    """Of the call: voicemail, recordings, custom fields."""
    facts: list[Fact] = []
    if view.uuid == view.leg.key:
        for kind, said in leg.voicemail():
            if kind is Kind.VOICEMAIL_LEFT:
                facts.append(_left(view, said, at - TICK))
            else:
                facts.append(view.leg_fact(kind, Data(voicemail=said), at=at - TICK))
        if (label := leg.disposition()) is not None:
            facts.append(view.fact(Kind.DISPOSITION_UPDATED, label, at=at, once=True))
    if (recording := leg.recorded()) is not None:
        facts.append(view.fact(Kind.RECORDING_READY, Data(recording=recording), at=at, once=True))
    fields = own((name, value) for name, value in leg.variables.items() if type(value) is str)
    if (made := custom(view.source, fields)) is not None:
        facts.append(view.fact(Kind.NOTED, Data(custom_fields=made), at=at, once=True, what=":fields"))
    return facts


EVENTS: dict[str, Callable[[View], list[Fact]]] = {
    "CHANNEL_CREATE": _created,
    "CHANNEL_PROGRESS": _rings,
    "CHANNEL_PROGRESS_MEDIA": _rings,
    "CHANNEL_ANSWER": _answered,
    "CHANNEL_BRIDGE": bridges.bridged,
    "CHANNEL_UNBRIDGE": bridges.unbridged,
    "CHANNEL_HOLD": _held,
    "CHANNEL_UNHOLD": _resumed,
    "CHANNEL_EXECUTE": _executed,
    "CHANNEL_HANGUP_COMPLETE": _gone,
    "DTMF": _digit,
    "RECORD_START": _recording,
    "RECORD_STOP": _recorded,
    "menu::enter": _menu,
    "callcenter::info": queues.told,
    "vm::maintenance": _message,
}
