"""The open connections of one mail server: how many there may be, which one is next, and when one is let go."""

import asyncio

from aftercall.channels.email.session import Session
from aftercall.channels.email.settings import Settings


class Kept:
    """`places` limits the connections in use at a time; whoever wants one more waits.

    `leaving` are those that say goodbye, of all servers: they outlive this.
    """

    def __init__(self, settings: Settings, places: int, leaving: set[asyncio.Task[None]]) -> None:
        self.settings, self.places = settings, places
        self.place = asyncio.Semaphore(places)
        self._idle: list[tuple[Session, asyncio.TimerHandle]] = []
        self._leaving = leaving
        self._closed = False

    def take(self) -> Session | None:
        """The one that rested last, so that those we can do without grow old. None: open another."""
        while self._idle:
            session, timer = self._idle.pop()
            timer.cancel()
            if session.alive:
                return session
        return None

    def rest(self, session: Session) -> None:
        """Keep it for the next mail, unless it has carried enough of them."""
        if self._closed or session.sent >= self.settings.max_messages:
            self._leave(session)
            return
        session.rest()
        loop = asyncio.get_running_loop()
        self._idle.append((session, loop.call_later(self.settings.idle_seconds, self._expire, session)))

    def close(self) -> None:
        """Say goodbye on all that rest; those in use follow when they are put back."""
        self._closed = True
        while (session := self.take()) is not None:
            self._leave(session)

    def _expire(self, session: Session) -> None:
        self._idle = [(kept, timer) for kept, timer in self._idle if kept is not session]
        self._leave(session)

    def _leave(self, session: Session) -> None:
        task = asyncio.create_task(session.quit())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
