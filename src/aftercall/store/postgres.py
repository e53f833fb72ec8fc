"""PostgreSQL: any number of nodes, each with a pool of connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from aftercall.domain.errors import Unavailable
from aftercall.store.edge import Lost, Undone, edge
from aftercall.store.link import Link, PostgresLink
from aftercall.store.migrate import bring_up_to_date
from aftercall.store.statement import Kind
from aftercall.store.work import DUE

P = ParamSpec("P")
T = TypeVar("T")

POOL = 8
MORE = 8  # connections beyond the pool, closed after use
TRIES = 5  # of a transaction that the database undid for another's sake
RECONNECT_SECONDS = 1.0
MIGRATING = 0x_AF7E_2CA1  # any number that nobody else in this database locks

# Statements are prepared once for each connection, often while the tables are empty. A plan made then reads
# whole tables for the rest of the connection's life (seen: 35 to 87 us a delivery more, within 15 seconds). All
# of ours are made for their indexes, so other plans are ruled out instead of planning anew each time.
_SETTINGS = {
    "application_name": "aftercall",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_memoize": "off",
    "enable_bitmapscan": "off",  # it reads all that match before the first is given; a page wants the first 50
    "max_parallel_workers_per_gather": "0",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}


class Postgres:
    """See `Database`."""

    kind: Kind = "postgresql"

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+asyncpg")
        self._engine: AsyncEngine = create_async_engine(
            self._url,
            pool_size=POOL,
            max_overflow=MORE,
            pool_timeout=10,
            pool_recycle=1800,
            hide_parameters=True,  # in errors, which are logged: numbers, texts
            connect_args={
                "timeout": 5,
                "command_timeout": 40,
                "server_settings": _SETTINGS,
                "prepared_statement_cache_size": 500,
            },
        )

    @classmethod
    async def open(cls, url: URL) -> Self:
        database = cls(url)
        try:
            with edge():
                async with database._engine.begin() as connection:
                    await connection.run_sync(_migrate)
        except BaseException:
            await database.close()
            raise
        return database

    async def read(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._whole(work, *args, **kwargs)

    async def write(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._whole(work, *args, **kwargs)

    async def _whole(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        for tried in range(1, TRIES + 1):
            try:
                async with self.begin() as transaction:
                    return await transaction.run(work, *args, **kwargs)
            except Undone:
                await asyncio.sleep(0.005 * tried)
        raise Unavailable("The database is too busy with the same rows.", retry_after=1)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["_Transaction"]:
        transaction = _Transaction(self._engine)
        try:
            with edge():
                await transaction.start()
            yield transaction
            with edge():
                await transaction.connection.commit()
        finally:
            await transaction.end()

    async def listen(self, callback: Callable[[], None]) -> None:
        """On a connection of its own, opened again whenever it is lost."""
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_once(callback)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self, callback: Callable[[], None]) -> None:
        lost = asyncio.Event()
        _, options = self._engine.dialect.create_connect_args(self._url)
        connection: Any = await asyncpg.connect(**options, timeout=5)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(DUE, lambda *_: callback())
            callback()  # something may have come in while nobody listened
            await lost.wait()
        finally:
            connection.terminate()

    async def close(self) -> None:
        await self._engine.dispose()


class _Transaction:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._fresh = True  # nothing was done yet

    async def start(self) -> None:
        self.connection: AsyncConnection = self._engine.connect()
        await self.connection.start()

    async def end(self) -> None:
        """Roll back what was not committed, and give the connection back to the pool."""
        if hasattr(self, "connection") and self.connection.sync_connection is not None:
            with contextlib.suppress(Exception):
                await asyncio.shield(self.connection.close())

    async def run(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._run(work, *args, **kwargs)
        except Lost:
            # The server was restarted since this connection was last used: nothing is lost yet, start over.
            if not self._fresh:
                raise
            await self.end()
            with edge():
                await self.start()
            return await self._run(work, *args, **kwargs)
        finally:
            self._fresh = False

    async def _run(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def running(connection: Connection) -> T:
            return work(PostgresLink(connection), *args, **kwargs)

        with edge():
            return await self.connection.run_sync(running)


def _migrate(connection: Connection) -> None:
    """Nodes that start together migrate one after the other."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
    bring_up_to_date(connection)
