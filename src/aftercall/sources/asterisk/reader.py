"""One connection's bytes as facts. Its only state is the connection's own: what is not yet a whole message, and
which calls it has heard of.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from aftercall.domain.account import Timing
from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.facts import EVENTS, facts
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.marks import is_wanted
from aftercall.sources.asterisk.message import event_of, read, value_in
from aftercall.sources.asterisk.records import CELS

# Accounting may come minutes after the call (`batch` in cdr.conf), even after a connection was made anew: it adds to
# calls that were heard of, and makes none.
RECORDS = frozenset({"Cdr"})
# The last Hangup and LINKEDID_END come within a millisecond, in any order (C4.3).
timing: Timing = Timing(gate=0.3, quiet=1.5, settle_max=5.0, watchdog=4 * 3600.0)

TICK = timedelta(microseconds=1)
MAX_CALLS = 10_000  # calls remembered as heard of


class Reader:
    """`known`: calls heard of on an earlier connection."""

    def __init__(self, dialplan: Dialplan, known: Iterable[str] = ()) -> None:
        self.dialplan, self.framer = dialplan, Framer()
        self._last: datetime | None = None
        self._calls = dict.fromkeys(known)

    def feed(self, data: bytes, received_at: datetime) -> list[Fact]:
        """The facts of the messages that are complete now, in the order they came."""
        return self.read(self.framer.feed(data), received_at)

    def read(self, frames: Iterable[bytes], received_at: datetime) -> list[Fact]:
        """The facts of messages that were framed already.

        Messages of one read are a microsecond apart, so that a PBX without clock keeps their order.
        """
        found: list[Fact] = []
        for frame in frames:
            event = event_of(frame)
            if not self._is_wanted(event, frame):
                continue
            if self._last is not None and received_at <= self._last:
                received_at = self._last + TICK
            self._last = received_at
            for fact in facts(read(frame), self.dialplan, received_at):
                if fact.call_key in self._calls or event not in RECORDS:
                    self._remember(fact.call_key)
                    found.append(fact)
        return found

    def _is_wanted(self, event: str | None, frame: bytes) -> bool:
        """Most of what a PBX says is variables and accounting that say nothing to us: known by a name, unread."""
        if event == "VarSet":
            return is_wanted(value_in(frame, b"Variable: "), self.dialplan)
        if event == "CEL":
            return value_in(frame, b"EventName: ") in CELS or b"\nUserDefType: " in frame
        return event in EVENTS

    def _remember(self, call_key: str) -> None:
        self._calls[call_key] = None
        if len(self._calls) > MAX_CALLS:
            del self._calls[next(iter(self._calls))]
