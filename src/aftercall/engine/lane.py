"""A lane: what is ready for one destination, how much of it may go now (promise 5, W8). No I/O, no timers."""

import asyncio
import heapq
from collections import deque
from datetime import datetime

from aftercall.domain.breaker import LaneState
from aftercall.domain.delivery import Delivery
from aftercall.engine.rows import Destination

MAX_READY = 1_000  # deliveries kept in memory a lane; more wait in the store


class Turn:
    """One send's place in the window."""

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at


class RateWindow:
    """At most `rate` sends in any one second; below one a second, one in 1/rate seconds."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._span = 1.0 if rate >= 1 else 1 / rate if rate > 0 else 0.0
        self._sent: deque[Turn] = deque(maxlen=max(1, int(rate)))

    def wait(self, now: float) -> float:
        """Seconds until the next send is allowed; 0: now."""
        if self.rate <= 0 or len(self._sent) < (self._sent.maxlen or 1):
            return 0.0
        return max(0.0, self._sent[0].at + self._span - now)

    def take(self, now: float) -> "Turn":
        """A turn; whoever has it says when it was really used, which may be a little later."""
        turn = Turn(now)
        if self.rate > 0:
            self._sent.append(turn)
        return turn

    def give_back(self, turn: Turn) -> None:
        """It was not used: nothing was sent."""
        if turn in self._sent:
            self._sent.remove(turn)


class Lane:
    def __init__(self, account_id: str, destination_id: str) -> None:
        self.account_id, self.destination_id = account_id, destination_id
        self.state = LaneState(account_id=account_id, destination_id=destination_id)
        self.in_flight = 0
        self.behind = False  # older deliveries wait in the store: newer ones must queue behind them
        self.not_before: datetime | None = None  # the receiver asked for a pause (429, 503)
        self.timer: asyncio.TimerHandle | None = None
        self.limited = self.learning = (
            False  # whether the two below are the destination's, or being asked for
        )
        self.rate = RateWindow(0)
        self.max_in_flight = 1
        self._ready: list[tuple[str, Delivery]] = []  # a heap: oldest first

    def __len__(self) -> int:
        return len(self._ready)

    def set_limits(self, destination: Destination) -> None:
        """As the webhook or connection says now. One that was changed after it failed gets a fresh chance."""
        if destination.rate_limit != self.rate.rate:
            self.rate = RateWindow(destination.rate_limit)
        self.max_in_flight = destination.max_in_flight
        self.limited = True
        if self.state.failures and self.state.destination_version != destination.version:
            self.state = LaneState(account_id=self.account_id, destination_id=self.destination_id)
            self.not_before = None

    @property
    def full(self) -> bool:
        return len(self._ready) >= MAX_READY

    def push(self, delivery: Delivery) -> None:
        heapq.heappush(self._ready, (delivery.id, delivery))

    def pop(self) -> Delivery:
        """The oldest. Raises IndexError when nothing is ready."""
        return heapq.heappop(self._ready)[1]

    def take_out(self, delivery_id: str) -> Delivery | None:
        """The delivery, if it was here."""
        found = next((delivery for id_, delivery in self._ready if id_ == delivery_id), None)
        if found is not None:
            self._ready.remove((delivery_id, found))
            heapq.heapify(self._ready)
        return found

    def clear(self) -> list[Delivery]:
        """Everything that was ready, taken out."""
        ready = [delivery for _, delivery in self._ready]
        self._ready.clear()
        return ready

    def wait(self, now: datetime, monotonic: float) -> float | None:
        """Seconds until the next delivery may go: 0 now, None not before something else happens."""
        if not self._ready:
            return None
        limit = 1 if self.state.is_open else self.max_in_flight  # an open breaker lets one probe through
        if self.in_flight >= limit:
            return None
        wait = self.rate.wait(monotonic)
        for pause in (self.not_before, self.state.open_until):
            if pause is not None:
                wait = max(wait, (pause - now).total_seconds())
        return wait
