"""What can wait: old things dropped, the use of keys written down; by every node, harmlessly more than once."""

import asyncio
import contextlib
import logging
from datetime import timedelta

from aftercall.domain.errors import Unavailable
from aftercall.engine.keys import KeyUse
from aftercall.engine.ports import Clock, Store
from aftercall.engine.traffic import KEPT as TRAFFIC_KEPT

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
IDEMPOTENCY_KEPT = timedelta(hours=24)
EARLY_KEPT = timedelta(hours=72)  # receipts that no message has claimed
AT_ONCE = 500  # inputs dropped in one transaction
BREATH = 0.05  # seconds between two of them: others want to write, too


class Housekeeping:
    def __init__(self, store: Store, clock: Clock, key_use: KeyUse) -> None:
        self._store, self._clock, self._key_use = store, clock, key_use
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="housekeeping")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            with contextlib.suppress(Unavailable):
                await self._key_use.write()

    async def tidy(self) -> int:
        """How many rows were dropped: answers kept for an Idempotency-Key, raw input, counts of old hours,
        receipts that belong to nothing.
        """
        now = self._clock.now()
        dropped = await self._store.forget(now - IDEMPOTENCY_KEPT)
        dropped += await self._store.drop_traffic(now - TRAFFIC_KEPT)
        dropped += await self._store.drop_early_receipts(now - EARLY_KEPT)
        while True:
            step = await self._store.drop_inputs(now, AT_ONCE)
            dropped += step
            if step < AT_ONCE:
                return dropped
            await asyncio.sleep(BREATH)

    async def _run(self) -> None:
        while True:
            try:
                await self.tidy()
                await self._key_use.write()
            except Unavailable:
                log.warning("housekeeping_waits_for_the_store")
            await asyncio.sleep(EVERY)
