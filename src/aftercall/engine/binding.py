"""Which connections that stay open (SMPP) this node holds: those of its buckets, one node of the fleet each.

As with sources' connections: a node that is given one waits until everybody else must have learnt of it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from aftercall.domain.connection import Connection
from aftercall.engine.fleet import BEAT, Fleet
from aftercall.engine.ports import Clock, Store
from aftercall.engine.rounds import Rounds
from aftercall.engine.settings import SettingsCache

LOOK = 1.0  # seconds between looks at what should be held
SETTLED = BEAT + 1.0  # seconds after which every node knows of a change in the fleet


class Bound(Protocol):
    """Holds connections open."""

    async def keep(self, connections: Sequence[Connection]) -> None:
        """From now on hold these, as far as they are enabled, and no others."""
        ...


class Binding:
    def __init__(
        self, store: Store, clock: Clock, settings: SettingsCache, fleet: Fleet, bound: Bound, type_: str
    ) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._fleet, self._bound, self._type = fleet, bound, type_
        self._held: set[str] = set()
        self._buckets: tuple[int, ...] | None = None
        self._moved_at = clock.now()
        self._rounds = Rounds("binding", self.look, LOOK)

    def start(self) -> None:
        self._rounds.start()

    async def stop(self) -> None:
        await self._rounds.stop()

    async def look(self) -> None:
        """Hold what is ours now."""
        wanted: list[Connection] = []
        if not self._fleet.silent or self._fleet.buckets is None:
            settled = self._is_settled(self._clock.now())
            for account_id, id_ in await self._store.connection_accounts():
                if self._fleet.owns(id_) and (settled or id_ in self._held):
                    wanted += await self._of(account_id, id_)
        self._held = {connection.id for connection in wanted}
        await self._bound.keep(wanted)

    async def _of(self, account_id: str, id_: str) -> list[Connection]:
        settings = await self._settings.get(account_id)
        found = settings.connections.get(id_) if settings is not None else None
        return [found] if found is not None and found.type == self._type else []

    def _is_settled(self, now: datetime) -> bool:
        if self._fleet.buckets != self._buckets:
            self._buckets, self._moved_at = self._fleet.buckets, now
        return self._buckets is None or (now - self._moved_at).total_seconds() >= SETTLED
