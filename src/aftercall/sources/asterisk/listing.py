"""The answers to CoreShowChannels and QueueStatus, picked out of the events that come meanwhile."""

from collections.abc import Iterable
from datetime import datetime

from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.gap import CHANNEL, WAITING, OpenCalls, caught_up
from aftercall.sources.asterisk.message import Message, event_of, read
from aftercall.sources.asterisk.restart import booted_at
from aftercall.sources.gap import flagged

CHANNELS, QUEUES = "aftercall-channels", "aftercall-queues"  # the ActionIDs
COMPLETE = {"CoreShowChannelsComplete": CHANNELS, "QueueStatusComplete": QUEUES}
BOOTED = "FullyBooted"  # told after each login
TOLD = frozenset({"Newchannel", "Hangup"})


class Listing:
    """`open_calls`, with their legs, as of before the connection was made. What is listed, and what is not, is
    dated to when it was asked for.

    A channel that came or went while the list was made is told of by its events, better than by the list.
    """

    def __init__(self, open_calls: OpenCalls, dialplan: Dialplan, asked_at: datetime) -> None:
        self._open_calls, self._dialplan, self._asked_at = open_calls, dialplan, asked_at
        self._listed: list[Message] = []
        self._waiting: list[Message] = []
        self._told: set[str | None] = set()
        self._missing = {CHANNELS, QUEUES}
        self._booted_at: datetime | None = None
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
            elif event == BOOTED:
                self._booted_at = booted_at(read(frame), self._asked_at)
            elif event is None:
                self._hear_answer(read(frame))
            else:
                self._missing.discard(COMPLETE.get(event, ""))
            if not self._missing:
                return self._facts()
        return None

    def _facts(self) -> list[Fact]:
        if self.denied:
            return flagged(self._open_calls, self._asked_at)
        there = (self._listed, self._waiting, self._told, self._dialplan, self._asked_at)
        return caught_up(self._open_calls, *there, booted=self._booted_at)

    def _hear_answer(self, message: Message) -> None:
        """A list that is refused will not come: without channels nothing is known, a PBX may have no queues."""
        asked = message.get("ActionID")
        if asked in self._missing and message.get("Response") == "Error":
            self._missing.discard(asked)
            self.denied = self.denied or asked == CHANNELS
