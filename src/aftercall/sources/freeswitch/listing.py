"""What `show channels` and `show calls` answer: what became of calls while events were missed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from aftercall.domain.fact import Data, Fact, Kind, Line
from aftercall.engine.taking import many, word
from aftercall.sources.freeswitch.bridges import bridge_of
from aftercall.sources.freeswitch.event import Event, read
from aftercall.sources.freeswitch.framing import Frame
from aftercall.sources.freeswitch.reader import Reader
from aftercall.sources.gap import GAP, flagged, legs_gone, vanished

QUESTIONS = ("show channels as json", "show calls as json")
ANSWER = "api/response"
TOLD = frozenset({"CHANNEL_CREATE", "CHANNEL_HANGUP_COMPLETE"})
UP = frozenset({"ACTIVE", "HELD", "UNHELD"})  # call states of a leg that was answered

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Listing:
    """`open_calls`, with their legs, as of before the questions. What is listed, and what is not, is dated to when
    it was asked for. A leg that came or went meanwhile is told of by its events, better than by the list.
    """

    def __init__(self, open_calls: Mapping[str, frozenset[str]], reader: Reader, asked_at: datetime) -> None:
        self._open_calls, self._reader = open_calls, reader
        self.asked_at = asked_at
        self._answers: list[list[dict[str, Any]]] = []
        self._told: set[str | None] = set()
        self.denied = False

    def take(self, frames: Iterable[Frame]) -> list[Fact] | None:
        """Look at frames; the facts of both lists when they are complete, else None."""
        for frame in frames:
            if frame.type == ANSWER:
                rows = _rows(frame.body)
                if rows is None:
                    self.denied = True
                    return flagged(self._open_calls, self.asked_at)
                self._answers.append(rows)
                if len(self._answers) == len(QUESTIONS):
                    return self._facts()
            elif (event := read(frame)) is not None and event.name in TOLD:
                self._told.add(event.get("Unique-ID"))
        return None

    def _facts(self) -> list[Fact]:
        channels, calls = self._answers
        there = [fact for row in channels for fact in self._leg(row)]
        listed = {fact.leg for fact in there}
        there += [fact for row in calls for fact in self._bridge(row, listed)]
        unseen = legs_gone(self._open_calls, there, self._told, self.asked_at)
        over = vanished(self._open_calls, there, self.asked_at)
        return [fact for fact in there if fact.leg not in self._told] + unseen + over

    def _leg(self, row: dict[str, Any]) -> list[Fact]:
        uuid, call, name = word(row.get("uuid")), word(row.get("call_uuid")), word(row.get("name"))
        if uuid is None:
            return []
        shown = {"Channel-Name": name, "Channel-Call-UUID": call, "Caller-Channel-Created-Time": "0"}
        leg = self._reader.legs.of(uuid, Event(shown))
        leg.agent = leg.agent or self._reader.dialplan.agent_of(Event(shown))
        number = word(row.get("cid_num")) if row.get("direction") == "inbound" else None
        found = [self._fact(Kind.NOTED, uuid, Data(from_=number))]
        if word(row.get("callstate")) in UP:
            found.append(self._fact(Kind.ANSWERED, uuid, Data()))
        return found

    def _bridge(self, row: dict[str, Any], listed: set[str | None]) -> list[Fact]:
        a, b = word(row.get("uuid")), word(row.get("b_uuid"))
        if a is None or b is None or not {a, b} <= listed:
            return []
        bridge = bridge_of(a, b)
        return [self._fact(Kind.CONNECTED, uuid, Data(), bridge) for uuid in (a, b)]

    def _fact(self, kind: Kind, uuid: str, data: Data, bridge: str | None = None) -> Fact:
        legs = self._reader.legs
        key = legs.key_of(uuid)
        return Fact(
            kind=kind,
            call_key=key,
            occurred_at=self.asked_at,
            natural_id=f"gap:{uuid}:{self.asked_at.isoformat()}#{kind.value}",
            received_at=self.asked_at,
            leg=uuid,
            data=msgspec.structs.replace(data, agent=legs.agent_of(uuid), flags=GAP),
            line=Line(first=uuid == key, bridge=bridge),
        )


def _rows(body: bytes) -> list[dict[str, Any]] | None:
    """The rows of an answer; None for an error. Without any there is no `rows`."""
    try:
        said = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return [row for row in many(said.get("rows")) if type(row) is dict]
