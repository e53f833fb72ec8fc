"""One connection's bytes as facts. Its state is the connection's own: what is not yet a whole frame, which call
each leg belongs to, and how far the PBX has counted its events.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from aftercall.domain.account import Source, Timing
from aftercall.domain.fact import Fact
from aftercall.sources.freeswitch.count import Count
from aftercall.sources.freeswitch.dialplan import Dialplan
from aftercall.sources.freeswitch.event import read
from aftercall.sources.freeswitch.facts import facts
from aftercall.sources.freeswitch.framing import Decoder, Frame
from aftercall.sources.freeswitch.legs import Legs

# One stream tells everything in order (C4.3); the two last hangups come within milliseconds.
timing: Timing = Timing(gate=0.0, quiet=1.0, settle_max=5.0, watchdog=4 * 3600.0)


class Reader:
    def __init__(
        self,
        source: Source,
        dialplan: Dialplan,
        open_calls: Mapping[str, frozenset[str]] | None = None,
        *,
        every: bool = False,
    ) -> None:
        """`every`: all events of the core are listened to, so that any hole is a loss."""
        self.source, self.dialplan = source, dialplan
        self.decoder, self.legs = Decoder(), Legs(open_calls)
        self.count = Count(every=every)

    def feed(self, data: bytes, received_at: datetime) -> list[Fact]:
        """The facts of the frames that are complete now, in the order they came. Raises Garbled."""
        return self.read(self.decoder.feed(data), received_at)

    def read(self, frames: Iterable[Frame], received_at: datetime) -> list[Fact]:
        """The facts of frames that were framed already."""
        found: list[Fact] = []
        for frame in frames:
            event = read(frame)
            if event is not None and self.count.take(event.core, event.seq, event.at()):
                found += facts(event, self.source, self.dialplan, self.legs, received_at)
        return found
