"""Setting up a sender: what may be asked for, and what each kind of sender looks like (S3)."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.domain import dlt
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Conflict, Invalid
from aftercall.domain.gsm7 import septets
from aftercall.domain.message import Category, SenderKind
from aftercall.domain.phone import normalise, phone_type
from aftercall.domain.sender import A2p, Sender
from aftercall.engine.ids import new_id
from aftercall.engine.setup import check_country, check_texts

ONE_WAY = frozenset({"alphanumeric", "dlt_header"})  # nobody can answer those
PLAIN = ("name", "status", "replies", "daily_cap")
_SHORT_CODE = re.compile(r"[0-9]{3,8}", re.ASCII)
_POOL = re.compile(r"[\x21-\x7e]{1,64}")

Code = Annotated[str, Meta(max_length=100)]


class A2pForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """US: `registered` says that carriers know the number: a long code by its campaign, a toll-free one verified."""

    registered: bool = False
    brand_id: Code | None = None
    campaign_id: Code | None = None
    use_case: Code | None = None
    verified_at: Annotated[datetime, Meta(tz=True)] | None = None


class SenderForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be set of a sender. `kind` and `value` go together: what recipients see, or a pool's id."""

    connection_id: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    value: (
        Annotated[str, Meta(min_length=1, max_length=64, examples=["+14155550100", "ACMECO"])] | UnsetType
    ) = UNSET
    kind: SenderKind | UnsetType = UNSET
    name: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    status: Literal["enabled", "paused"] | UnsetType = UNSET
    countries: (
        Annotated[
            list[Annotated[str, Meta(pattern="^[A-Za-z]{2}$")]],
            Meta(max_length=250, description="It may write there only (ISO 3166); none: anywhere."),
        ]
        | UnsetType
    ) = UNSET
    categories: (
        Annotated[list[Category], Meta(max_length=10, description="It is for these only; none: for all.")]
        | UnsetType
    ) = UNSET
    replies: Annotated[bool, Meta(description="Whether recipients can answer it.")] | UnsetType = UNSET
    a2p: A2pForm | UnsetType | None = UNSET
    dlt_entity_id: (
        Annotated[str, Meta(max_length=19, description="India: whose header this is (PE id).")]
        | UnsetType
        | None
    ) = UNSET
    daily_cap: Annotated[int, Meta(ge=1, le=10_000_000, description="Messages a day.")] | UnsetType | None = (
        UNSET
    )


class NewSenderForm(SenderForm, kw_only=True, forbid_unknown_fields=True):
    connection_id: Annotated[str, Meta(max_length=200)]
    value: Annotated[str, Meta(min_length=1, max_length=64, examples=["+14155550100", "ACMECO"])]
    kind: SenderKind


def new_sender(
    account_id: str,
    form: NewSenderForm,
    connections: Mapping[str, Connection],
    country: str | None,
    now: datetime,
) -> Sender:
    """The sender asked for. `country` is the account's, for numbers written the national way. Raises Invalid."""
    blank = Sender(
        id=new_id("snd"),
        account_id=account_id,
        connection_id=form.connection_id,
        value=form.value,
        kind=form.kind,
        replies=form.kind not in ONE_WAY,
        created_at=now,
        updated_at=now,
    )
    return change_sender(blank, form, connections, country)


def change_sender(
    sender: Sender, form: SenderForm, connections: Mapping[str, Connection], country: str | None
) -> Sender:
    """The sender with what the form sets. Raises Invalid; changes nothing half."""
    set_: dict[str, Any] = {n: v for n in PLAIN if (v := getattr(form, n)) is not UNSET}
    if form.connection_id is not UNSET:
        set_["connection_id"] = _connection(form.connection_id, connections)
    if form.value is not UNSET or form.kind is not UNSET:
        kind = sender.kind if form.kind is UNSET else form.kind
        value = sender.value if form.value is UNSET else form.value
        set_ |= {"kind": kind, "value": sender_value(kind, value, country)}
    if form.countries is not UNSET:
        set_["countries"] = tuple(dict.fromkeys(check_country(code) or "" for code in form.countries))
    if form.categories is not UNSET:
        set_["categories"] = tuple(dict.fromkeys(form.categories))
    if form.a2p is not UNSET:
        set_["a2p"] = None if form.a2p is None else A2p(**msgspec.structs.asdict(form.a2p))
    if form.dlt_entity_id is not UNSET:
        if form.dlt_entity_id is not None and not dlt.ID.fullmatch(form.dlt_entity_id):
            raise Invalid.field("dlt_entity_id", "must be the registered number: up to 19 digits")
        set_["dlt_entity_id"] = form.dlt_entity_id
    check_texts(name=set_.get("name"))
    return msgspec.structs.replace(sender, **set_)


def sender_value(kind: SenderKind, value: str, country: str | None) -> str:
    """What stands in the messages. Raises Invalid for what no sender of this kind can be."""
    value = value.strip()
    if kind in ("long_code", "toll_free"):
        e164 = normalise(value, country).e164
        if e164 is None:
            raise Invalid.field("value", "must be a phone number, best in E.164 form such as +14155550100")
        return e164
    if kind == "short_code" and not _SHORT_CODE.fullmatch(value):
        raise Invalid.field("value", "a short code has 3 to 8 digits")
    if kind == "dlt_header" and not dlt.HEADER.fullmatch(value):
        raise Invalid.field(
            "value", "a header has 3 to 6 letters or digits; operators add -P, -S, -T, -G themselves"
        )
    if kind == "alphanumeric" and not _is_name(value):
        raise Invalid.field(
            "value", "a name has 3 to 11 characters of the GSM alphabet, one of them a letter"
        )
    if kind == "pool" and not _POOL.fullmatch(value):
        raise Invalid.field("value", "must be the provider's id of the pool: printable ASCII without spaces")
    return value


def check_distinct(sender: Sender, others: Iterable[Sender]) -> None:
    """Raise Conflict where the connection has this sender already."""
    for other in others:
        same = (other.connection_id, other.value) == (sender.connection_id, sender.value)
        if same and other.id != sender.id:
            raise Conflict(f"This connection has this sender already: {other.id}.")


def sender_notes(sender: Sender, connections: Mapping[str, Connection]) -> list[str]:
    """What an admin should know of it."""
    notes = []
    is_toll_free = phone_type(sender.value) == "toll_free"
    if sender.kind == "long_code" and is_toll_free:
        notes.append("This looks like a toll-free number: with kind toll_free its verification is checked.")
    if sender.kind == "toll_free" and not is_toll_free:
        notes.append("This does not look like a toll-free number.")
    is_us = sender.value.startswith("+1") and (not sender.countries or "US" in sender.countries)
    if sender.kind == "long_code" and is_us and not (sender.a2p and sender.a2p.registered):
        notes.append("US carriers block long codes that are not registered (A2P 10DLC): set a2p.registered.")
    if sender.kind == "dlt_header" and not sender.dlt_entity_id:
        notes.append("Without dlt_entity_id the entity of each template counts.")
    connection = connections.get(sender.connection_id)
    if connection is not None and connection.status != "enabled":
        notes.append(f"Its connection is {connection.status}.")
    return notes


def _connection(connection_id: str, connections: Mapping[str, Connection]) -> str:
    found = connections.get(connection_id)
    if found is None:
        raise Invalid.field("connection_id", "there is no such connection")
    if found.channel != "sms":
        raise Invalid.field(
            "connection_id", "must be a connection for texts; a mail server has its own sender"
        )
    return connection_id


def _is_name(value: str) -> bool:
    shown = all(septets(char) == 1 and char not in "\n\r\f" for char in value)
    return 3 <= len(value) <= 11 and shown and any(char.isalpha() for char in value)
