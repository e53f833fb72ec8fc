"""A server on 127.0.0.1 that a source listens to: whoever has logged in hears what it plays."""

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod
from typing import Any, Self

import msgspec

from aftercall.domain.account import Source
from aftercall.engine.holding import Connection
from aftercall.engine.ids import new_id
from tests.support.house import House
from tests.support.wait import until


class Listened(ABC):
    """`logins` counts them; `most` is how many were logged in at the same time."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.logins = 0
        self.most = 0
        self._tls = tls
        self._sessions: set[asyncio.StreamWriter] = set()
        self._logged_in: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def sessions(self) -> int:
        """How many are logged in now."""
        return len(self._logged_in)

    def play(self, said: bytes, pieces: int | None = None) -> None:
        """Say it to everybody who is logged in, in pieces of so many bytes."""
        for writer in self._logged_in:
            size = pieces or len(said)
            for start in range(0, len(said), size):
                writer.write(said[start : start + size])

    async def play_bytewise(self, said: bytes) -> None:
        """Say it byte by byte, each read by itself."""
        for n in range(len(said)):
            self.play(said[n : n + 1])
            await asyncio.sleep(0)

    def cut(self) -> None:
        for writer in list(self._sessions):
            writer.close()

    def logged_in(self, writer: asyncio.StreamWriter) -> None:
        self.logins += 1
        self._logged_in.add(writer)
        self.most = max(self.most, self.sessions)

    @abstractmethod
    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session, until it ends."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._sessions.add(writer)
        try:
            await self.converse(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._sessions.discard(writer)
            self._logged_in.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def add_source(home: House, kind: str, secret: str, settings: dict[str, Any]) -> Source:
    now = home.clock.now()
    source = Source(
        id=new_id("src"), account_id=home.account_id, type=kind, token=secret, settings=settings,
        created_at=now, updated_at=now,
    )  # fmt: skip
    await home.app.store.add_source(source)
    home.app.dispatcher.forget(home.account_id)
    home.app.connections.wake()
    return source


async def change(home: House, source: Source, **fields: Any) -> Source:
    changed = msgspec.structs.replace(source, version=source.version + 1, **fields)
    assert await home.app.store.update_source(changed)
    home.app.dispatcher.forget(home.account_id)
    home.app.connections.wake()
    return changed


async def in_state(home: House, source: Source, state: str) -> Connection:
    """How its connection is doing, once it is doing so."""

    async def reached() -> Connection | None:
        found = home.app.connections.status(source)
        return found if found is not None and found.state == state else None

    return await until(reached)
