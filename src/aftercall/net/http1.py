"""One HTTP/1.1 connection: a request out, its answer in, one after the other. Pooled by pool.py."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Self, cast

from aftercall.net.answer import Answer
from aftercall.net.errors import HungUpError
from aftercall.net.trip import Trip
from aftercall.net.url import Target

PIECE = 65_536  # of a large body: handed over one by one, so that it is not held a second time in a buffer


class Connection(asyncio.Protocol):
    """`address` was checked when it was dialled. `gone` is called when a resting one may not be used again."""

    __slots__ = (
        "_answer",
        "_drained",
        "_gone",
        "_loop",
        "_paused",
        "_transport",
        "_waiter",
        "address",
        "origin",
    )

    def __init__(self, origin: str, address: str, gone: "Callable[[Connection], None]") -> None:
        self.origin = origin
        self.address = address
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[None] | None = None  # set while a request is under way
        self._drained: asyncio.Future[None] | None = None
        self._paused = False

    @classmethod
    async def over(
        cls, sock: socket.socket, target: Target, tls: ssl.SSLContext, gone: "Callable[[Connection], None]"
    ) -> Self:
        """Take over a connected socket, with a TLS handshake if the target asks for it."""
        secure = target.scheme == "https"
        try:
            address = str(sock.getpeername()[0])
            _, made = await asyncio.get_running_loop().create_connection(
                lambda: cls(target.origin, address, gone),
                sock=sock,
                ssl=tls if secure else None,
                server_hostname=target.host if secure else None,
            )
        except BaseException:
            sock.close()
            raise
        return made

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """At once: nothing that is still in a buffer matters to anybody."""
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, head: bytes, body: bytes, cap: int, left: float, trip: Trip) -> Answer:
        """Raises TimeoutError after `left` seconds, AnswerError, and OSError when the connection breaks."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionAbortedError  # closed as soon as it was made
        answer = self._answer = Answer(cap)
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_later(left, self._expire)
        trip.phase = "waiting for the answer"
        try:
            if len(body) <= PIECE:
                transport.write(head + body)
            else:
                trip.phase = "sending the request"
                if await self._send(transport, head, body, waiter):
                    trip.phase = "waiting for the answer"
            await waiter
        except BaseException:
            if answer.headed:
                trip.phase = "reading the body"
            raise
        finally:
            timer.cancel()
            self._waiter = self._answer = None
        if self._paused or trip.phase == "sending the request":
            answer.reusable = False  # it came early: the receiver still expects the rest of the body
        return answer

    async def _send(
        self, transport: asyncio.Transport, head: bytes, body: bytes, waiter: asyncio.Future[None]
    ) -> bool:
        """Write at the receiver's pace. False when an answer or a failure came before the end."""
        transport.write(head)
        rest = memoryview(body)
        while rest and not waiter.done():
            transport.write(rest[:PIECE])
            rest = rest[PIECE:]
            while self._paused and not waiter.done():
                self._drained = self._loop.create_future()
                await self._drained
        return not rest and not self._paused

    def _expire(self) -> None:
        self._settle(TimeoutError())

    def _settle(self, failure: BaseException | None = None) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            if failure is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failure)
        self._wake_writer()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:  # stray bytes while it rests: the next request would take them for its answer
            self._gone(self)
            return
        try:
            complete = answer.feed(data)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the request must hear of it
            self._settle(exc)
            return
        if complete:
            self._settle()

    def eof_received(self) -> None:
        answer = self._answer
        if answer is None:
            self._gone(self)
        else:
            self._settle(None if answer.end() else HungUpError())

    def connection_lost(self, exc: Exception | None) -> None:
        answer = self._answer
        if answer is None:
            self._gone(self)
        elif exc is None and answer.end():
            self._settle()
        else:
            self._settle(exc or HungUpError())

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
