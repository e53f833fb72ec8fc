"""Messages that may have been taken: their provider is asked, they are never repeated (promise 12)."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from aftercall.domain.connection import Connection
from aftercall.domain.delivery import LOOK_UPS, Delivery, Outcome
from aftercall.domain.errors import Unavailable
from aftercall.engine.fleet import Fleet
from aftercall.engine.notices import Notices
from aftercall.engine.ports import Clock, Store
from aftercall.engine.rounds import Rounds
from aftercall.engine.settings import SettingsCache

log = logging.getLogger(__name__)

LOOK = 5.0  # seconds between looks for doubts that are due
AT_ONCE = 50


class Asking(Protocol):
    """A channel whose providers can be asked what became of a submit."""

    async def look_up(
        self, delivery: Delivery, connection: Connection, since: datetime, now: datetime
    ) -> Outcome | None: ...


class Doubts:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsCache,
        fleet: Fleet,
        notices: Notices,
        asking: Asking,
    ) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._fleet, self._notices, self._asking = fleet, notices, asking
        self._rounds = Rounds("doubts", self.look, LOOK)

    def start(self) -> None:
        self._rounds.start()

    async def stop(self) -> None:
        await self._rounds.stop()

    async def look(self) -> None:
        """Ask for those that are due: a connection's in turn, so that none waits for another's provider."""
        due: dict[str, list[Delivery]] = {}
        for doubt in await self._store.doubts(self._clock.now(), self._fleet.buckets, AT_ONCE):
            due.setdefault(doubt.destination_id, []).append(doubt)
        await asyncio.gather(*(self._resolve_all(doubts) for doubts in due.values()))

    async def _resolve_all(self, doubts: Sequence[Delivery]) -> None:
        for doubt in doubts:
            try:
                await self._resolve(doubt)
            except Unavailable:
                log.warning("doubts_wait_for_the_store")
                return
            except Exception:
                log.exception("doubt_not_resolved", extra={"delivery_id": doubt.id})

    async def _resolve(self, doubt: Delivery) -> None:
        now = self._clock.now()
        settings = await self._settings.get(doubt.account_id)
        connection = settings.connections.get(doubt.destination_id) if settings is not None else None
        found = await self._ask(doubt, connection) if connection is not None else None
        if found is not None:
            status = "sent" if found.ok else "failed"
            reason = None if found.ok else found.error or "failed"
            done = msgspec.structs.replace(doubt, status=status, reason=reason, due_at=None)
            await self._store.resolve(done, found.provider_ids, now)
            return
        # A message may have waited for a day before it was tried.
        tried = await self._store.delivery_attempts(doubt.account_id, doubt.id)
        since = max((attempt.started_at for attempt in tried), default=doubt.created_at)
        left = [seconds for seconds in LOOK_UPS if since + timedelta(seconds=seconds) > now]
        if left:
            due = since + timedelta(seconds=left[0])
            await self._store.resolve(msgspec.structs.replace(doubt, due_at=due), (), now)
        elif await self._store.resolve(
            msgspec.structs.replace(doubt, due_at=None, reason="unconfirmed"), (), now
        ):
            details = {
                "delivery_id": doubt.id,
                "call_id": doubt.call_id,
                "connection_id": doubt.destination_id,
            }
            if await self._notices.heard(doubt.account_id, "message.unconfirmed"):
                await self._notices.tell(doubt.account_id, "message.unconfirmed", details)

    async def _ask(self, doubt: Delivery, connection: Connection) -> Outcome | None:
        if doubt.channel != "sms":
            return None
        try:
            return await self._asking.look_up(doubt, connection, doubt.created_at, self._clock.now())
        except Exception as error:  # noqa: BLE001  # whatever the provider says or does not say: it is asked again
            log.warning("look_up_failed", extra={"delivery_id": doubt.id, "error": type(error).__name__})
            return None
