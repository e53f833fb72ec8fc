"""Which sources' connections this node holds: those of its buckets, like lanes, one node of the fleet each.

A node learns of others with its heartbeat. One that is given a source waits until everybody else must have learnt
of it, so that two never listen at once; one that may be taken for dead lets go of what it holds.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from aftercall.domain.account import Source
from aftercall.domain.errors import Unavailable
from aftercall.engine.fleet import BEAT, Fleet
from aftercall.engine.holding import Connection, Gap, Holding
from aftercall.engine.inflow import Inflow
from aftercall.engine.ports import Clock, Store
from aftercall.engine.settings import SettingsCache
from aftercall.engine.upstream import Dial, LiveType

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds between looks at what should be connected
SETTLED = BEAT + 1.0  # seconds after which every node knows of a change in the fleet


class Connections:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsCache,
        fleet: Fleet,
        inflow: Callable[[Source], Inflow],
        types: Mapping[str, LiveType],
        dial: Dial,
    ) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._fleet, self._inflow, self._types, self._dial = fleet, inflow, types, dial
        self._held: dict[str, Holding] = {}
        self._leaving: set[Holding] = set()
        self._buckets: tuple[int, ...] | None = None
        self._moved_at = clock.now()
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    async def start(self) -> None:
        self._moved_at = self._clock.now()
        if self._types:
            self._task = asyncio.create_task(self._run(), name="connections")

    async def stop(self) -> None:
        """Let go of everything; what was heard is committed first, if the store takes it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for source_id in list(self._held):
            self._let_go(source_id)
        await asyncio.gather(*(holding.until_gone() for holding in self._leaving))

    def wake(self) -> None:
        """A source has changed: look now."""
        self._woken.set()

    def status(self, source: Source) -> Connection | None:
        """None for a source that should have no connection."""
        if source.type not in self._types or source.status != "enabled":
            return None
        held = self._held.get(source.id)
        if held is not None:
            return held.status()
        return Connection(state="connecting" if self._fleet.owns(source.id) else "elsewhere")

    def gaps(self, source: Source) -> tuple[Gap, ...]:
        """The latest times without a connection, as far as this node held it."""
        held = self._held.get(source.id)
        return held.gaps if held is not None else ()

    async def _run(self) -> None:
        looking: asyncio.Task[None] | None = None
        try:
            while True:
                if self._fleet.silent and self._fleet.buckets is not None:
                    for source_id in list(self._held):
                        self._let_go(source_id)
                elif looking is None or looking.done():  # a store that hangs must not keep us from the above
                    looking = asyncio.create_task(self._look(), name="connections-look")
                await self._pause()
        finally:
            if looking is not None:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def _look(self) -> None:
        try:
            wanted = await self._wanted()
        except Unavailable:
            return
        except Exception:
            log.exception("connections_failed")
            return
        if self._fleet.silent and self._fleet.buckets is not None:
            return
        for source_id, holding in list(self._held.items()):
            source = wanted.get(source_id)
            if source is None or holding.gone or not holding.serves(source):
                self._let_go(source_id)
        self._leaving = {holding for holding in self._leaving if not holding.gone}
        still = {holding.source.id for holding in self._leaving}
        for source_id in wanted.keys() - self._held.keys() - still:
            self._hold(wanted[source_id])

    async def _wanted(self) -> dict[str, Source]:
        """The sources to be connected from here."""
        found: dict[str, Source] = {}
        settled = self._is_settled(self._clock.now())
        for account_id, source_id in await self._store.sources_of(tuple(self._types)):
            if not self._fleet.owns(source_id) or not (settled or source_id in self._held):
                continue
            source = await self._settings.source_in_use(account_id, source_id)
            if source is not None:
                found[source_id] = source
        return found

    def _is_settled(self, now: datetime) -> bool:
        """Whether whoever held what is ours now has let go of it. Who is alone waits for nobody."""
        if self._fleet.buckets != self._buckets:
            self._buckets, self._moved_at = self._fleet.buckets, now
        return self._buckets is None or (now - self._moved_at).total_seconds() >= SETTLED

    def _hold(self, source: Source) -> None:
        kind = self._types[source.type]
        self._held[source.id] = Holding(kind, self._inflow(source), self._store, self._clock, self._dial)

    def _let_go(self, source_id: str) -> None:
        holding = self._held.pop(source_id)
        holding.let_go()
        self._leaving.add(holding)
