"""How fast a session may submit once its SMSC has complained: half of what was, then a little more each second.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681). Without a complaint there is no limit here: the
connection's rate limit is kept by its lane.
"""

import asyncio
from collections.abc import Callable

LOWEST = 0.5  # submits a second
LONGEST_TURN = 10.0  # seconds that one waits for its turn; who would wait longer is told to come back
STEP = 0.1  # of the rate there was, by which it grows each second
PAUSE = 1.0  # seconds without submits after a complaint; more complaints within them are the same one


class Busy(Exception):
    """No turn for a while; `seconds` says how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Pace:
    """`now` counts seconds, from any moment on."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.rate: float | None = None  # None: no limit
        self._before = 0.0  # the rate there was when the SMSC first complained
        self._changed = self._next = self._complained = 0.0
        self._window, self._counted, self._measured = self._now(), 0, 0

    async def turn(self) -> None:
        """Return when the next submit may go. Raises Busy."""
        self._grow()
        if self.rate is None:
            self._count()
            return
        now = self._now()
        at = max(self._next, now)
        if at - now > LONGEST_TURN:
            raise Busy(at - now)
        self._next = at + 1 / self.rate
        if at > now:
            await asyncio.sleep(at - now)
        self._count()

    def throttled(self) -> None:
        """The SMSC complains."""
        now = self._now()
        if self._complained and now - self._complained < PAUSE:
            return
        current = self.rate if self.rate is not None else float(max(self._counted, self._measured, 2))
        self._before = max(self._before, current)
        self.rate = max(LOWEST, current / 2)
        self._complained = self._changed = now
        self._next = max(self._next, now + PAUSE)

    def _grow(self) -> None:
        if self.rate is None:
            return
        now = self._now()
        self.rate += self._before * STEP * (now - self._changed)
        self._changed = now
        if self.rate > 2 * self._before:
            self.rate, self._before = None, 0.0

    def _count(self) -> None:
        """Submits in this second and in the last one: what the rate is while there is no limit."""
        now = self._now()
        if now - self._window >= 1:
            self._measured = self._counted if now - self._window < 2 else 0
            self._window, self._counted = now, 0
        self._counted += 1
