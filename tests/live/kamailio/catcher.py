"""A small HTTP server that keeps what is posted to it, and can be told to refuse first."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    answered: int

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines() if line]


class Catcher:
    """`refuse` are the statuses of the first answers; after them everything is 200."""

    def __init__(self, refuse: tuple[int, ...] = ()) -> None:
        self.refuse = list(refuse)
        self.posts: list[Post] = []
        self.url = ""
        self._changed = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/in/src_1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    @property
    def accepted(self) -> list[dict[str, Any]]:
        return [record for post in self.posts if post.answered == 200 for record in post.records]

    async def until(
        self, reached: Callable[[list[dict[str, Any]]], bool], bound: float = 10.0
    ) -> list[dict[str, Any]]:
        """The accepted records, once they are what is waited for."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: reached(self.accepted)), bound)
        return self.accepted

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._take(reader, writer)
        writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        status = self.refuse.pop(0) if self.refuse else 200
        writer.write(f"HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        async with self._changed:
            self.posts.append(Post(request.split(" ")[1], headers, body, status))
            self._changed.notify_all()
