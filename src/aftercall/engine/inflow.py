"""Facts on their way from one connection to the intake: whatever arrived while the last commit ran goes together.

What a connection tells is told once (promise 1), so nothing is given up: when the store cannot take it, it waits
here, and when too much waits, nothing more is read from the connection (promise 11).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from aftercall.domain.account import Source
from aftercall.domain.errors import Busy, Problem, Unavailable
from aftercall.domain.fact import Fact
from aftercall.engine.accept import Item
from aftercall.engine.clocks import Clocks
from aftercall.engine.enrich import enrich
from aftercall.engine.intake import Intake
from aftercall.engine.settings import SettingsCache
from aftercall.engine.traffic import Traffic

log = logging.getLogger(__name__)

MAX_WAITING = 5_000  # facts; beyond it the connection is not read
MAX_AT_ONCE = 500  # facts in one commit
LONGEST_WAIT = 5.0  # seconds between tries when the store cannot take them


class Inflow:
    def __init__(
        self, source: Source, settings: SettingsCache, intake: Intake, clocks: Clocks, traffic: Traffic
    ) -> None:
        self.source = source
        self._settings, self._intake = settings, intake
        self._clocks, self._traffic = clocks, traffic
        self._waiting: deque[Fact] = deque()
        self._changed = asyncio.Condition()

    async def put(self, facts: Sequence[Fact]) -> None:
        """Kept whatever happens to the caller, who is let go on when not too many are waiting."""
        self._waiting.extend(facts)
        async with self._changed:
            self._changed.notify_all()
            await self._changed.wait_for(lambda: len(self._waiting) < MAX_WAITING)

    def lost(self) -> None:
        """The connection is no more: what happens until there is another is not told."""
        self._traffic.count(self.source, "gaps")

    async def emptied(self) -> None:
        """Until everything that was put has been committed."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._waiting)

    async def run(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
            count = min(len(self._waiting), MAX_AT_ONCE)
            await self._commit([self._waiting[n] for n in range(count)])
            async with self._changed:
                for _ in range(count):
                    self._waiting.popleft()
                self._changed.notify_all()

    async def drain(self, seconds: float) -> None:
        """As `emptied`, but not for ever: what could not be committed by then is lost."""
        try:
            async with asyncio.timeout(seconds):
                await self.emptied()
        except TimeoutError:
            extra = {"source_id": self.source.id, "facts": len(self._waiting)}
            log.error("facts_lost", extra=extra)  # noqa: TRY400  # the timeout has nothing to say

    async def _commit(self, facts: Sequence[Fact]) -> None:
        tries = 0
        while True:
            try:
                await self.accept(facts)
                return
            except (Busy, Unavailable):
                tries += 1
                if tries == 1:
                    log.warning("facts_wait_for_the_store", extra={"source_id": self.source.id})
            except Exception:
                log.exception("facts_dropped", extra={"source_id": self.source.id, "facts": len(facts)})
                return
            await asyncio.sleep(min(0.05 * 2 ** min(tries, 10), LONGEST_WAIT))

    async def accept(self, facts: Sequence[Fact]) -> None:
        """Commit these now, past what is waiting. Raises Busy and Unavailable."""
        settings = await self._settings.get(self.source.account_id)
        if settings is None:
            return
        timely = self._clocks.settle(self.source, facts)
        items = [Item(settings.account.id, self.source, enrich(fact, settings)) for fact in timely]
        results = await self._intake.accept(items)
        self._traffic.facts(self.source, results)
        failed = [result for result in results if isinstance(result, Problem)]
        if failed:
            extra = {"source_id": self.source.id, "facts": len(failed)}
            log.warning("facts_failed", extra=extra)
