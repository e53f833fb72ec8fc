"""Operational notices: events about what is set up and what was sent, which webhooks can subscribe to (W12)."""

from collections.abc import Mapping
from typing import Any

from aftercall.domain.call import Call
from aftercall.domain.delivery import Delivery
from aftercall.domain.event import Event
from aftercall.domain.plan import plan
from aftercall.domain.webhook import Webhook
from aftercall.engine.ids import new_id
from aftercall.engine.ports import Clock, Store
from aftercall.engine.rows import Destination, SpokenEvent
from aftercall.engine.settings import SettingsCache

NO_CALL = Call(source_call_key="")


class Notices:
    def __init__(self, store: Store, clock: Clock, settings: SettingsCache) -> None:
        self._store, self._clock, self._settings = store, clock, settings

    async def tell_of(self, about: Destination, what: str, details: Mapping[str, Any]) -> list[Delivery]:
        """A notice about a webhook or connection, such as `webhook.failing`, for everybody but itself."""
        if isinstance(about, Webhook):
            shown = {"webhook": {"id": about.id, "name": about.name, "url": about.url}}
            return await self.tell(about.account_id, f"webhook.{what}", {**shown, **details}, but=about.id)
        shown = {"connection": {"id": about.id, "name": about.name, "type": about.type}}
        return await self.tell(about.account_id, f"connection.{what}", {**shown, **details})

    async def heard(self, account_id: str, name: str) -> bool:
        """Whether anybody listens to such notices."""
        settings = await self._settings.get(account_id)
        return settings is not None and bool(settings.listening(name))

    async def tell(
        self, account_id: str, name: str, details: Mapping[str, Any], *, but: str = ""
    ) -> list[Delivery]:
        """Write the notice down for everybody but the webhook it is about; its deliveries are left to claim."""
        settings = await self._settings.get(account_id)
        now = self._clock.now()
        event = Event(
            event_id=new_id("evt"),
            name=name,
            call_id="",
            occurred_at=now,
            received_at=now,
            spoken_at=now,
            sequence=0,
            details=dict(details),
        )
        others = [w for w in settings.webhooks if w.id != but] if settings else []
        planned = plan(event, NO_CALL, others, (), "", lambda: new_id("dl"))
        async with self._store.begin() as work:
            await work.add_events([SpokenEvent(account_id=account_id, event=event, skipped=planned.skipped)])
            if planned.deliveries:
                await work.add_deliveries(planned.deliveries, [None] * len(planned.deliveries))
        return list(planned.deliveries)
