"""The front door: uvicorn's connections, on which requests with events go straight to Ingest.

Connections, keep-alive, pipelining, shutdown and every other request are uvicorn's. On the path every event
takes, ASGI's scope, messages and wake-ups would cost twice what reading the request and answering it does.
"""

import asyncio
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from aftercall.api.access import header
from aftercall.api.ingest import Answer, Asked, Ingest

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
        self.body = bytearray()
        self.disconnected = self.response_complete = False
        self._begun = self._arrived = False

    def begin(self) -> None:
        """Its turn: what was asked before on this connection has been answered."""
        self._begun = True
        length = header(self._asked.headers, b"content-length")
        if self._arrived:
            self._front.start(self)
        elif length is not None and self._ingest.too_large(int(length)):
            self._give_up()
        elif self._continues:
            self._front.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take(self, body: bytes) -> None:
        if self._arrived:
            return  # given up: the rest is read and dropped, so that the sender gets to hear why
        self.body += body
        if self._ingest.too_large(len(self.body)):
            self._give_up()

    def complete(self) -> None:
        if self._arrived:
            return
        self._arrived = True
        self._asked.body = bytes(self.body)
        if self._begun:
            self._front.start(self)

    async def run_asgi(self, _: Any) -> None:
        """Called by uvicorn when the turn of a request has come that had to wait; by `start` with all there."""
        if not self._begun:
            self.begin()
            return
        answer = await self._ingest.answer(self._asked)
        if self._front.transport.is_closing():
            return
        self._front.say(answer, bodiless=self._asked.method == "HEAD", keep_alive=self.keep_alive)
        self.response_complete = True
        self._front.on_response_complete()

    def _give_up(self) -> None:
        self._arrived = True
        self.body.clear()
        self._asked.too_large = True
        if self._begun:
            self._front.start(self)
