"""mod_json_cdr's posts to a source that also listens: read as the events they sum up, with the same natural ids.

So what the connection has told changes nothing, and what it missed is there.
"""

from datetime import datetime
from typing import Any

from aftercall.domain.account import Source
from aftercall.domain.fact import Fact, Kind
from aftercall.engine.taking import word
from aftercall.engine.upstream import Parsed
from aftercall.sources import freeswitch_cdr
from aftercall.sources.freeswitch.bridges import bridge_of
from aftercall.sources.freeswitch.dialplan import Dialplan
from aftercall.sources.freeswitch.event import VARIABLE, Event
from aftercall.sources.freeswitch.facts import facts
from aftercall.sources.freeswitch.legs import Legs
from aftercall.sources.freeswitch.view import View


def parse(source: Source, dialplan: Dialplan, body: bytes, received_at: datetime) -> Parsed:
    """Raises Unreadable when the body is no CDR, Invalid when the CDR names no leg."""
    leg = freeswitch_cdr.posted(source, body)
    if leg.variables.get("loopback_leg"):
        return Parsed(ignored=1)  # half of a channel that only joins two others
    legs, shown = Legs(), _headers(leg)
    found: list[Fact] = []
    for name, at, time in (
        ("CHANNEL_CREATE", leg.started, "Caller-Channel-Created-Time"),
        ("CHANNEL_ANSWER", leg.answered, "Caller-Channel-Answered-Time"),
    ):
        if at is not None:
            found += facts(_event(shown, name, at, time), source, dialplan, legs, received_at)
    partner = leg.text("bridge_uuid")
    if leg.bridged is not None and partner is not None:
        view = View(_event(shown, "CHANNEL_BRIDGE", leg.bridged), source, dialplan, legs, received_at)
        # This leg's end of the bridge only: the other end is told by its own record (log-b-leg).
        found.append(view.leg_fact(Kind.CONNECTED, bridge=bridge_of(leg.uuid, partner)))
    if leg.ended is not None:
        shown["Caller-Destination-Number"] = word(leg.newest.get("destination_number"))
        ended = _event(shown, "CHANNEL_HANGUP_COMPLETE", leg.ended, "Caller-Channel-Hangup-Time")
        found += facts(ended, source, dialplan, legs, received_at)
    return Parsed(tuple(found))


def _event(shown: dict[str, Any], name: str, at: datetime, time: str = "Event-Date-Timestamp") -> Event:
    stamp = str(int(at.timestamp()) * 10**6 + at.microsecond)
    return Event({**shown, "Event-Name": name, "Event-Date-Timestamp": stamp, time: stamp})


def _headers(leg: freeswitch_cdr.Leg) -> dict[str, Any]:
    """What an event would show of the leg, as its first profile and its variables have it."""
    profile = leg.oldest
    shown = {
        "Core-UUID": word(leg.cdr.get("core-uuid")),
        "Unique-ID": leg.uuid,
        "Call-Direction": leg.text("direction"),
        "Channel-Name": word(profile.get("chan_name")) or leg.text("channel_name"),
        "Channel-Call-UUID": leg.call_key,
        "Caller-Context": word(profile.get("context")),
        "Caller-Caller-ID-Number": word(profile.get("caller_id_number")),
        "Caller-Caller-ID-Name": word(profile.get("caller_id_name")),
        "Caller-Destination-Number": word(profile.get("destination_number")),
        "Hangup-Cause": leg.text("hangup_cause"),
        **{VARIABLE + name: value for name, value in leg.variables.items()},
    }
    if leg.originator is not None:
        shown |= {"Other-Type": "originator", "Other-Leg-Unique-ID": leg.originator}
    return shown
