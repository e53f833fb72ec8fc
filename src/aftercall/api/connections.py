"""/v1/connections: ways out to people, with SMS providers and mail servers: set up, tried, watched (S3, S7)."""

import time
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask, Listing, PageQuery, operation
from aftercall.api.setups import add, change, delete, find, named, settings_of
from aftercall.api.target import check_host, check_target
from aftercall.channels.connection_types import SMTP, TYPES
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Conflict, Invalid
from aftercall.engine.form_fields import FormField, form_fields
from aftercall.engine.messaging import Traits
from aftercall.engine.rows import Health
from aftercall.engine.setup import new_token
from aftercall.engine.setup_connection import (
    ConnectionForm,
    NewConnectionForm,
    change_connection,
    new_connection,
    shown_settings,
)
from aftercall.net.address import AddressRules

TAG = "Connections"
READ, WRITE = "messages:read", "messages:write"
ITEM = "/v1/connections/{connection_id}"
EXAMPLE = {"type": "twilio", "name": "Twilio",
           "settings": {"account_sid": "AC" + 32 * "0", "auth_token": "a-secret"}}  # fmt: skip
SAME = (
    "id", "channel", "type", "name", "status", "status_reason", "rate_limit", "max_in_flight", "timeout_seconds",
    "retry_schedule", "keyword_replies", "price", "currency", "created_at", "updated_at",
)  # fmt: skip


class SessionOut(msgspec.Struct, frozen=True):
    """Of a connection that stays open. Only the node that holds it knows the details; others say `elsewhere`."""

    state: Literal["connected", "connecting", "refused", "closed", "elsewhere"]
    since: datetime | None = None
    error: str | None = None


class ConnectionOut(msgspec.Struct, frozen=True, kw_only=True):
    """`callback_url` is for the provider: receipts and incoming texts come in there. Only who may change sees it."""

    id: str
    channel: Literal["sms", "email"]
    type: str
    name: str
    status: Literal["enabled", "paused", "disabled"]
    status_reason: str | None
    settings: dict[str, Any]
    callback_url: str | None
    rate_limit: float
    max_in_flight: int
    timeout_seconds: float
    retry_schedule: tuple[int, ...] | None
    keyword_replies: Literal["provider", "aftercall", "off"]
    price: str | None
    currency: str | None
    session: SessionOut | None
    created_at: datetime
    updated_at: datetime
    notes: tuple[str, ...] = ()


class ConnectionTest(msgspec.Struct, frozen=True):
    """`message` is what the provider said, or exactly what is wrong."""

    ok: bool
    message: str
    latency_ms: float


class ConnectionTypeOut(msgspec.Struct, frozen=True, kw_only=True):
    """`traits` are what a provider of texts can do; `fields` are the settings."""

    type: str
    title: str
    channel: Literal["sms", "email"]
    traits: Traits | None
    fields: tuple[FormField, ...]


class ConnectionTypes(msgspec.Struct, frozen=True):
    items: tuple[ConnectionTypeOut, ...]


class ForceQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    force: Annotated[bool, Meta(description="Also when senders or actions use it.")] = False


@operation("GET", "/v1/connection-types", READ, "What can be connected", tag=TAG)
async def list_connection_types(ask: Ask) -> ConnectionTypes:  # noqa: ARG001
    """Every type with what it can do and the fields of its settings, from which a form can be drawn."""
    return ConnectionTypes(
        tuple(
            ConnectionTypeOut(
                type=kind.name,
                title=kind.title,
                channel=kind.channel,
                traits=kind.traits,
                fields=form_fields(kind.Settings, kind.secrets),
            )
            for kind in TYPES.values()
        )
    )


@operation("POST", "/v1/connections", WRITE, "Connect a provider or mail server", tag=TAG, status=201,
           example=EXAMPLE, shown_once=("callback_url",))  # fmt: skip
async def add_connection(ask: Ask, data: NewConnectionForm) -> ConnectionOut:
    """Secrets among the settings are kept sealed and shown as a mask from then on."""
    if data.type not in TYPES:
        raise Invalid.field("type", f"must be one of {', '.join(TYPES)}")
    connection, notes = new_connection(ask.account_id, data, TYPES[data.type], ask.now)
    _check_places(ask, connection)
    return _shown(ask, await add(ask, connection), notes)


@operation("GET", "/v1/connections", READ, "List connections", tag=TAG)
async def list_connections(ask: Ask, query: PageQuery) -> Listing[ConnectionOut]:
    page = await ask.app.store.list_setup(Connection, ask.account_id, query.cursor, query.limit)
    return Listing(tuple(_shown(ask, connection) for connection in page.items), page.next_cursor)


@operation("GET", ITEM, READ, "Read a connection", tag=TAG)
async def get_connection(ask: Ask, connection_id: str) -> ConnectionOut:
    """`session` is how a connection that stays open is doing; null for types that keep none."""
    return _shown(ask, await find(ask, Connection, connection_id))


@operation("PATCH", ITEM, WRITE, "Change a connection", tag=TAG, example={"status": "paused"})
async def change_connection_(ask: Ask, connection_id: str, data: ConnectionForm) -> ConnectionOut:
    """What is left out stays as it is, within `settings` too. Where its address changes, secrets are given again.

    Pausing or disabling holds what is pending; resuming releases it; enabling a disabled connection releases it
    unless `release_held` is false. What has become too old meanwhile is not sent.
    """
    notes: list[str] = []

    async def make(before: Connection) -> Connection:
        changed, notes[:] = change_connection(before, data, TYPES[before.type])
        if changed.settings != before.settings:
            _check_places(ask, changed)
        return changed

    before, after = await change(ask, Connection, connection_id, make)
    await _apply_status(ask, before, after, release=data.release_held is not False)
    return _shown(ask, after, notes)


@operation("DELETE", ITEM, WRITE, "Delete a connection", tag=TAG, status=204)
async def delete_connection(ask: Ask, connection_id: str, query: ForceQuery) -> None:
    """What is pending or held is cancelled. 409 while senders or enabled actions use it, unless `force` is given;
    those then send nothing until they are given another.
    """
    await find(ask, Connection, connection_id)
    settings = await settings_of(ask)
    users = [(s.id, s.name or s.value) for s in settings.senders if s.connection_id == connection_id]
    users += [(rule.id, rule.name) for rule in settings.rules if rule.connection_id == connection_id]
    if users and not query.force:
        raise Conflict(f"This connection is used by {named(users)}. Change those first, or add force=true.")
    await delete(ask, Connection, connection_id)
    ask.app.smtp.forget(connection_id)


@operation("POST", ITEM + "/test", WRITE, "Try a connection", tag=TAG)
async def test_connection(ask: Ask, connection_id: str) -> ConnectionTest:
    """Logs in without sending anything, and says exactly what is wrong."""
    connection = await find(ask, Connection, connection_id)
    started = time.perf_counter()
    try:
        ok, message = True, await _probe(ask, connection)
    except Invalid as wrong:
        ok, message = False, wrong.errors[0].message if wrong.errors else wrong.message
    return ConnectionTest(ok, message, round((time.perf_counter() - started) * 1000, 1))


@operation("GET", ITEM + "/health", READ, "How a provider has been doing", tag=TAG)
async def connection_health(ask: Ask, connection_id: str) -> Health:
    """`delivered` counts what the provider or mail server took; receipts are told with the messages."""
    await find(ask, Connection, connection_id)
    return await ask.app.store.health(ask.account_id, connection_id)


@operation("POST", ITEM + "/rotate-token", WRITE, "Replace the callback address", tag=TAG)
async def rotate_connection_token(ask: Ask, connection_id: str) -> ConnectionOut:
    """The old `callback_url` ends at once: give the provider the new one wherever it is entered by hand."""

    async def make(before: Connection) -> Connection:
        if before.channel != "sms":
            raise Conflict("A mail server calls nobody back.")
        return msgspec.structs.replace(before, token=new_token())

    _, after = await change(ask, Connection, connection_id, make)
    return _shown(ask, after)


async def _probe(ask: Ask, connection: Connection) -> str:
    """A line for the admin. Raises Invalid with what is wrong."""
    if connection.type == SMTP:
        return await ask.app.smtp.probe(connection)
    if not TYPES[connection.type].keeps:
        return await ask.app.sms.probe(connection)
    session = _session(ask, connection)
    if session is not None and session.state == "elsewhere":
        raise Invalid("Another node of the fleet holds this connection; this one does not know how it is.")
    return await ask.app.smpp.probe(connection)


async def _apply_status(ask: Ask, before: Connection, after: Connection, *, release: bool) -> None:
    store = ask.app.store
    if after.status != "enabled":
        ask.app.smtp.forget(after.id)
    if before.status == after.status:
        return
    if after.status != "enabled":
        await store.hold(ask.account_id, after.id, after.status)
    elif before.status == "paused" or release:
        await store.release(ask.account_id, after.id, ask.now)
    ask.changed()


def _check_places(ask: Ask, connection: Connection) -> None:
    """Refuse addresses that cannot be meant. Names of hosts are looked up when dialling."""
    config, settings = ask.app.config, connection.settings
    for name in ("api_base", "reports_base", "url"):
        if settings.get(name):
            # Only its origin: placeholders may stand in the path.
            origin = "/".join(settings[name].partition("?")[0].split("/", 3)[:3])
            check_target(origin, config.dev, config.networks, f"settings.{name}")
    if "host" not in settings:
        return
    address = check_host(settings["host"], config.networks, "settings.host")
    if settings.get("security") != "none" or config.dev:
        return
    if address is None or AddressRules().check(address) is None:
        why = "sends mails in clear: only in development, or to an address in a network the operator allows"
        raise Invalid.field("settings.security", why)


def _shown(ask: Ask, connection: Connection, notes: list[str] | None = None) -> ConnectionOut:
    told = connection.channel == "sms" and WRITE in ask.caller.scopes
    return ConnectionOut(
        **{name: getattr(connection, name) for name in SAME},
        settings=shown_settings(connection),
        callback_url=ask.app.callback_url(connection) if told else None,
        session=_session(ask, connection),
        notes=tuple(notes or ()),
    )


def _session(ask: Ask, connection: Connection) -> SessionOut | None:
    if not TYPES[connection.type].keeps or connection.status != "enabled":
        return None
    status = ask.app.smpp.status(connection.id)
    if status is not None:
        return SessionOut(status.state, status.since, status.error)
    return SessionOut("connecting" if ask.app.fleet.owns(connection.id) else "elsewhere")


OPERATIONS = (
    list_connection_types, add_connection, list_connections, get_connection, change_connection_,
    delete_connection, test_connection, connection_health, rotate_connection_token,
)  # fmt: skip
