"""Which call each leg belongs to. FreeSWITCH says so at the leg's beginning and forgets it: `Channel-Call-UUID` of
a B leg is its own again when the bridge is over, and a transfer joins two calls without a word.
"""

from collections import deque
from collections.abc import Mapping

import msgspec

from aftercall.domain.fact import Agent
from aftercall.engine.taking import MAX_KEY, integer
from aftercall.sources.freeswitch.event import Event

REMEMBERED = 5_000  # legs that are gone; stragglers still speak of them
MOST = 100_000  # legs altogether


class Leg(msgspec.Struct):
    """What this connection knows of a leg. `born`: when its call began, in microseconds; 0 is before we listened."""

    key: str
    born: int = 0
    agent: Agent | None = None
    transfer: str | None = None  # the last transfer it was told to have gone through
    bridged: bool = False  # it has been


class Legs:
    def __init__(self, open_calls: Mapping[str, frozenset[str]] | None = None) -> None:
        """`open_calls`: the legs, by call, that were known before this connection."""
        self._legs = {leg: Leg(key) for key, legs in (open_calls or {}).items() for leg in legs}
        self._gone: deque[str] = deque()

    def __contains__(self, leg: str) -> bool:
        return leg in self._legs

    def of(self, leg: str, event: Event) -> Leg:
        """The leg that an event is about."""
        known = self._legs.get(leg)
        return known if known is not None else self._meet(leg, _first_of(leg, event, self), event)

    def other(self, leg: str, beside: Leg) -> Leg:
        """A leg that an event mentions beside the one it is about; unknown, it is of the same call."""
        return self._legs.get(leg) or self._keep(leg, Leg(beside.key, beside.born))

    def key_of(self, leg: str) -> str:
        """The call of a leg that may never have been seen."""
        known = self._legs.get(leg)
        return leg if known is None else known.key

    def agent_of(self, leg: str) -> Agent | None:
        known = self._legs.get(leg)
        return None if known is None else known.agent

    def gone(self, leg: str) -> None:
        self._gone.append(leg)
        while len(self._gone) > REMEMBERED:
            self._legs.pop(self._gone.popleft(), None)

    def _meet(self, leg: str, first: str, event: Event) -> Leg:
        root = self._legs.get(first)
        if root is not None:
            return self._keep(leg, Leg(root.key, root.born))
        return self._keep(leg, Leg(first, integer(event.get("Caller-Channel-Created-Time")) or 0))

    def _keep(self, leg: str, made: Leg) -> Leg:
        if len(self._legs) >= MOST:
            self._legs.pop(next(iter(self._legs)))
        self._legs[leg] = made
        return made


def originator(event: Event) -> str | None:
    """The leg for which this one is dialled. mod_callcenter dials its agents by itself and names the caller's."""
    member = event.variable("cc_member_session_uuid") if event.variable("cc_side") == "agent" else None
    if member is not None:
        return member
    if event.get("Other-Type") == "originator":
        return event.get("Other-Leg-Unique-ID")
    return event.variable("originator", "originating_leg_uuid")


def _first_of(leg: str, event: Event, legs: Legs) -> str:
    """A leg, or a call, that this leg's call can be known by."""
    other = event.variable("other_loopback_leg_uuid")
    joined = other if other is not None and other in legs else None
    for found in (originator(event), joined, event.get("Channel-Call-UUID")):
        if found is not None and found != leg and len(found) <= MAX_KEY:
            return found
    return leg


def elder(one: Leg, other: Leg) -> Leg:
    """The leg whose call lives on when two calls become one."""
    return min(one, other, key=lambda leg: (leg.born, leg.key))
