"""One connection's bytes as facts. Its only state is the connection's own: what is not yet a whole message."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from aftercall.domain.account import Timing
from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.facts import EVENTS, facts
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.message import event_of, read

# The last Hangup and LINKEDID_END come within a millisecond, in any order (C4.3).
timing: Timing = Timing(gate=0.3, quiet=1.5, settle_max=5.0, watchdog=4 * 3600.0)

TICK = timedelta(microseconds=1)


class Reader:
    def __init__(self, dialplan: Dialplan) -> None:
        self.dialplan, self.framer = dialplan, Framer()
        self._last: datetime | None = None

    def feed(self, data: bytes, received_at: datetime) -> list[Fact]:
        """The facts of the messages that are complete now, in the order they came."""
        return self.read(self.framer.feed(data), received_at)

    def read(self, frames: Iterable[bytes], received_at: datetime) -> list[Fact]:
        """The facts of messages that were framed already.

        Messages of one read are a microsecond apart, so that a PBX without clock keeps their order.
        """
        found: list[Fact] = []
        for frame in frames:
            if event_of(frame) not in EVENTS:
                continue
            if self._last is not None and received_at <= self._last:
                received_at = self._last + TICK
            self._last = received_at
            found += facts(read(frame), self.dialplan, received_at)
        return found
