"""Connections at rest, the limit on all of them, and the queue when it is reached."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from aftercall.net import trip
from aftercall.net.http1 import Connection
from aftercall.net.url import Target

Dial = Callable[[Target], Awaitable[Connection]]


class Pool:
    """A slot is held by each connection, at work or at rest, and by each attempt to dial one.

    While somebody waits for a slot no connection rests, so a newcomer cannot overtake the queue.
    """

    def __init__(self, dial: Dial, limit: int, keep_alive: float) -> None:
        self._dial = dial
        self._limit = limit
        self._keep_alive = keep_alive
        self._slots = 0
        self._open: set[Connection] = set()
        self._idle: dict[str, list[Connection]] = {}  # by origin; the last one in is the first one out
        self._resting: dict[Connection, float] = {}  # since when, the longest first
        self._queue: deque[tuple[str, asyncio.Future[Connection | None]]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None

    def idle(self, origin: str) -> Connection | None:
        """A connection that is ready for a request, if there is one."""
        stack = self._idle.get(origin)
        while stack:
            connection = stack.pop()
            since = self._resting.pop(connection)
            if connection.usable and asyncio.get_running_loop().time() < since + self._keep_alive:
                return connection
            self.drop(connection)
        return None

    async def take(self, target: Target) -> Connection:
        """A connection to the target: a fresh one, or one that came free while this request waited."""
        connection = await self._slot(target.origin)
        if connection is not None:
            return connection
        trip.enter("looking up the host name")
        try:
            connection = await self._dial(target)
        except BaseException:
            self._free()
            raise
        self._open.add(connection)
        return connection

    def rest(self, connection: Connection) -> None:
        """Give a connection back that may be used again."""
        if not connection.usable:
            self.drop(connection)
        elif waiting := self._next():
            self._hand_over(connection, *waiting)
        else:
            loop = asyncio.get_running_loop()
            self._idle.setdefault(connection.origin, []).append(connection)
            self._resting[connection] = loop.time()
            if self._sweeper is None:
                self._sweeper = loop.call_later(self._keep_alive * 9 / 8, self._sweep)

    def drop(self, connection: Connection) -> None:
        """Close a connection, wherever it is. Harmless when it is closed already."""
        if self._resting.pop(connection, None) is not None:
            self._idle[connection.origin].remove(connection)
        if not self._idle.get(connection.origin):
            self._idle.pop(connection.origin, None)
        connection.close()
        if connection in self._open:
            self._open.discard(connection)
            self._free()

    def close(self) -> None:
        """Close everything. Whoever waits is the caller's business."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._open):
            self.drop(connection)

    async def _slot(self, origin: str) -> Connection | None:
        """The right to dial (None), or a connection to this origin instead."""
        if self._slots < self._limit:
            self._slots += 1
            return None
        if self._resting:
            self.drop(next(iter(self._resting)))  # gives its slot back, and nobody waits for it
            self._slots += 1
            return None
        trip.enter("waiting for a free connection")
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._queue.append((origin, turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # cancelled just after its turn came: pass it on
                connection = turn.result()
                self._free() if connection is None else self.rest(connection)
            raise

    def _next(self) -> tuple[str, asyncio.Future[Connection | None]] | None:
        while self._queue:
            origin, turn = self._queue.popleft()
            if not turn.done():
                return origin, turn
        return None

    def _hand_over(
        self, connection: Connection, origin: str, turn: asyncio.Future[Connection | None]
    ) -> None:
        if connection.origin == origin:
            turn.set_result(connection)
        else:
            self._open.discard(connection)
            self._idle.pop(connection.origin, None)  # empty, as all are while somebody waits
            connection.close()
            turn.set_result(None)  # with the slot

    def _free(self) -> None:
        waiting = self._next()
        if waiting is None:
            self._slots -= 1
        else:
            waiting[1].set_result(None)

    def _sweep(self) -> None:
        """Close what has rested too long; one timer for all of them."""
        self._sweeper = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._resting:
            connection, since = next(iter(self._resting.items()))
            if (left := since + self._keep_alive - now) > 0:
                # A little late, to take several in one go; idle() does not hand them out meanwhile.
                self._sweeper = loop.call_later(left + self._keep_alive / 8, self._sweep)
                return
            self.drop(connection)
