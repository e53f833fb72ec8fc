"""SQLite: one connection that writes, a few that read, checkpoints on the side.

Writing happens on the event loop's own thread: a statement takes microseconds, a hop to another thread and back
takes tens, and waiting for the interpreter's lock may take milliseconds. Only the commit, which waits for the
disk, and reading, which may be long, are done in threads.
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, StaticPool, create_engine
from sqlalchemy.engine import URL

from aftercall.domain.errors import Unavailable
from aftercall.store.edge import edge
from aftercall.store.group import Group
from aftercall.store.link import Link, SqliteLink
from aftercall.store.migrate import bring_up_to_date
from aftercall.store.statement import Kind

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4
CHECKPOINT_SECONDS = 1.0
WAL_PAGES = 4096  # 16 MiB: beyond this, writing pauses for a moment so that the log can start over

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = OFF;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 67108864;
PRAGMA temp_store = MEMORY;
"""


class Sqlite:
    """See `Database`. Exactly one process has it open: held by a lock on `<file>.lock`."""

    kind: Kind = "sqlite"

    def __init__(self, path: Path, file_lock: int, writer: Connection) -> None:
        self._file_lock, self._writer, self._link = file_lock, writer, SqliteLink(writer)
        self._committing = ThreadPoolExecutor(1, "aftercall-commit")
        self._group = Group(self._link.driver, self._committing)
        self._readers = _engine(path, QueuePool, "PRAGMA cache_size = -4096; PRAGMA query_only = ON")
        self._reading = ThreadPoolExecutor(READERS, "aftercall-read")
        self._sweeper = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._checkpoints = asyncio.create_task(self._checkpoint_now_and_then(), name="checkpoints")

    @classmethod
    async def open(cls, url: URL, *, max_pages: int | None = None) -> Self:
        if not url.database or url.database == ":memory:":
            raise ValueError("SQLite needs a file: sqlite:///path/to/aftercall.db")
        path = Path(url.database)
        file_lock = lock_file(path)
        try:
            with edge():
                database = cls(path, file_lock, await asyncio.to_thread(_connect, path))
        except BaseException:
            os.close(file_lock)
            raise
        if max_pages is not None:
            database.limit(max_pages)
        return database

    def limit(self, pages: int) -> None:
        """The file may not grow beyond this; what would make it grow is refused as `Unavailable`."""
        self._link.driver.execute(f"PRAGMA max_page_count = {int(pages)}")

    async def read(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def reading() -> T:
            with edge(), self._readers.connect() as connection:
                link = SqliteLink(connection)
                link.driver.execute("BEGIN")  # undone when the connection goes back to the pool
                return work(link, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._reading, reading)

    async def write(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self.begin() as transaction:
            return await transaction.run(work, *args, **kwargs)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["_Transaction"]:
        async with self._group.member():
            yield _Transaction(self._link)

    async def _checkpoint_now_and_then(self) -> None:
        done = -1
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            if done == self._group.commits:
                continue
            done = self._group.commits
            with contextlib.suppress(Unavailable), edge():
                if await asyncio.to_thread(self._checkpoint) > WAL_PAGES:
                    async with self._group.turn:  # what has been written meanwhile is little
                        await asyncio.to_thread(self._checkpoint)

    def _checkpoint(self, mode: str = "PASSIVE") -> int:
        """How many pages the log holds; once all of them are in the database the next writer starts it over."""
        _, pages, _ = self._sweeper.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return int(pages)

    async def listen(self, callback: Callable[[], None]) -> None:
        """There is no other node."""

    async def close(self) -> None:
        self._checkpoints.cancel()
        await asyncio.gather(self._checkpoints, return_exceptions=True)
        async with self._group.turn:
            await asyncio.to_thread(self._disconnect)

    def _disconnect(self) -> None:
        self._reading.shutdown()
        self._committing.shutdown()
        self._readers.dispose()
        self._writer.close()
        self._writer.engine.dispose()
        with contextlib.suppress(sqlite3.Error):
            self._checkpoint("TRUNCATE")
        self._sweeper.close()
        os.close(self._file_lock)


class _Transaction:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def run(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with edge():
            return work(self._link, *args, **kwargs)


def lock_file(path: Path) -> int:
    """Two processes with one SQLite file would each believe that all deliveries are theirs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        message = (
            f"{path} is in use by another AfterCall process; stop it first, or use PostgreSQL for many nodes"
        )
        raise RuntimeError(message) from None
    return descriptor


def _connect(path: Path) -> Connection:
    """The connection that writes, with the schema up to date."""
    engine = _engine(path, StaticPool, "PRAGMA cache_size = -16384")
    try:
        writer = engine.connect()
        driver = SqliteLink(writer).driver
        driver.execute("BEGIN IMMEDIATE")
        bring_up_to_date(writer)
        driver.commit()
    except BaseException:
        engine.dispose()
        raise
    return writer


def _engine(path: Path, pool: type[Any], pragmas: str) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.executescript(_PRAGMAS + pragmas)
        return connection

    limits = {"pool_size": READERS, "max_overflow": 0} if pool is QueuePool else {}
    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=pool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # in errors, which are logged: numbers, texts
        **limits,
    )
