"""A whole server in this process, on a real store, with a clock that tests may put forward."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from aftercall.app import App
from aftercall.config import Config
from aftercall.domain.account import Source
from aftercall.domain.delivery import Attempt, Delivery
from aftercall.domain.fact import Data, Fact, Kind
from aftercall.domain.webhook import Webhook
from aftercall.engine.accept import Item, Taken
from aftercall.engine.ids import new_id
from aftercall.engine.rows import DeliveryQuery
from tests.support.wait import until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Clock:
    """The real time, put forward by hand, or stopped."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._stopped: datetime | None = None

    def now(self) -> datetime:
        return (self._stopped or datetime.now(UTC)) + self.ahead

    def stop(self) -> None:
        """From now on time passes only by `ahead`: nothing falls due while a slow machine works."""
        self._stopped = datetime.now(UTC)


class House:
    def __init__(self, app: App, clock: Clock, account_id: str, source: Source) -> None:
        self.app, self.clock, self.account_id, self.source = app, clock, account_id, source

    async def webhook(self, url: str, **more: Any) -> Webhook:
        now = self.clock.now()
        fields: dict[str, Any] = {"signing_secret": SECRET, "rate_limit": 0} | more
        made = Webhook(
            id=new_id("wb"), account_id=self.account_id, url=url, created_at=now, updated_at=now, **fields
        )
        await self.app.store.add_webhook(made)
        return made

    async def change(self, webhook: Webhook, **fields: Any) -> Webhook:
        changed = msgspec.structs.replace(webhook, version=webhook.version + 1, **fields)
        assert await self.app.store.update_webhook(changed)
        self.app.dispatcher.forget(self.account_id)
        return changed

    def finished(self, key: str, *, seconds: int = 60, **data: Any) -> Fact:
        """A finished call as one record, ended a moment ago."""
        ended = self.clock.now()
        fields: dict[str, Any] = {
            "direction": "inbound", "from_": "+14085551234", "to": "+14085559876", "status": "answered",
            "started_at": ended - timedelta(seconds=seconds), "ended_at": ended, "final": True,
        } | data  # fmt: skip
        return self.fact(Kind.COMPLETED, key, Data(**fields))

    def fact(self, kind: Kind, key: str, data: Data | None = None, *, at: datetime | None = None) -> Fact:
        return Fact(
            kind=kind, call_key=key, occurred_at=at or self.clock.now(), natural_id=new_id("n"),
            received_at=self.clock.now(), data=data or Data(),
        )  # fmt: skip

    async def post(self, *facts: Fact) -> list[Taken]:
        results = await self.app.intake.accept([Item(self.account_id, self.source, f) for f in facts])
        taken = [r for r in results if isinstance(r, Taken)]
        assert len(taken) == len(facts), results
        return taken

    async def forward(self, seconds: float) -> None:
        """Put the clock forward and let the engine notice; to the heartbeat it is as if it had just beaten."""
        self.clock.ahead += timedelta(seconds=seconds)
        self.app.fleet._beaten = self.clock.now()
        await self.app.fleet.beat()
        self.app.dispatcher.wake()
        self.app.intake.wake()

    async def deliveries(self, **query: Any) -> list[Delivery]:
        page = await self.app.store.list_deliveries(self.account_id, DeliveryQuery(limit=200, **query))
        return list(page.items)

    async def attempts(self, delivery_id: str) -> list[Attempt]:
        return await self.app.store.delivery_attempts(self.account_id, delivery_id)

    async def settled(self, status: str, count: int = 1, **query: Any) -> list[Delivery]:
        """The deliveries, once `count` of them have this status."""

        async def enough() -> list[Delivery] | None:
            found = [d for d in await self.deliveries(**query) if d.status == status]
            return found if len(found) >= count else None

        return await until(enough)

    async def tried(self, attempts: int) -> Delivery:
        """The one delivery, once it has been tried so often."""

        async def enough() -> Delivery | None:
            return next((d for d in await self.deliveries() if d.attempts >= attempts), None)

        return await until(enough)


@asynccontextmanager
async def house(database_url: str, tmp_path: Path, **config: Any) -> AsyncIterator[House]:
    """An open house with the account it was founded with."""
    clock = Clock()
    settings = Config(data=tmp_path, database=database_url, dev=True, **config)
    async with await App.open(settings, clock) as app:
        account = (await app.store.list_accounts(None, 1)).items[0]
        source = (await app.store.list_sources(account.id, None, 1)).items[0]
        yield House(app, clock, account.id, source)
