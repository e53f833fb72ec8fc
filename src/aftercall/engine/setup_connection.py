"""Setting up a connection to a provider or mail server: what may be asked for, and which rules it keeps (S3, S7)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.domain.connection import Connection
from aftercall.domain.errors import Invalid
from aftercall.engine.ids import new_id
from aftercall.engine.messaging import Traits
from aftercall.engine.reading import read
from aftercall.engine.setup import check_schedule, check_texts, new_token
from aftercall.engine.setup_secrets import MASK

PLAIN = (
    "name", "status", "rate_limit", "max_in_flight", "timeout_seconds", "keyword_replies", "price", "currency",
)  # fmt: skip
PLACES = ("host", "api_base", "reports_base", "url")  # settings that say where the secrets go


class ConnectionType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of connection. `keeps`: it stays open; `check` is what the types of the settings do not say."""

    name: str
    title: str
    channel: Literal["sms", "email"]
    Settings: type[msgspec.Struct]
    secrets: frozenset[str]
    traits: Traits | None = None
    keeps: bool = False
    check: Callable[[Any], None] | None = None


class ConnectionForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be set of a connection. What is left out stays as it is, or takes its default."""

    name: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    status: Literal["enabled", "paused", "disabled"] | UnsetType = UNSET
    release_held: (
        Annotated[
            bool, Meta(description="When a disabled connection is enabled: send what was held meanwhile.")
        ]
        | UnsetType
    ) = UNSET
    settings: (
        Annotated[
            dict[str, Any],
            Meta(
                max_length=100,
                description="As GET /v1/connection-types tells them, secrets too. What is left out stays; null is "
                "the default; a masked secret that comes back is the stored one.",
            ),
        ]
        | UnsetType
    ) = UNSET
    rate_limit: (
        Annotated[float, Meta(ge=0, le=10_000, description="Messages a second; 0: no limit.")] | UnsetType
    ) = UNSET
    max_in_flight: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    timeout_seconds: Annotated[float, Meta(ge=1, le=60)] | UnsetType = UNSET
    retry_schedule: (
        Annotated[
            list[Annotated[int, Meta(ge=1, le=604_800)]],
            Meta(max_length=20, description="Seconds after each failed attempt; null: the account's."),
        ]
        | UnsetType
        | None
    ) = UNSET
    keyword_replies: (
        Annotated[
            Literal["provider", "aftercall", "off"], Meta(description="Who answers STOP, START and HELP.")
        ]
        | UnsetType
    ) = UNSET
    price: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$",
                description="Of one segment or mail, for previews.",
                examples=["0.0079"],
            ),
        ]
        | UnsetType
        | None
    ) = UNSET
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["USD"])] | UnsetType | None = UNSET


class NewConnectionForm(ConnectionForm, kw_only=True, forbid_unknown_fields=True):
    type: Annotated[
        str, Meta(max_length=50, examples=["twilio"], description="One of GET /v1/connection-types.")
    ]
    settings: Annotated[
        dict[str, Any], Meta(max_length=100, description="As GET /v1/connection-types tells them.")
    ]


def new_connection(
    account_id: str, form: ConnectionForm, kind: ConnectionType, now: datetime
) -> tuple[Connection, list[str]]:
    """The connection asked for, and notes for whoever asked. Raises Invalid."""
    blank = Connection(
        id=new_id("cn"),
        account_id=account_id,
        channel=kind.channel,
        type=kind.name,
        name=kind.title,
        token=new_token() if kind.channel == "sms" else "",
        created_at=now,
        updated_at=now,
    )
    return change_connection(blank, form, kind)


def change_connection(
    connection: Connection, form: ConnectionForm, kind: ConnectionType
) -> tuple[Connection, list[str]]:
    """The connection with what the form sets, and notes. Raises Invalid; changes nothing half."""
    set_: dict[str, Any] = {n: v for n in PLAIN if (v := getattr(form, n)) is not UNSET}
    check_texts(name=set_.get("name"))
    if form.settings is not UNSET:
        set_ |= _settings(form.settings, connection, kind)
    if form.retry_schedule is not UNSET:
        set_["retry_schedule"] = check_schedule(form.retry_schedule)
    if form.status is not UNSET:
        set_["status_reason"] = None
    changed = msgspec.structs.replace(connection, **set_)
    return changed, _notes(changed, kind)


def shown_settings(connection: Connection) -> dict[str, Any]:
    """The settings as they may be shown: a mask in the place of each secret."""
    return connection.settings | dict.fromkeys(connection.secrets, MASK)


def _settings(asked: Mapping[str, Any], connection: Connection, kind: ConnectionType) -> dict[str, Any]:
    told: dict[str, Any] = connection.settings | connection.secrets
    kept = set(connection.secrets)
    for name, value in asked.items():
        if value == MASK and name in kind.secrets:
            continue
        kept.discard(name)
        if value is None or (value == "" and name in kind.secrets):
            told.pop(name, None)
        else:
            told[name] = value
    _stays_in_its_place(connection.settings, told, kept)
    settings = read(told, kind.Settings, field="settings")
    if kind.check is not None:
        kind.check(settings)
    return {
        "settings": {name: value for name, value in told.items() if name not in kind.secrets},
        "secrets": {name: value for name, value in told.items() if name in kind.secrets},
    }


def _stays_in_its_place(before: Mapping[str, Any], after: Mapping[str, Any], kept: set[str]) -> None:
    """Whoever may change a connection cannot have its stored secrets sent to a server of their own."""
    if kept and any(_place(before.get(name)) != _place(after.get(name)) for name in PLACES):
        raise Invalid.field(
            f"settings.{min(kept)}", "give it again: a stored secret does not go to another address"
        )


def _place(address: Any) -> Any:
    if not isinstance(address, str) or "://" not in address:
        return address
    try:
        return urlsplit(address)[:2]
    except ValueError:
        return address


def _notes(connection: Connection, kind: ConnectionType) -> list[str]:
    notes = []
    traits = kind.traits
    if traits is not None and connection.keyword_replies == "provider" and not traits.keywords:
        notes.append(
            "STOP and HELP are answered only where the provider does so by itself; with keyword_replies `aftercall` "
            "they are answered from here. Opt-outs are kept either way."
        )
    if (connection.price is None) != (connection.currency is None):
        notes.append("A price needs its currency, and the other way round.")
    return notes
