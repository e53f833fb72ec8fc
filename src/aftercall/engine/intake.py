"""The intake: group commit. A batch is whatever queued while the last commit ran (promises 1, 11).

Calls whose time has come (timers) pass through the same committer, so that a call is worked on in one place.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from aftercall.domain.account import Timing
from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import Busy, Problem, Unavailable
from aftercall.engine.accept import Accepted, Item, Lanes, Setting, Taken, accept, look_again
from aftercall.engine.metrics import Metrics
from aftercall.engine.ports import Clock, Collision, Store, Work
from aftercall.engine.rows import CallRow
from aftercall.engine.settings import SettingsCache

log = logging.getLogger(__name__)

MAX_QUEUED = 20_000  # facts waiting for a commit; beyond it sources are asked to come back
MAX_BATCH = 1_000  # facts in one transaction, unless a single request brings more
MAX_DUE = 500  # calls looked at again in one transaction
COLLISIONS = 8  # tries before a batch gives up against other nodes
POLL = timedelta(seconds=1)  # how often due calls of other, perhaps dead, nodes are looked for


class Sender(Lanes, Protocol):
    """The dispatcher as the intake sees it."""

    def take(self, deliveries: Sequence[Delivery]) -> None: ...

    def wake(self) -> None: ...


class Intake:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsCache,
        sender: Sender,
        timings: Mapping[str, Timing],
        metrics: Metrics,
    ) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._sender, self._timings, self._metrics = sender, timings, metrics
        self._asked: deque[tuple[Sequence[Item], asyncio.Future[list[Taken | Problem]]]] = deque()
        self._queued = 0
        self._work = asyncio.Event()
        self._next_due: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._next_due = self._clock.now()
        self._task = asyncio.create_task(self._run(), name="intake")

    async def stop(self) -> None:
        """Commit what is queued, then stop."""
        if self._task is None:
            return
        while self._asked:
            self._work.set()
            await asyncio.sleep(0.01)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def accept(self, items: Sequence[Item]) -> list[Taken | Problem]:
        """Returns after the commit, one result per item, in order.

        Raises Busy when too much is queued, Unavailable when the store cannot take it.
        """
        if self._queued and self._queued + len(items) > MAX_QUEUED:
            raise Busy("Too many events are waiting to be stored.", retry_after=1)
        future: asyncio.Future[list[Taken | Problem]] = asyncio.get_running_loop().create_future()
        self._asked.append((items, future))
        self._queued += len(items)
        self._work.set()
        return await future

    def wake(self) -> None:
        """Look at once for calls that have something to say."""
        self._next_due = self._clock.now()
        self._work.set()

    async def _run(self) -> None:
        while True:
            await self._wait()
            self._work.clear()
            if self._asked:
                await asyncio.sleep(0)  # what has arrived on other connections belongs to this batch, too
                await self._commit_asked()
            if self._due():
                await self._commit_due()

    async def _wait(self) -> None:
        if self._asked or self._due():
            return
        wait = POLL.total_seconds()
        if self._next_due is not None:
            wait = min(wait, max(0.0, (self._next_due - self._clock.now()).total_seconds()))
        try:
            async with asyncio.timeout(wait):
                await self._work.wait()
        except TimeoutError:
            pass

    def _due(self) -> bool:
        return self._next_due is not None and self._next_due <= self._clock.now()

    async def _commit_asked(self) -> None:
        batch: list[tuple[Sequence[Item], asyncio.Future[list[Taken | Problem]]]] = []
        size = 0
        while self._asked and (not batch or size + len(self._asked[0][0]) <= MAX_BATCH):
            batch.append(self._asked.popleft())
            size += len(batch[-1][0])
        self._queued -= size
        items = [item for asked, _ in batch for item in asked]
        try:
            results = (await self._commit(lambda work: self._accept(work, items))).results
        except Exception as error:
            problem = error if isinstance(error, Problem) else Unavailable(retry_after=1)
            if problem is not error:
                log.exception("commit_failed")
            for _, future in batch:
                if not future.done():
                    future.set_exception(problem)
            return
        self._count(results)
        start = 0
        for asked, future in batch:
            if not future.done():
                future.set_result(results[start : start + len(asked)])
            start += len(asked)

    async def _commit_due(self) -> None:
        self._next_due = self._clock.now() + POLL
        try:
            await self._commit(self._look_again)
        except Unavailable:
            log.warning("timers_wait_for_the_store")
        except Exception:
            log.exception("timers_failed")

    async def _commit(self, step: Callable[[Work], Awaitable[Accepted]]) -> Accepted:
        """One transaction; tried again when another node was faster with the same call."""
        done = await self._transaction(step)
        self._metrics.count("aftercall_commits_total")
        if done.handed_over:
            self._sender.take(done.handed_over)
        if done.left_over:
            self._sender.wake()
        if done.next_due is not None and (self._next_due is None or done.next_due < self._next_due):
            self._next_due = done.next_due
        for call in done.completed:
            self._metrics.count("aftercall_calls_total", f'status="{call.status}"')
        return done

    async def _transaction(self, step: Callable[[Work], Awaitable[Accepted]]) -> Accepted:
        for attempt in range(COLLISIONS):
            try:
                async with self._store.begin() as work:
                    return await step(work)
            except Collision:
                await asyncio.sleep(0.005 * attempt)
        raise Unavailable("Too many nodes work on the same calls.", retry_after=1)

    async def _accept(self, work: Work, items: list[Item]) -> Accepted:
        return await accept(work, items, await self._setting(work, {i.account_id for i in items}))

    async def _look_again(self, work: Work) -> Accepted:
        rows: list[CallRow] = await work.due_calls(self._clock.now(), MAX_DUE)
        if not rows:
            return Accepted([], [], 0, None, [])
        done = await look_again(work, rows, await self._setting(work, {r.account_id for r in rows}))
        if len(rows) == MAX_DUE:
            done.next_due = self._clock.now()
        return done

    async def _setting(self, work: Work, accounts: set[str]) -> Setting:
        found = await self._settings.as_of(work, accounts)
        return Setting(found, self._timings, self._sender, self._clock.now())

    def _count(self, results: Sequence[Taken | Problem]) -> None:
        for result in results:
            status = result.status if isinstance(result, Taken) else "failed"
            self._metrics.count("aftercall_facts_total", f'result="{status}"')
