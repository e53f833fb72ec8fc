"""/v1/messages/rates and /v1/texts: how messages fare, and what people write back (S6)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftercall.api.messages import TAG, Moment, read_address
from aftercall.api.names import names_of
from aftercall.api.operation import Ask, Listing, operation
from aftercall.domain.connection import Connection
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.engine.message_rows import Counted, MessageQuery, MessageRow, StoredText

COLUMNS = {
    "rule": "rule_id",
    "template": "template_id",
    "sender": "sender",
    "connection": "connection_id",
}


class RatesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    by: Literal["rule", "template", "sender", "connection"] = "rule"
    channel: Literal["sms", "email"] | None = None
    since: Moment | None = None
    until: Moment | None = None


class RateOut(msgspec.Struct, frozen=True, kw_only=True):
    """Rates are shares of what is known: of delivered and undelivered, and of what was sent. Null of nothing.

    `key` is the id, or the sender's number; null where there is none. Tests are left out.
    """

    key: str | None
    name: str | None
    messages: int
    sent: int
    delivered: int
    undelivered: int
    failed: int
    blocked: int
    deferred: int
    unknown: int
    replied: int
    opted_out: int
    segments: int
    delivery_rate: float | None
    reply_rate: float | None
    opt_out_rate: float | None


class RatesOut(msgspec.Struct, frozen=True):
    items: tuple[RateOut, ...]


class TextsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`address` is the number that wrote."""

    address: Annotated[str, Meta(max_length=254)] | None = None
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class TextOut(msgspec.Struct, frozen=True, kw_only=True):
    """`keyword` is what it means to the guard: stop, start or help. `answers`: our latest message to that number."""

    id: str
    connection_id: str
    provider_id: str | None
    from_: str = msgspec.field(name="from")
    to: str
    text: str
    keyword: str | None
    at: datetime | None
    received_at: datetime
    answers: "AnsweredOut | None"


class AnsweredOut(msgspec.Struct, frozen=True, kw_only=True):
    message_id: str
    call_id: str | None
    rule_id: str | None
    template_id: str | None
    created_at: datetime


@operation("GET", "/v1/messages/rates", "messages:read", "How messages fare", tag=TAG)
async def message_rates(ask: Ask, query: RatesQuery) -> RatesOut:
    """Counts and rates for each rule, template, sender or connection."""
    asked = MessageQuery(channel=query.channel, since=query.since, until=query.until)
    rows = await ask.app.store.message_rates(ask.account_id, COLUMNS[query.by], asked)
    names = await _names(ask, query.by)
    return RatesOut(tuple(_rate(row, names) for row in rows))


@operation("GET", "/v1/texts", "messages:read", "What people write, newest first", tag=TAG)
async def list_texts(ask: Ask, query: TextsQuery) -> Listing[TextOut]:
    store = ask.app.store
    address = await read_address(ask, query.address)
    page = await store.list_texts(ask.account_id, address, query.cursor, query.limit)
    answered = {text.delivery_id for text in page.items if text.delivery_id is not None}
    rows = await store.get_messages(ask.account_id, answered)
    items = tuple(_text(text, rows.get(text.delivery_id or "")) for text in page.items)
    return Listing(items, page.next_cursor)


async def _names(ask: Ask, by: str) -> dict[str, str]:
    match by:
        case "rule":
            return await names_of(ask, Rule)
        case "template":
            return await names_of(ask, MessageTemplate)
        case "connection":
            return await names_of(ask, Connection)
    return {}


def _rate(row: Counted, names: dict[str, str]) -> RateOut:
    return RateOut(
        **{name: getattr(row, name) for name in Counted.__struct_fields__},
        name=names.get(row.key or ""),
        delivery_rate=row.delivery_rate,
        reply_rate=row.reply_rate,
        opt_out_rate=row.opt_out_rate,
    )


def _text(stored: StoredText, row: MessageRow | None) -> TextOut:
    told = stored.text
    return TextOut(
        id=stored.id,
        connection_id=stored.connection_id,
        provider_id=told.provider_id,
        from_=told.from_,
        to=told.to,
        text=told.text,
        keyword=stored.keyword,
        at=told.at,
        received_at=stored.received_at,
        answers=_answered(row) if row is not None else None,
    )


def _answered(row: MessageRow) -> AnsweredOut:
    return AnsweredOut(
        message_id=row.delivery.id,
        call_id=row.delivery.call_id,
        rule_id=row.rule_id,
        template_id=row.template_id,
        created_at=row.delivery.created_at,
    )


OPERATIONS = (message_rates, list_texts)
