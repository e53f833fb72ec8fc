"""The switchboard of a call: the legs a switch (a PBX) has told of, and the bridges they are in. State only."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from aftercall.domain.fact import Agent, By, Data, Fact, Hangup, Line

Side = Literal["customer", "agent"]


class Leg(msgspec.Struct, omit_defaults=True):
    """One leg. `attempt` is the key of the agent's leg it belongs to: its own, or the one it was dialled for."""

    key: str
    pair: str | None = None
    half: Literal[1, 2] | None = None
    first: bool = False
    agent: Agent | None = None
    from_: str | None = None
    dialed_by: str | None = None
    attempt: str | None = None
    side: Side | None = None
    rang: bool = False
    up: bool = False
    settled: bool = False  # answered or missed has been told
    answers_before: int = 0  # of other agents' legs, when this one was dialled
    cancelled_at: datetime | None = None
    voicemail: bool = False
    message: bool = False  # left one there
    hangup: Hangup | None = None
    bridge: str | None = None
    gone: bool = False
    arrived: bool = False  # by a transfer, from another call


class Board(msgspec.Struct, omit_defaults=True):
    legs: dict[str, Leg] = {}
    holding: dict[str, bool] = {}  # bridges in which nobody hears anybody
    root: str | None = None  # the leg the call began with, or is about
    originated: bool = False  # the switch placed the first leg itself
    talking: dict[str, bool] = {}  # agents' legs in conversation with a customer
    spoke: dict[str, bool] = {}  # those of the conversation that is on, or was the last
    answers: int = 0  # by agents
    by: By | None = None  # who asked to hang up, as it stands
    left: bool = False  # the root asked
    end: Data | None = None  # what the root's end says of the call
    transferred_at: dict[str, datetime] = {}  # by kind of transfer, the last one

    @property
    def over(self) -> bool:
        """Whether all legs are gone; connections of the switch to itself count only where there are no others."""
        legs = [leg for leg in self.legs.values() if leg.pair is None] or list(self.legs.values())
        return bool(legs) and all(leg.gone for leg in legs)

    def meet(self, fact: Fact, line: Line) -> Leg:
        """The leg a fact is about; what the fact says of it is added to what is known."""
        key = fact.leg or ""
        leg = self.legs.get(key)
        if leg is None:
            leg = self.legs[key] = Leg(key)
        leg.pair, leg.half = leg.pair or line.pair, leg.half or line.half
        leg.first = leg.first or line.first
        if line.bridge is not None and line.holding:
            self.holding[line.bridge] = True
        return leg

    def other_half(self, leg: Leg) -> Leg | None:
        if leg.pair is None:
            return None
        return next((o for o in self.legs.values() if o.pair == leg.pair and o.half != leg.half), None)

    def side_of(self, leg: Leg) -> Side | None:
        """Whose leg it is; a connection the switch makes to itself is that of whoever dialled it."""
        seen = 0
        at: Leg | None = leg
        while at is not None and at.side is None and seen < len(self.legs):
            before = self.other_half(at) if at.half == 2 else at
            at = self.legs.get(before.dialed_by or "") if before is not None else None
            seen += 1
        return at.side if at is not None else None

    def company(self, leg: Leg) -> Iterator[Leg]:
        """Who hears the leg: all in its bridge, and in those that connections of the switch to itself join."""
        open_, seen = [leg.bridge], dict.fromkeys(self.holding, True)
        while open_:
            bridge = open_.pop()
            if bridge is None or bridge in seen:
                continue
            seen[bridge] = True
            for other in self.legs.values():
                if other.bridge == bridge:
                    yield other
                    half = self.other_half(other)
                    if half is not None:
                        open_.append(half.bridge)
