"""The answer to CoreShowChannels, picked out of the events that come meanwhile: what became of calls in a gap."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.gap import CHANNEL, still_there
from aftercall.sources.asterisk.message import Message, event_of, read
from aftercall.sources.asterisk.restart import booted_at, dead
from aftercall.sources.gap import flagged, legs_gone, vanished

ID = "aftercall-channels"
COMPLETE = "CoreShowChannelsComplete"
BOOTED = "FullyBooted"  # told after each login
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
        self._told: set[str | None] = set()
        self._booted_at: datetime | None = None
        self.denied = False

    def take(self, frames: Iterable[bytes]) -> list[Fact] | None:
        """Look at messages; the facts of the list when it is complete, else None."""
        for frame in frames:
            event = event_of(frame)
            if event == CHANNEL:
                self._listed.append(read(frame))
            elif event in TOLD:
                self._told.add(read(frame).get("Uniqueid"))
            elif event == BOOTED:
                self._booted_at = booted_at(read(frame), self._asked_at)
            elif event == COMPLETE:
                return self._facts()
            elif event is None and self._is_denial(read(frame)):
                self.denied = True
                return flagged(self._open_calls, self._asked_at)
        return None

    def _is_denial(self, message: Message) -> bool:
        return message.get("ActionID") == ID and message.get("Response") == "Error"

    def _facts(self) -> list[Fact]:
        there = still_there(self._listed, self._dialplan, self._asked_at)
        unseen = legs_gone(self._open_calls, there, self._told, self._asked_at)
        over = dead(vanished(self._open_calls, there, self._asked_at), self._booted_at)
        return [fact for fact in there if fact.leg not in self._told] + unseen + over
