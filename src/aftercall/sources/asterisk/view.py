"""A message seen as news of one leg: who it is about, when, and how to say so as a fact."""

from datetime import datetime
from typing import Any

import msgspec

from aftercall.domain.fact import Data, Fact, Kind, Line
from aftercall.engine.taking import MAX_KEY
from aftercall.sources.asterisk.dialplan import Dialplan, line_of, split
from aftercall.sources.asterisk.message import Message

# Channels that are nobody's phone: announcements and recorders of conferences, bridges joined to bridges.
INNER = frozenset({"Announcer", "Bridge", "CBAnn", "CBRec", "Message", "Recorder", "Surrogate"})
CLOCK = "clock_received"  # the PBX tells no time: `timestampevents` is off


class View:
    """One message, with the dialplan it is read by. Raises nothing: what is not there is None."""

    def __init__(self, message: Message, dialplan: Dialplan, received_at: datetime) -> None:
        self.message, self.dialplan, self.received_at = message, dialplan, received_at
        said = message.at()
        self.at, self.local = said or received_at, said is None

    def get(self, name: str) -> str | None:
        return self.message.get(name)

    def call_key(self, prefix: str = "") -> str | None:
        """The key of the call a channel belongs to: its linkedid, with the PBX's name if it lacks it (H14)."""
        linked, system = self.get(f"{prefix}Linkedid"), self.get("SystemName")
        if linked is None or len(linked) > MAX_KEY:
            return None
        return linked if system is None or linked.startswith(f"{system}-") else f"{system}-{linked}"[:MAX_KEY]

    def line(self, prefix: str = "", **more: Any) -> Line:
        first = self.get(f"{prefix}Uniqueid") == self.get(f"{prefix}Linkedid")
        line = line_of(self.get(f"{prefix}Channel"), first=first)
        return msgspec.structs.replace(line, **more) if more else line

    def leg_fact(self, kind: Kind, data: Data | None = None, prefix: str = "", **line: Any) -> list[Fact]:
        """A fact about the leg that the fields with this prefix show; none if they show none."""
        leg = self.get(f"{prefix}Uniqueid")
        channel = self.get(f"{prefix}Channel")
        if leg is None or len(leg) > MAX_KEY or split(channel)[0] in INNER:
            return []
        data = data or Data()
        if data.agent is None:
            name = self.get(f"{prefix}CallerIDName")
            agent = self.dialplan.agent_of(channel)
            if agent is not None and agent.number == self.get(f"{prefix}CallerIDNum"):
                agent = msgspec.structs.replace(agent, name=name)
            data = msgspec.structs.replace(data, agent=agent)
        return self.fact(kind, data, prefix, leg=leg, line=self.line(prefix, **line))

    def fact(
        self, kind: Kind, data: Data, prefix: str = "", *, leg: str | None = None, line: Line | None = None
    ) -> list[Fact]:
        key = self.call_key(prefix)
        if key is None:
            return []
        if self.local:
            data = msgspec.structs.replace(data, flags=(*data.flags, CLOCK))
        stamp = self.get("Timestamp") or self.received_at.isoformat()
        parts = (self.get("Event"), self.get("EventName"), leg or "", self.get("Variable"), stamp, kind.name)
        natural_id = ":".join(part for part in parts if part is not None)
        return [
            Fact(
                kind=kind,
                call_key=key,
                occurred_at=self.at,
                natural_id=natural_id[:MAX_KEY],
                received_at=self.received_at,
                leg=leg,
                data=data,
                line=line,
            )
        ]
