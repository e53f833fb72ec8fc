"""The composition root: the only place that chooses a database, a clock, the ways in and out."""

from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network
from types import TracebackType
from typing import Self

from aftercall.channels.email.channel import EmailChannel
from aftercall.channels.email.smtp import Smtp
from aftercall.channels.sms.channel import SmsChannel
from aftercall.channels.sms.providers import PROVIDERS, TRAITS
from aftercall.channels.sms.smpp import TYPE as SMPP
from aftercall.channels.sms.smpp import Smpp
from aftercall.channels.webhook import WebhookChannel
from aftercall.config import Config, local_url
from aftercall.domain.connection import Connection
from aftercall.domain.contact import Suppression
from aftercall.domain.unsubscribe import sign
from aftercall.engine.binding import Binding
from aftercall.engine.clocks import Clocks
from aftercall.engine.connections import Connections
from aftercall.engine.dispatch import Dispatcher
from aftercall.engine.doubts import Doubts
from aftercall.engine.fleet import Fleet
from aftercall.engine.founding import found
from aftercall.engine.gate import Gate
from aftercall.engine.housekeeping import Housekeeping
from aftercall.engine.inflow import Inflow
from aftercall.engine.intake import Intake
from aftercall.engine.keys import KeyUse
from aftercall.engine.liveness import Liveness
from aftercall.engine.metrics import Metrics
from aftercall.engine.notices import Notices
from aftercall.engine.ports import Channel, Clock, Store
from aftercall.engine.receiving import Receiving
from aftercall.engine.sending import Sending
from aftercall.engine.settings import SettingsCache
from aftercall.engine.traffic import Traffic
from aftercall.engine.trials import Trials
from aftercall.engine.upstream import AskedType, LiveType
from aftercall.net.address import AddressRules
from aftercall.net.door import Door, DoorRules
from aftercall.net.question import ask
from aftercall.sources import SOURCES
from aftercall.store.database import open_store
from aftercall.store.vault import Vault


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class App:
    """One running server: what it is made of, and the order in which it starts and stops."""

    def __init__(self, config: Config, store: Store, door: Door, clock: Clock) -> None:
        self.config, self.store, self.door, self.clock = config, store, door, clock
        self.metrics = Metrics()
        self.settings = SettingsCache(store)
        self.fleet = Fleet(store, clock, config.node_name)
        self.notices = Notices(store, clock, self.settings)
        self.receiving = Receiving(store, clock, self.settings, self.notices, self._wake)
        self.providers = PROVIDERS
        self.smpp = Smpp(door.connect, self.receiving.hear, clock)
        self.smtp = Smtp(door)
        self.sms = SmsChannel(door, PROVIDERS, self.smpp, self.callback_url)
        channels: dict[str, Channel] = {
            "webhook": WebhookChannel(door),
            "sms": self.sms,
            "email": EmailChannel(self.smtp, self._unsubscribe_url),
        }
        sending = Sending(clock, channels, self.metrics)
        self.gate = Gate(store, clock, TRAITS, self.notices, lambda: self.fleet.incarnation)
        self.dispatcher = Dispatcher(
            store, clock, self.settings, sending, self.gate, self.fleet, self.metrics
        )
        self.trials = Trials(store, clock, self.gate, sending, lambda: self.fleet.incarnation)
        self.binding = Binding(store, clock, self.settings, self.fleet, self.smpp, SMPP)
        self.doubts = Doubts(store, clock, self.settings, self.fleet, self.notices, self.sms)
        timings = {name: source.timing for name, source in SOURCES.items()}
        self.intake = Intake(store, clock, self.settings, self.dispatcher, timings, self.metrics)
        live = {name: source for name, source in SOURCES.items() if isinstance(source, LiveType)}
        self.traffic = Traffic(store, clock, self.metrics, self.fleet.incarnation)
        self.clocks = Clocks(store, self.settings)
        inflow = partial(
            Inflow, settings=self.settings, intake=self.intake, clocks=self.clocks, traffic=self.traffic
        )
        self.connections = Connections(store, clock, self.settings, self.fleet, inflow, live, door.connect)
        asked = {name: source for name, source in SOURCES.items() if isinstance(source, AskedType)}
        self.liveness = Liveness(
            store, clock, self.settings, self.fleet, inflow, asked, partial(ask, door), self.metrics
        )
        self.key_use = KeyUse(store, clock)
        self.housekeeping = Housekeeping(store, clock, self.key_use)
        self.first_key: str | None = None

    @classmethod
    async def open(cls, config: Config, clock: Clock | None = None) -> "App":
        """Open and migrate the store, found it when it is new, start the engine."""
        clock = clock or SystemClock()
        store = await open_store(
            config.database, vault=Vault(config.secret_keys), max_pages=config.sqlite_max_pages
        )
        door = Door(door_rules(config))
        app = cls(config, store, door, clock)
        try:
            app.first_key = await found(store, config.api_key, clock.now())
            await app.fleet.start()
            await app.dispatcher.start()
            await app.intake.start()
            app.housekeeping.start()
            app.traffic.start()
            await app.connections.start()
            app.binding.start()
            app.doubts.start()
            app.liveness.start()
        except BaseException:
            await app.close()
            raise
        return app

    async def close(self) -> None:
        """Take nothing more in, commit what is queued, finish what is in flight, leave the fleet."""
        await self.doubts.stop()
        await self.liveness.stop()
        await self.connections.stop()
        await self.housekeeping.stop()
        await self.intake.stop()
        await self.clocks.stop()
        await self.traffic.stop()
        await self.dispatcher.stop()
        await self.binding.stop()
        await self.smpp.stop()
        await self.smtp.close()
        await self.fleet.stop()
        await self.door.close()
        await self.store.close()

    def callback_url(self, connection: Connection) -> str | None:
        """Where a connection's provider reaches this server; None where it is known to this machine alone."""
        config = self.config
        if not config.dev and config.public_url == local_url(config.host, config.port):
            return None
        return f"{config.public_url}/callbacks/{connection.id}/{connection.token}"

    def _wake(self) -> None:
        self.dispatcher.wake()

    async def unsubscribe(self, account_id: str, delivery_id: str) -> bool:
        """The recipient of this mail wants no more of any kind; False when there is no such mail."""
        found = await self.store.get_message(account_id, delivery_id)
        if found is None or not found.address:
            return False
        entry = Suppression(
            account_id=account_id,
            address=found.address,
            channel="email",
            source="unsubscribe",
            reason="the link in a mail",
            delivery_id=delivery_id,
            created_at=self.clock.now(),
            created_by="recipient",
        )
        await self.store.add_suppressions([entry])
        return True

    def _unsubscribe_url(self, account_id: str, delivery_id: str) -> str | None:
        token = sign(account_id, delivery_id, self.config.secret_keys[0])
        return f"{self.config.public_url}/unsubscribe/{token}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def door_rules(config: Config) -> DoorRules:
    """What the operator allows; development adds plain http and this very machine."""
    return DoorRules(
        addresses=AddressRules(allow=tuple(ip_network(r) for r in config.networks)),
        allow_http=config.dev,
        ca_file=str(config.ca_file) if config.ca_file else None,
    )
