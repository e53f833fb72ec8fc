"""The front door: uvicorn's connections, on which requests with events go straight to Ingest.

Connections, keep-alive, pipelining, shutdown and every other request are uvicorn's. On the path every event
takes, ASGI's scope, messages and wake-ups would cost twice what reading the request and answering it does.
"""

import asyncio
import logging
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from aftercall.api.access import header
from aftercall.api.asked import Answer, Asked
from aftercall.api.body import Body, too_large
from aftercall.api.ingest import Ingest
from aftercall.domain.errors import Problem, Unavailable

log = logging.getLogger(__name__)

LARGE_SECONDS = 300.0  # that a body larger than usual may take; its place is one of few
EVENTS = (b"/v1/events", b"/v1/events/")
SOURCES = b"/in/"


class Front(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *, ingest: Ingest, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._ingest = ingest
        self._exchange: Exchange | None = None  # the request that is being read, when it is one for Ingest

    def on_headers_complete(self) -> None:
        path, _, query = self.url.partition(b"?")
        if path not in EVENTS and not path.startswith(SOURCES):
            self._exchange = None
            super().on_headers_complete()
            return
        method = self.parser.get_method().decode("ascii")
        asked = Asked(method, unquote(path.decode("latin-1")), path, query, self.headers)
        exchange = Exchange(self, self._ingest, asked, continues=self.expect_100_continue)
        before: Any = self.cycle
        self._exchange = exchange
        self.cycle = cast("Any", exchange)
        if before is None or before.response_complete:
            exchange.begin()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        if self._exchange is None:
            super().on_body(body)
        else:
            self._exchange.take(body)

    def on_message_complete(self) -> None:
        if self._exchange is None:
            super().on_message_complete()
        else:
            self._exchange.complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        waiting: list[Any] = [self._exchange, *(cycle for cycle, _ in self.pipeline)]
        for exchange in waiting:
            if isinstance(exchange, Exchange):
                exchange.lost()

    def start(self, exchange: "Exchange") -> None:
        """Work on a request that has arrived, as a task that a shutdown waits for."""
        self._start_asgi_task(cast("Any", exchange), self.app)

    def say(self, answer: Answer, *, bodiless: bool, keep_alive: bool) -> None:
        lines = [STATUS_LINE[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"content-length: %d\r\n" % len(answer.body))
        lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
        if not bodiless:
            lines.append(answer.body)
        self.transport.write(b"".join(lines))
        if not keep_alive:
            self.transport.close()


class Exchange:
    """One request for Ingest and its answer: what uvicorn calls a cycle, whose attributes it has."""

    message_event = asyncio.Event()  # uvicorn sets it; nobody waits for it here

    def __init__(self, front: Front, ingest: Ingest, asked: Asked, *, continues: bool) -> None:
        self._front, self._ingest, self._asked, self._continues = front, ingest, asked, continues
        self.keep_alive: bool = front.parser.should_keep_alive()
        self.disconnected = self.response_complete = False
        self._body = Body()
        self._limit = ingest.room.usual
        self._asking: asyncio.Task[None] | None = None  # whether the body may be larger than usual
        self._deadline: asyncio.TimerHandle | None = None
        self._begun = self._ended = self._ready = self._at_work = False

    def begin(self) -> None:
        """Its turn: what was asked before on this connection has been answered."""
        self._begun = True
        length = header(self._asked.headers, b"content-length")
        if self._ready:
            self._front.start(self)
        elif length is not None and int(length) > self._limit:
            self._outgrown(int(length))
        elif self._continues:
            self._go_on()

    def take(self, data: bytes) -> None:
        if self._ready:
            return  # refused: the rest is read and dropped, so that the sender gets to hear why
        self._body.add(data)
        if self._body.size > self._limit:
            self._outgrown(self._body.size)

    def complete(self) -> None:
        self._ended = True
        if not self._ready and (self._asking is None or self._asking.done()):
            self._arrived()

    def lost(self) -> None:
        """The connection is gone."""
        self._ready = True
        if not self._at_work:
            self._body.drop()
            self._ingest.room.release(self)

    async def run_asgi(self, _: Any) -> None:
        """Called by uvicorn when the turn of a request has come that had to wait; by `start` with all there."""
        if not self._begun:
            self.begin()
            return
        self._at_work = True
        try:
            answer = await self._ingest.answer(self._asked)
        finally:
            self._body.drop()
            self._ingest.room.release(self)
        if self._front.transport.is_closing():
            return
        self._front.say(answer, bodiless=self._asked.method == "HEAD", keep_alive=self.keep_alive)
        self.response_complete = True
        self._front.on_response_complete()

    def _go_on(self) -> None:
        self._front.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _outgrown(self, size: int) -> None:
        """More than usual. Some sources send recordings: ask before the next byte is read."""
        if self._asking is None:
            self._front.flow.pause_reading()
            self._asking = self._front.loop.create_task(self._ask(size))
        elif self._asking.done():
            self._refuse(too_large(self._limit))

    async def _ask(self, size: int) -> None:
        try:
            self._limit = await self._ingest.room.larger(self._asked, self)
            if self._ready:  # the connection was lost meanwhile
                self._ingest.room.release(self)
                return
            if max(size, self._body.size) > self._limit:
                raise too_large(self._limit)
            self._body.spill()
            self._deadline = self._front.loop.call_later(LARGE_SECONDS, self._front.transport.abort)
        except Problem as problem:
            self._refuse(problem)
        except OSError:
            log.exception("body_not_kept")
            self._refuse(Unavailable("The body could not be kept.", retry_after=5))
        else:
            if self._continues and not self._body.size:
                self._go_on()
        finally:
            if not self._front.transport.is_closing():
                self._front.flow.resume_reading()
        if self._ended and not self._ready:
            self._arrived()

    def _arrived(self) -> None:
        self._ready = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._asked.body = self._body.whole()
        if self._begun:
            self._front.start(self)

    def _refuse(self, problem: Problem) -> None:
        self._ready = True
        self._body.drop()
        self._asked.refused = problem
        if self._begun:
            self._front.start(self)
