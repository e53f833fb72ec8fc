"""An event seen as news of one leg: who it is about, when, and how to say so as a fact."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Unreadable
from aftercall.domain.fact import Data, Fact, Kind, Line
from aftercall.engine.taking import MAX_KEY
from aftercall.sources.freeswitch.dialplan import Dialplan, is_loopback
from aftercall.sources.freeswitch.event import Event
from aftercall.sources.freeswitch.legs import Leg, Legs
from aftercall.sources.taking import named

TICK = timedelta(microseconds=1)


class View:
    """One event, with what it is read by. Raises Unreadable if it is about no leg."""

    def __init__(
        self, event: Event, source: Source, dialplan: Dialplan, legs: Legs, received_at: datetime
    ) -> None:
        self.event, self.source, self.dialplan, self.legs = event, source, dialplan, legs
        self.received_at = received_at
        self.uuid = self._leg()
        self.leg = legs.of(self.uuid, event)
        if self.leg.agent is None:
            self.leg.agent = dialplan.agent_of(event)

    def _leg(self) -> str:
        found = self.event.get("Unique-ID", "CC-Member-Session-UUID", "VM-UUID")
        if found is None or len(found) > MAX_KEY:
            raise Unreadable("The event is about no leg.")
        return found

    def line(self, **more: Any) -> Line:
        """How this leg hangs together with others. The halves of a loopback channel know each other."""
        line = Line(first=self.uuid == self.leg.key, **more)
        name = self.event.get("Channel-Name")
        if not is_loopback(name):
            return line
        other = self.event.variable("other_loopback_leg_uuid")
        pair = None if other is None else min(self.uuid, other)
        return msgspec.structs.replace(line, pair=pair, half=2 if (name or "").endswith("-b") else 1)

    def of(self, uuid: str) -> Leg:
        """This event's leg, or one it mentions."""
        return self.leg if uuid == self.uuid else self.legs.other(uuid, self.leg)

    def about(self, kind: Kind, uuid: str, data: Data | None = None, *, bridge: str | None = None) -> Fact:
        """A fact about one of the legs that the event mentions."""
        leg = self.of(uuid)
        line = self.line() if uuid == self.uuid else Line(first=uuid == leg.key)
        line = msgspec.structs.replace(line, bridge=bridge)
        return self.fact(kind, data or Data(agent=leg.agent), line=line, leg=uuid, key=leg.key)

    def leg_fact(
        self,
        kind: Kind,
        data: Data | None = None,
        *,
        at: datetime | None = None,
        once: bool = False,
        **line: Any,
    ) -> Fact:
        """A fact about the leg alone. `once`: what can be said of a leg only once, whoever says it."""
        data = data or Data()
        if data.agent is None:
            data = msgspec.structs.replace(data, agent=self.leg.agent)
        return self.fact(kind, data, leg=self.uuid, line=self.line(**line), at=at, once=once)

    def fact(
        self,
        kind: Kind,
        data: Data,
        *,
        leg: str | None = None,
        line: Line | None = None,
        key: str | None = None,
        at: datetime | None = None,
        once: bool = False,
        what: str = "",
    ) -> Fact:
        """A fact about the call (of `key`, else this leg's), or with a `line` about one of its legs.

        `what` tells it from others of this kind in the same event.
        """
        event = self.event
        count = "" if once else f":{event.seq or event.get('Event-Date-Timestamp') or ''}"
        return Fact(
            kind=kind,
            call_key=key or self.leg.key,
            occurred_at=at or event.at() or self.received_at,
            natural_id=named(f"{event.core}:{leg or self.uuid}{count}{what}", kind),
            received_at=self.received_at,
            leg=leg,
            seq=event.seq,
            data=data,
            line=line,
        )
