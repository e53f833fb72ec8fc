"""What accounts have set up, kept in memory and never older than a commit (intake) or a second (sending)."""

import time
from collections.abc import Iterable

from aftercall.domain.account import Source
from aftercall.engine.ports import Store, Work
from aftercall.engine.rows import Destination, Settings

MAX_AGE = 1.0  # seconds


class SettingsCache:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[float, Settings, dict[str, Destination]]] = {}

    async def get(self, account_id: str) -> Settings | None:
        """At most a second old."""
        known = self._known.get(account_id)
        if known is not None and time.monotonic() - known[0] <= MAX_AGE:
            return known[1]
        return await self._load(account_id, known[1] if known else None)

    async def source_in_use(self, account_id: str, source_id: str) -> Source | None:
        """None when it is paused or gone, or its account is."""
        settings = await self.get(account_id)
        source = settings.sources.get(source_id) if settings is not None else None
        active = settings is not None and settings.account.status == "active"
        return source if active and source is not None and source.status == "enabled" else None

    async def destination(self, account_id: str, destination_id: str) -> tuple[Settings, Destination] | None:
        """A webhook or connection; None when the account or the destination is gone."""
        known = self._known.get(account_id)
        if known is None or time.monotonic() - known[0] > MAX_AGE:
            if await self._load(account_id, known[1] if known else None) is None:
                return None
            known = self._known[account_id]
        found = known[2].get(destination_id)
        return None if found is None else (known[1], found)

    def peek(self, account_id: str, destination_id: str) -> Destination | None:
        """What is in memory, whatever its age."""
        known = self._known.get(account_id)
        return known[2].get(destination_id) if known else None

    async def as_of(self, work: Work, accounts: Iterable[str]) -> dict[str, Settings]:
        """As of this transaction: reloaded only where the version has changed."""
        found: dict[str, Settings] = {}
        for account_id, version in (await work.settings_versions(accounts)).items():
            known = self._known.get(account_id)
            if known is not None and known[1].version == version:
                self._known[account_id] = (time.monotonic(), known[1], known[2])
                found[account_id] = known[1]
            elif settings := await self._load(account_id, None):
                found[account_id] = settings
        return found

    def forget(self, account_id: str) -> None:
        self._known.pop(account_id, None)

    async def _load(self, account_id: str, known: Settings | None) -> Settings | None:
        if known is not None and await self._store.settings_version(account_id) == known.version:
            settings: Settings | None = known
        else:
            settings = await self._store.settings(account_id)
        if settings is None:
            self._known.pop(account_id, None)
            return None
        self._known[account_id] = (time.monotonic(), settings, _destinations(settings))
        return settings


def _destinations(settings: Settings) -> dict[str, Destination]:
    found: dict[str, Destination] = {webhook.id: webhook for webhook in settings.webhooks}
    return found | settings.connections
