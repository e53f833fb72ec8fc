"""A receiver of webhooks as small as one can be: verifies what arrives, says what it saw, answers as told."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from aftercall.verify import Unverified, verify

MAX_HEAD = 64 * 1024
MAX_BODY = 16 << 20


@dataclass(frozen=True)
class Caught:
    """One request as it arrived. `problem` is None when its signature holds; `at` is time.perf_counter."""

    path: str
    headers: dict[str, str]
    body: bytes
    problem: str | None
    at: float

    @property
    def verified(self) -> bool:
        return self.problem is None

    @property
    def attempt(self) -> int:
        number = self.headers.get("x-aftercall-attempt", "1")
        return int(number) if number.isdecimal() else 1

    @property
    def said(self) -> dict[str, Any]:
        """The body as an object, whatever its form; empty when it has none of them."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace")))
        try:
            value = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return {}
        return value if isinstance(value, dict) else {}


class Answer(NamedTuple):
    """What is said to a request; a body is JSON."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


@dataclass
class Catcher:
    """Listens on `host`. `secrets` are those by which a request is believed: one of them must have signed it."""

    answer: Callable[[Caught], Answer]
    secrets: dict[str, str] = field(default_factory=dict)  # by path; "" is for all others
    host: str = "127.0.0.1"
    port: int = 0

    async def start(self) -> str:
        """Listen; the URL to send to."""
        self._open: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=MAX_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]
        return f"http://{self.host}:{self.port}"

    async def close(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # a receiver this small has nothing to say to a broken request
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY:
            return False
        body = await reader.readexactly(length)
        path, _, query = target.partition("?")
        if method == "GET":
            body = query.encode("latin-1")
            headers.setdefault("content-type", "application/x-www-form-urlencoded")
        at = time.perf_counter()
        caught = Caught(path, headers, body, self._problem(path, headers, body), at)
        said = self.answer(caught)
        extra = {"Content-Length": str(len(said.body)), "Content-Type": "application/json"} | dict(
            said.headers
        )
        lines = [f"HTTP/1.1 {said.status} -", *(f"{name}: {value}" for name, value in extra.items())]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + said.body)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    def _problem(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        secret = self.secrets.get(path) or self.secrets.get("")
        if not secret:
            return "No secret to verify with."
        try:
            verify(headers, body, secret)
        except Unverified as problem:
            return str(problem)
        return None
