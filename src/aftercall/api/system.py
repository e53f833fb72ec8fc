"""Health, readiness, metrics, and what can be chosen: triggers, template variables (X4, T1, T6, D3)."""

from typing import Literal

import msgspec

from aftercall.api.operation import Ask, operation
from aftercall.domain.custom import variables
from aftercall.domain.errors import Unavailable
from aftercall.domain.trigger import EVENTS, NOTICES, TRIGGERS
from aftercall.engine.keys import ALL_SCOPES
from aftercall.sources import SOURCES

TAG = "System"


class Status(msgspec.Struct, frozen=True):
    status: Literal["ok"] = "ok"


class TriggerChoice(msgspec.Struct, frozen=True, kw_only=True):
    """`variables` are the names and types of a classic trigger's body; others have the standard body."""

    name: str
    title: str
    group: Literal["call_event", "event", "notice"]
    event: str
    call_types: tuple[str, ...] = ()
    variables: dict[str, str] = {}


class Triggers(msgspec.Struct, frozen=True):
    items: tuple[TriggerChoice, ...]


class VariableOut(msgspec.Struct, frozen=True):
    path: str
    type: str
    description: str


class Variables(msgspec.Struct, frozen=True):
    items: tuple[VariableOut, ...]


class System(msgspec.Struct, frozen=True, kw_only=True):
    """`egress_addresses` are where webhooks come from, for receivers' allow lists."""

    version: str
    public_url: str
    egress_addresses: tuple[str, ...]
    source_types: tuple[str, ...]
    scopes: tuple[str, ...]
    max_body_bytes: int
    max_batch: int


@operation("GET", "/healthz", None, "Is the process alive", tag=TAG)
async def healthz(ask: Ask) -> Status:  # noqa: ARG001
    return Status()


@operation("GET", "/readyz", None, "Can it take events", tag=TAG)
async def readyz(ask: Ask) -> Status:
    """503 while the store cannot be read."""
    try:
        await ask.app.store.settings_version("ac_none")
    except Exception:  # noqa: BLE001  # whatever it is, the answer is no
        raise Unavailable("The store cannot be reached.", retry_after=1) from None
    return Status()


@operation("GET", "/metrics", None, "Metrics as Prometheus text", tag=TAG)
async def metrics(ask: Ask) -> bytes:
    """No label holds data of an account."""
    for state, count in (await ask.app.store.backlog()).items():
        ask.app.metrics.gauges[f"aftercall_backlog_{state}"] = count
    return ask.app.metrics.text().encode()


@operation("GET", "/v1/triggers", "webhooks:read", "What webhooks can choose", tag=TAG)
async def list_triggers(ask: Ask) -> Triggers:  # noqa: ARG001
    classic = [
        TriggerChoice(
            name=name,
            title=trigger.title,
            group="call_event",
            event=trigger.event,
            call_types=tuple(trigger.call_types),
            variables=dict(trigger.variables),
        )
        for name, trigger in TRIGGERS.items()
    ]
    events = [TriggerChoice(name=n, title=t, group="event", event=n) for n, t in EVENTS.items()]
    notices = [TriggerChoice(name=n, title=t, group="notice", event=n) for n, t in NOTICES.items()]
    return Triggers((*classic, *events, *notices))


@operation("GET", "/v1/variables", "webhooks:read", "What a custom template may name", tag=TAG)
async def list_variables(ask: Ask) -> Variables:  # noqa: ARG001
    return Variables(tuple(VariableOut(*msgspec.structs.astuple(variable)) for variable in variables()))


@operation("GET", "/v1/system", "calls:read", "Version, limits, egress addresses", tag=TAG)
async def get_system(ask: Ask) -> System:
    config = ask.app.config
    return System(
        version=config.version,
        public_url=config.public_url,
        egress_addresses=config.egress_addresses,
        source_types=tuple(SOURCES),
        scopes=ALL_SCOPES,
        max_body_bytes=config.max_body_bytes,
        max_batch=config.max_batch,
    )


OPERATIONS = (healthz, readyz, metrics, list_triggers, list_variables, get_system)
