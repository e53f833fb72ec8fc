"""The answers to CoreShowChannels and QueueStatus, picked out of the events that come meanwhile."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from aftercall.domain.fact import Data, Fact, Hangup, Kind, Line
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.gap import CHANNEL, GAP, WAITING, still_there, still_waiting, vanished
from aftercall.sources.asterisk.message import Message, event_of, read

CHANNELS, QUEUES = "aftercall-channels", "aftercall-queues"  # the ActionIDs
COMPLETE = {"CoreShowChannelsComplete": CHANNELS, "QueueStatusComplete": QUEUES}
TOLD = frozenset({"Newchannel", "Hangup"})


class Listing:
    """`open_calls`, with their legs, as of before the connection was made. What is listed, and what is not, is
    dated to when it was asked for.

    A channel that came or went while the list was made is told of by its events, better than by the list.
    """

    def __init__(
        self, open_calls: Mapping[str, frozenset[str]], dialplan: Dialplan, asked_at: datetime
    ) -> None:
        self._open_calls, self._dialplan, self._asked_at = open_calls, dialplan, asked_at
        self._listed: list[Message] = []
        self._waiting: list[Message] = []
        self._told: set[str | None] = set()
        self._missing = {CHANNELS, QUEUES}
        self.denied = False

    def take(self, frames: Iterable[bytes]) -> list[Fact] | None:
        """Look at messages; the facts of both lists when they are complete, else None."""
        for frame in frames:
            event = event_of(frame)
            if event == CHANNEL:
                self._listed.append(read(frame))
            elif event == WAITING:
                self._waiting.append(read(frame))
            elif event in TOLD:
                self._told.add(read(frame).get("Uniqueid"))
            elif event is None:
                self._hear_answer(read(frame))
            else:
                self._missing.discard(COMPLETE.get(event, ""))
            if not self._missing:
                return self._flagged() if self.denied else self._facts()
        return None

    def _hear_answer(self, message: Message) -> None:
        """A list that is refused will not come: without channels nothing is known, a PBX may have no queues."""
        asked = message.get("ActionID")
        if asked in self._missing and message.get("Response") == "Error":
            self._missing.discard(asked)
            self.denied = self.denied or asked == CHANNELS

    def _facts(self) -> list[Fact]:
        there = still_there(self._listed, self._dialplan, self._asked_at)
        over = vanished(self._open_calls, there, self._asked_at)
        gone = self._legs_gone(there)
        there += still_waiting(self._waiting, there, self._open_calls, self._asked_at)
        return [fact for fact in there if fact.leg not in self._told] + gone + over

    def _legs_gone(self, there: list[Fact]) -> list[Fact]:
        """Legs that ended unseen, of calls that go on: who waits for them would never hear of their end."""
        listed = {(fact.call_key, fact.leg) for fact in there}
        alive = {key for key, _ in listed}
        return [
            self._fact(Kind.ENDED, key, leg)
            for key, legs in self._open_calls.items()
            if key in alive
            for leg in sorted(legs)
            if (key, leg) not in listed and leg not in self._told
        ]

    def _flagged(self) -> list[Fact]:
        """Nobody knows which calls are still there: they are flagged; the watchdog ends those that are not."""
        return [self._fact(Kind.NOTED, key, None) for key in self._open_calls]

    def _fact(self, kind: Kind, key: str, leg: str | None) -> Fact:
        at = self._asked_at
        return Fact(
            kind=kind,
            call_key=key,
            occurred_at=at,
            natural_id=f"gap:{leg or ''}:{at.isoformat()}",
            received_at=at,
            leg=leg,
            data=Data(hangup=Hangup(by="unknown") if leg else None, flags=GAP),
            line=Line() if leg else None,
        )
