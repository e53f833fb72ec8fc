"""Group commit for SQLite: transactions that wait for one another share a commit, which is what takes the time.

Their bodies run one after the other within one transaction of the database, each behind a savepoint, so that one
which fails takes nobody along. Whoever ends and finds nobody waiting commits for all.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager

from aftercall.domain.errors import Unavailable
from aftercall.store.edge import edge

MOST = 16  # bodies in one commit
BUSY_SECONDS = 5.0  # for a writer that is not ours: a backup, somebody's sqlite3 shell


class Group:
    """The commits of one connection. `turn` is held while a body runs or a commit is under way."""

    def __init__(self, driver: sqlite3.Connection, thread: Executor) -> None:
        self._driver, self._thread = driver, thread
        self.turn = asyncio.Lock()
        self.commits = 0
        self._waiting = 0
        self._members = 0  # of the open transaction
        self._done: asyncio.Future[None] | None = None  # its commit; None: no transaction is open
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def member(self) -> AsyncIterator[None]:
        """A body; returns when it is on disk. What it raises undoes it alone."""
        await self._take_turn()
        try:
            done = await self._start()
            try:
                yield
            except BaseException:
                self._undo()
                raise
            else:
                self._members += 1
            finally:
                if self._done is not None and (self._waiting == 0 or self._members >= MOST):
                    await self._commit()
        finally:
            self.turn.release()
        if done.done():
            done.result()
        else:
            await asyncio.shield(done)

    async def _take_turn(self) -> None:
        self._waiting += 1
        try:
            await self.turn.acquire()
        except BaseException:
            if self._waiting == 1 and self._done is not None:
                task = asyncio.create_task(self._commit_for_others())  # they left it to us
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            raise
        finally:
            self._waiting -= 1

    async def _commit_for_others(self) -> None:
        async with self.turn:
            if self._done is not None:
                await self._commit()

    async def _start(self) -> asyncio.Future[None]:
        if self._done is None:
            await self._begin()
            self._done, self._members = asyncio.get_running_loop().create_future(), 0
        else:
            with edge():
                self._driver.execute("SAVEPOINT body")
        return self._done

    async def _begin(self) -> None:
        """Wait for a foreign writer without holding up the loop."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BUSY_SECONDS
        while True:
            try:
                with edge():
                    self._driver.execute("BEGIN IMMEDIATE")
                return
            except Unavailable:
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(0.02)

    def _undo(self) -> None:
        if self._members and self._driver.in_transaction:
            self._driver.execute("ROLLBACK TO body")
            return
        # The first of its group, or SQLite itself has undone all of it (a full disk).
        self._driver.rollback()
        self._settle(Unavailable("The database could not be written.", retry_after=1))

    async def _commit(self) -> None:
        """For the whole group, in a thread; cannot be called back once begun."""
        committing = asyncio.get_running_loop().run_in_executor(self._thread, self._driver.commit)
        cancelled = None
        while not committing.done():
            try:
                await asyncio.wait([committing])
            except asyncio.CancelledError as error:
                cancelled = error
        try:
            with edge():
                committing.result()
        except Exception as error:  # noqa: BLE001  # everybody in the group is told
            self._driver.rollback()
            self._settle(error)
        else:
            self.commits += 1
            self._settle(None)
        if cancelled is not None:
            raise cancelled

    def _settle(self, error: Exception | None) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
            done.exception()  # looked at, in case that nobody waits
