"""The composition root: the only place that chooses a database, a clock, the ways in and out."""

from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network
from types import TracebackType
from typing import Self

from aftercall.channels.webhook import WebhookChannel
from aftercall.config import Config
from aftercall.engine.clocks import Clocks
from aftercall.engine.connections import Connections
from aftercall.engine.dispatch import Dispatcher
from aftercall.engine.fleet import Fleet
from aftercall.engine.founding import found
from aftercall.engine.housekeeping import Housekeeping
from aftercall.engine.inflow import Inflow
from aftercall.engine.intake import Intake
from aftercall.engine.keys import KeyUse
from aftercall.engine.liveness import Liveness
from aftercall.engine.metrics import Metrics
from aftercall.engine.ports import Clock, Store
from aftercall.engine.settings import SettingsCache
from aftercall.engine.traffic import Traffic
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
        self.dispatcher = Dispatcher(
            store, clock, self.settings, WebhookChannel(door), self.fleet, self.metrics
        )
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
            app.liveness.start()
        except BaseException:
            await app.close()
            raise
        return app

    async def close(self) -> None:
        """Take nothing more in, commit what is queued, finish what is in flight, leave the fleet."""
        await self.liveness.stop()
        await self.connections.stop()
        await self.housekeeping.stop()
        await self.intake.stop()
        await self.clocks.stop()
        await self.traffic.stop()
        await self.dispatcher.stop()
        await self.fleet.stop()
        await self.door.close()
        await self.store.close()

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
