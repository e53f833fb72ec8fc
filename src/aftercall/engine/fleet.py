"""The nodes that share one store: heartbeats, take-over of the dead, and which lanes are ours (promises 4, 5).

A lane belongs to one node: webhooks hash to 256 buckets, buckets to live nodes by rendezvous hashing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from zlib import crc32

from aftercall.domain.errors import Unavailable
from aftercall.engine.ids import new_id
from aftercall.engine.ports import Clock, Store
from aftercall.engine.rows import bucket_of

log = logging.getLogger(__name__)

BUCKETS = 256
BEAT = 3.0  # seconds between heartbeats
DEAD_AFTER = 15.0  # seconds without one; others take over then
SILENT_AFTER = 10.0  # seconds without one after which this node itself stops sending


class Fleet:
    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        self._store, self._clock, self.name = store, clock, name
        self.incarnation = new_id("node")
        self.buckets: tuple[int, ...] | None = None  # None: all of them
        self._owned = frozenset(range(BUCKETS))
        self._beaten = clock.now()
        self._task: asyncio.Task[None] | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.on_reborn: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Join, taking over at once from a dead predecessor of the same name."""
        await self._store.join(self.name, self.incarnation, self._clock.now())
        await self.beat()
        self._task = asyncio.create_task(self._run(), name="fleet")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        try:
            await self._store.leave(self.incarnation)
        except Unavailable:
            log.warning("could_not_leave")

    def owns(self, destination_id: str) -> bool:
        return self.buckets is None or bucket_of(destination_id) in self._owned

    @property
    def silent(self) -> bool:
        """Whether others may soon think that we are dead: then nothing more is sent from here."""
        return (self._clock.now() - self._beaten).total_seconds() > SILENT_AFTER

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self.beat()
            except Unavailable:
                log.warning("heartbeat_missed", extra={"incarnation": self.incarnation})
            except Exception:
                log.exception("heartbeat_failed")

    async def beat(self) -> None:
        now = self._clock.now()
        if (now - self._beaten).total_seconds() > DEAD_AFTER:
            await self._be_reborn()
        live = await self._store.beat(self.incarnation, now)
        self._beaten = now
        buckets = share(self.incarnation, live)
        if buckets != self.buckets:
            self.buckets = buckets
            self._owned = frozenset(range(BUCKETS) if buckets is None else buckets)
            self.on_change()

    async def _be_reborn(self) -> None:
        """Others may have taken over what was ours: let go of it all and start as somebody new."""
        log.warning("silent_for_too_long", extra={"incarnation": self.incarnation})
        await self._store.leave(self.incarnation)
        self.incarnation = new_id("node")
        await self._store.join(self.name, self.incarnation, self._clock.now())
        self.on_reborn()


def share(incarnation: str, live: Sequence[str]) -> tuple[int, ...] | None:
    """The buckets of one node among the live ones; None when it is alone."""
    nodes = sorted({*live, incarnation})
    if len(nodes) == 1:
        return None
    return tuple(
        bucket
        for bucket in range(BUCKETS)
        if max(nodes, key=lambda node: crc32(f"{node}:{bucket}".encode())) == incarnation
    )
