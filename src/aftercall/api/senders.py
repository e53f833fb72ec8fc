"""/v1/senders: the numbers, names and headers that texts come from (S3)."""

from datetime import datetime

import msgspec

from aftercall.api.operation import Ask, Listing, PageQuery, operation
from aftercall.api.setups import add, change, delete, find, named, settings_of
from aftercall.domain.errors import Conflict
from aftercall.domain.message import Category, SenderKind
from aftercall.domain.sender import Sender
from aftercall.engine.rows import Settings
from aftercall.engine.setup_sender import (
    NewSenderForm,
    SenderForm,
    change_sender,
    check_distinct,
    new_sender,
    sender_notes,
)

TAG = "Senders"
READ, WRITE = "messages:read", "messages:write"
ITEM = "/v1/senders/{sender_id}"
EXAMPLE = {"connection_id": "cn_01K37ABCDEFGHJKMNPQRSTVWXY", "value": "+14155550100", "kind": "long_code",
           "countries": ["US"], "a2p": {"registered": True, "campaign_id": "C1234"}}  # fmt: skip
SAME = (
    "id", "connection_id", "value", "kind", "name", "status", "countries", "categories", "replies",
    "dlt_entity_id", "daily_cap", "created_at", "updated_at",
)  # fmt: skip


class A2pOut(msgspec.Struct, frozen=True, kw_only=True):
    registered: bool
    brand_id: str | None
    campaign_id: str | None
    use_case: str | None
    verified_at: datetime | None


class SenderOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    connection_id: str
    value: str
    kind: SenderKind
    name: str
    status: str
    countries: tuple[str, ...]
    categories: tuple[Category, ...]
    replies: bool
    a2p: A2pOut | None
    dlt_entity_id: str | None
    daily_cap: int | None
    created_at: datetime
    updated_at: datetime
    notes: tuple[str, ...] = ()


@operation("POST", "/v1/senders", WRITE, "Add a sender", tag=TAG, status=201, example=EXAMPLE)
async def create_sender(ask: Ask, data: NewSenderForm) -> SenderOut:
    """A text that names no sender takes the one that suits its recipient's country best."""
    settings = await settings_of(ask)
    sender = new_sender(ask.account_id, data, settings.connections, settings.account.country, ask.now)
    check_distinct(sender, settings.senders)
    return _shown(await add(ask, sender), settings)


@operation("GET", "/v1/senders", READ, "List senders", tag=TAG)
async def list_senders(ask: Ask, query: PageQuery) -> Listing[SenderOut]:
    page = await ask.app.store.list_setup(Sender, ask.account_id, query.cursor, query.limit)
    return Listing(tuple(_shown(sender) for sender in page.items), page.next_cursor)


@operation("GET", ITEM, READ, "Read a sender", tag=TAG)
async def get_sender(ask: Ask, sender_id: str) -> SenderOut:
    return _shown(await find(ask, Sender, sender_id))


@operation("PATCH", ITEM, WRITE, "Change a sender", tag=TAG, example={"status": "paused"})
async def change_sender_(ask: Ask, sender_id: str, data: SenderForm) -> SenderOut:
    settings = await settings_of(ask)

    async def make(before: Sender) -> Sender:
        changed = change_sender(before, data, settings.connections, settings.account.country)
        check_distinct(changed, settings.senders)
        return changed

    return _shown((await change(ask, Sender, sender_id, make))[1], settings)


@operation("DELETE", ITEM, WRITE, "Delete a sender", tag=TAG, status=204)
async def delete_sender(ask: Ask, sender_id: str) -> None:
    """409 while an enabled action names it."""
    rules = (await settings_of(ask)).rules
    users = [(rule.id, rule.name) for rule in rules if rule.sender_id == sender_id]
    if users:
        raise Conflict(f"This sender is used by {named(users)}.")
    await delete(ask, Sender, sender_id)


def _shown(sender: Sender, settings: Settings | None = None) -> SenderOut:
    return SenderOut(
        **{name: getattr(sender, name) for name in SAME},
        a2p=None if sender.a2p is None else A2pOut(**msgspec.structs.asdict(sender.a2p)),
        notes=tuple(sender_notes(sender, settings.connections)) if settings is not None else (),
    )


OPERATIONS = (create_sender, list_senders, get_sender, change_sender_, delete_sender)
