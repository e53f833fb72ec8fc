"""A real HTTP receiver on 127.0.0.1 that records what arrives and answers as told: well, badly or not at all.

By path: `/200`, `/404` and so on answer with that status, `?location=` and `?retry-after=` add that header,
names in BEHAVIOURS (`/silent`, `/drip`, `/endless`, ...) misbehave.
By script: `plan("/hook", Answer(500), Answer(200))` answers in this order, the last one for ever.
"""

import asyncio
import contextlib
import gzip
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit

MAX_HEAD = 65_536


@dataclass(frozen=True)
class Received:
    """One request as it came. `target`: raw path and query; `at`: time.monotonic; `connection`: a number."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first value under this name."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


@dataclass(frozen=True)
class Answer:
    """A well-formed answer. With `hold`, it is sent when that event is set."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"
    hold: asyncio.Event | None = None

    def encode(self) -> bytes:
        body = b"" if self.status in (204, 304) else self.body
        lines = [f"HTTP/1.1 {self.status} Status", *(f"{n}: {v}" for n, v in self.headers)]
        if self.status != 204:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Exchange:
    """What a misbehaviour works with. `stop` is set when the test is over."""

    request: Received
    writer: asyncio.StreamWriter
    stop: asyncio.Event

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than the receiver lives."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


Behaviour = Callable[[Exchange], Awaitable[None]]


class Receiver:
    """`async with Receiver() as r`: listens on a free port until the block ends. `tls` makes it https."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.port = port
        self._host = host
        self._tls = tls
        self._plans: dict[str, deque[Answer | Behaviour]] = {}
        self._arrived = asyncio.Condition()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self._host, self.port, ssl=self._tls, limit=MAX_HEAD, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._stop.set()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, path: str = "/200", host: str | None = None) -> str:
        """The address of a path here; `host` when the test reaches it under another name."""
        return f"{'https' if self._tls else 'http'}://{host or self._host}:{self.port}{path}"

    def plan(self, path: str, *answers: Answer | Behaviour) -> None:
        """Answer this path with these, one after the other; the last one stays."""
        self._plans[path] = deque(answers)

    async def wait(self, count: int = 1) -> list[Received]:
        """All requests so far, as soon as there are `count`."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return list(self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._converse(reader, writer, self.connections)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the test is over: both are part of the game
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if self._stop.is_set() else writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        while not writer.is_closing():
            request = await _read(reader, connection)
            async with self._arrived:
                self.requests.append(request)
                self._arrived.notify_all()
            step = self._next(request)
            if isinstance(step, Answer):
                if step.hold is not None:
                    await step.hold.wait()
                writer.write(step.encode())
                await writer.drain()
            else:
                await step(Exchange(request, writer, self._stop))
                if step not in KEEPS_OPEN:
                    return

    def _next(self, request: Received) -> Answer | Behaviour:
        planned = self._plans.get(request.path)
        if planned:
            return planned.popleft() if len(planned) > 1 else planned[0]
        name = request.path.rpartition("/")[2]
        if name in BEHAVIOURS:
            return BEHAVIOURS[name]
        asked = parse_qsl(urlsplit(request.target).query)
        added = tuple((n.title(), v) for n, v in asked if n in ("location", "retry-after"))
        return Answer(int(name) if name.isdigit() and len(name) == 3 else 200, added)


async def _read(reader: asyncio.StreamReader, connection: int) -> Received:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = next((int(v) for n, v in headers if n.lower() == "content-length"), 0)
    body = await reader.readexactly(length)
    return Received(method, target, headers, body, time.monotonic(), connection)


async def silent(x: Exchange) -> None:
    """Accept the request and never answer."""
    await x.stop.wait()


async def close(_: Exchange) -> None:
    """Hang up instead of answering."""


async def reset(x: Exchange) -> None:
    """Break the connection instead of answering."""
    x.writer.transport.abort()


async def garbage(x: Exchange) -> None:
    await x.send(b"220 mail.example.net ESMTP ready\r\n")


async def chunked(x: Exchange) -> None:
    await x.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: 1\r\n\r\n"
    )


async def bad_chunk(x: Exchange) -> None:
    await x.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")


async def until_close(x: Exchange) -> None:
    """The body ends where the connection ends, as in HTTP/1.0."""
    await x.send(b"HTTP/1.0 200 OK\r\n\r\nold but fine")


async def short(x: Exchange) -> None:
    """Promise more than is sent."""
    await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")


async def long(x: Exchange) -> None:
    """Send more than promised."""
    await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more that was not announced")
    await x.stop.wait()


async def twice(x: Exchange) -> None:
    """Answer twice; the second answer belongs to no request."""
    await x.send(Answer(200, body=b"first").encode() + Answer(500, body=b"stray").encode())


async def informed(x: Exchange) -> None:
    """An interim answer before the real one."""
    await x.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + Answer(body=b"final").encode())


async def drip(x: Exchange) -> None:
    """Head at once, then a body byte by byte: always alive, never done."""
    await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not x.stop.is_set():
        await x.send(b".")
        await x.pause(0.01)


async def drip_head(x: Exchange) -> None:
    """Even the head comes byte by byte."""
    await x.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not x.stop.is_set():
        await x.send(b".")
        await x.pause(0.01)


async def endless(x: Exchange) -> None:
    await x.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not x.stop.is_set():
        await x.send(b"x" * 65_536)


async def bomb(x: Exchange) -> None:
    """Ten megabytes in ten kilobytes."""
    body = gzip.compress(b"\0" * 10_000_000, mtime=0)
    await x.send(Answer(headers=(("Content-Encoding", "gzip"),), body=body).encode())


async def huge_header(x: Exchange) -> None:
    """One header that never ends."""
    await x.send(b"HTTP/1.1 200 OK\r\nX-Huge: ")
    while not x.stop.is_set():
        await x.send(b"x" * 65_536)


async def many_headers(x: Exchange) -> None:
    """Small headers that never end."""
    await x.send(b"HTTP/1.1 200 OK\r\n")
    while not x.stop.is_set():
        await x.send(b"X-Many: yes\r\n" * 5000)


BEHAVIOURS: dict[str, Behaviour] = {
    "silent": silent,
    "close": close,
    "reset": reset,
    "garbage": garbage,
    "chunked": chunked,
    "bad-chunk": bad_chunk,
    "until-close": until_close,
    "short": short,
    "long": long,
    "twice": twice,
    "informed": informed,
    "drip": drip,
    "drip-head": drip_head,
    "endless": endless,
    "bomb": bomb,
    "huge-header": huge_header,
    "many-headers": many_headers,
}
KEEPS_OPEN = (chunked, bomb, twice, informed)
