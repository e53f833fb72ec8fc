"""The recorder: results of attempts into the store, in groups. While it cannot record, nothing is sent."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aftercall.domain.breaker import LaneState
from aftercall.domain.errors import Unavailable
from aftercall.engine.ports import Store
from aftercall.engine.rows import Finished

log = logging.getLogger(__name__)

# Seconds for results to gather: a transaction costs more than a row. What has not been recorded when a node dies
# is sent again, so it is not much longer than a commit takes.
LINGER = 0.01
MANY = 200  # results that need not wait for more
PATIENCE = 0.5  # seconds between tries while the store is down


class Recorder:
    def __init__(self, store: Store, recorded: Callable[[Sequence[Finished]], None]) -> None:
        self._store, self._recorded = store, recorded
        self._finished: list[Finished] = []
        self._lanes: dict[str, LaneState] = {}
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.stuck = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def stop(self) -> None:
        """Record what is left, for a few seconds at most."""
        try:
            async with asyncio.timeout(5):
                await self._idle.wait()
        except TimeoutError:
            log.warning("results_not_recorded", extra={"count": len(self._finished)})
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, finished: Finished, lane: LaneState | None) -> None:
        """`lane` where the receiver's state has changed."""
        self._finished.append(finished)
        if lane is not None:
            self._lanes[lane.destination_id] = lane
        self._idle.clear()
        self._work.set()

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            if len(self._finished) < MANY:
                await asyncio.sleep(LINGER)
            self._work.clear()
            finished, lanes = self._finished, self._lanes
            self._finished, self._lanes = [], {}
            await self._record(finished, list(lanes.values()))
            if not self._finished:
                self._idle.set()

    async def _record(self, finished: list[Finished], lanes: list[LaneState]) -> None:
        while True:
            try:
                await self._store.record(finished, lanes)
                break
            except Unavailable:
                if not self.stuck:
                    log.warning("results_wait_for_the_store", extra={"count": len(finished)})
                self.stuck = True
                await asyncio.sleep(PATIENCE)
            except Exception:
                if len(finished) <= 1:
                    log.exception(
                        "result_lost", extra={"delivery_id": finished[0].delivery.id if finished else ""}
                    )
                    break
                for one in finished:  # find the one that cannot be recorded; the others can
                    await self._record([one], lanes)
                return
        self.stuck = False
        self._recorded(finished)
