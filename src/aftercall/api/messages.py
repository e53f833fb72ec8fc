"""/v1/messages: texts and mails, why each went or did not, what became of it; sending one again (S5, S6, W10)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftercall.api.deliveries import DeliveryOut, cancel, find_delivery
from aftercall.api.deliveries import shown as delivery_shown
from aftercall.api.message_shown import DecisionOut, MessageDetail, MessageOut, decided, detailed, shown
from aftercall.api.operation import Ask, Listing, operation
from aftercall.api.resending import ResendForm, send_again
from aftercall.domain.delivery import Delivery, DeliveryStatus
from aftercall.domain.errors import NotFound
from aftercall.domain.phone import normalise
from aftercall.engine.message_rows import MessageQuery

TAG = "Messages"
Moment = Annotated[datetime, Meta(tz=True)]
Id = Annotated[str, Meta(max_length=200)]


class MessagesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`address` is a number or a mail address, `sender` what recipients see."""

    channel: Literal["sms", "email"] | None = None
    rule_id: Id | None = None
    template_id: Id | None = None
    sender: Id | None = None
    connection_id: Id | None = None
    call_id: Id | None = None
    address: Annotated[str, Meta(max_length=254)] | None = None
    status: tuple[DeliveryStatus, ...] = ()
    since: Moment | None = None
    until: Moment | None = None
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


@operation("GET", "/v1/messages", "messages:read", "List texts and mails, newest first", tag=TAG)
async def list_messages(ask: Ask, query: MessagesQuery) -> Listing[MessageOut]:
    """Those that the guard has looked at. Those held by a paused connection before that are in /v1/deliveries."""
    asked = msgspec.structs.asdict(query)
    asked["address"] = await read_address(ask, query.address)
    page = await ask.app.store.list_messages(ask.account_id, MessageQuery(**asked))
    return Listing(tuple(shown(row) for row in page.items), page.next_cursor)


@operation("GET", "/v1/messages/{message_id}", "messages:read", "Read a message and all about it", tag=TAG)
async def get_message(ask: Ask, message_id: str) -> MessageDetail:
    """The message with its attempts, the guard's decision with every check, and the provider's receipts."""
    delivery = await find(ask, message_id)
    store = ask.app.store
    row = await store.get_message(ask.account_id, message_id)
    attempts = await store.delivery_attempts(ask.account_id, message_id)
    receipts = await store.message_receipts(ask.account_id, message_id)
    return detailed(delivery, row, attempts, receipts)


@operation(
    "GET", "/v1/messages/{message_id}/decision", "messages:read", "Why a message went or did not", tag=TAG
)
async def get_message_decision(ask: Ask, message_id: str) -> DecisionOut:
    """404 while the guard has not been asked."""
    await find(ask, message_id)
    row = await ask.app.store.get_message(ask.account_id, message_id)
    if row is None:
        raise NotFound("The guard has not decided about this message yet.")
    return decided(row)


@operation("POST", "/v1/messages/{message_id}/resend", "messages:write", "Send a message again", tag=TAG,
           status=201, example={"confirm": True})  # fmt: skip
async def resend_message(ask: Ask, message_id: str, data: ResendForm | None) -> DeliveryOut:
    """Only with `"confirm": true`: it may arrive twice. It is a delivery of its own and the guard is asked anew;
    with `override` (scope `messages:override`) checks that the policies leave to people do not stop it.
    """
    return delivery_shown(await send_again(ask, await find(ask, message_id), data or ResendForm()))


@operation("POST", "/v1/messages/{message_id}/cancel", "messages:write", "Cancel a message", tag=TAG)
async def cancel_message(ask: Ask, message_id: str) -> DeliveryOut:
    """Only one that waits, and is not being sent at this moment, can be cancelled."""
    return await cancel(ask, await find(ask, message_id))


async def find(ask: Ask, message_id: str) -> Delivery:
    delivery = await find_delivery(ask, message_id)
    if delivery.channel == "webhook":
        raise NotFound("There is no such message.")
    return delivery


async def read_address(ask: Ask, given: str | None) -> str | None:
    """As messages are kept under it: E.164, or a mail address in lower case."""
    if given is None:
        return None
    if "@" in given:
        return given.strip().casefold()
    # The plus of a number that was not escaped comes as a space.
    number = f"+{given[1:]}" if given.startswith(" ") else given
    country = (await ask.account()).country
    return normalise(number, country).best or given.strip()


OPERATIONS = (list_messages, get_message, get_message_decision, resend_message, cancel_message)
