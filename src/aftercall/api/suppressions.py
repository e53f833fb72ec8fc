"""/v1/suppressions: to whom nothing is sent, and why (S5)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftercall.api.contacts import READ, WRITE
from aftercall.api.operation import Ask, Listing, PageQuery, operation
from aftercall.domain.contact import Suppression, SuppressionSource
from aftercall.engine.contacts import Clearance, SuppressionQuery
from aftercall.engine.setup import check_texts
from aftercall.engine.setup_contact import check_address

TAG = "Suppressions"
Address = Annotated[str, Meta(min_length=1, max_length=254, description="A number or a mail address.")]
Scope = Annotated[str, Meta(min_length=1, max_length=200,
                            description="`all`, a sender's number or header, or a connection's id.")]  # fmt: skip
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class SuppressionForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    address: Address
    scope: Scope = "all"
    category: Literal["all", "promotional"] = "all"
    reason: Annotated[str, Meta(max_length=500)] = ""


class SuppressionsQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """`cleared`: those that count no more, instead of those that do."""

    address: Address | None = None
    channel: Literal["sms", "email"] | None = None
    source: tuple[SuppressionSource, ...] = ()
    cleared: bool = False


class CheckQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    address: Address


class ClearQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`reason` is kept with what was lifted. Without `source` and `scope`, all of the address's."""

    address: Address
    reason: Reason
    source: tuple[SuppressionSource, ...] = ()
    scope: Scope | None = None


class SuppressionOut(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    channel: Literal["sms", "email"]
    source: SuppressionSource
    scope: str
    category: Literal["all", "promotional"]
    reason: str
    delivery_id: str | None
    created_at: datetime
    created_by: str
    cleared_at: datetime | None
    cleared_by: str
    cleared_reason: str


class Checked(msgspec.Struct, frozen=True):
    """`address` as the list knows it. `items` is what counts now."""

    address: str
    channel: Literal["sms", "email"]
    suppressed: bool
    items: tuple[SuppressionOut, ...]


class Cleared(msgspec.Struct, frozen=True):
    """What was lifted now."""

    items: tuple[SuppressionOut, ...]


@operation("POST", "/v1/suppressions", WRITE, "Suppress an address", tag=TAG, status=201,
           example={"address": "+14085551234", "reason": "asked by phone"})  # fmt: skip
async def add_suppression(ask: Ask, data: SuppressionForm) -> SuppressionOut:
    """With the source `manual`. What is suppressed already keeps its date and reason."""
    address, channel = await _address(ask, data.address)
    check_texts(reason=data.reason, scope=data.scope)
    row = Suppression(
        account_id=ask.account_id,
        address=address,
        channel=channel,
        source="manual",
        scope=data.scope,
        category=data.category,
        reason=data.reason,
        created_at=ask.now,
        created_by=ask.caller.name,
    )
    await ask.app.store.add_suppressions([row])
    known = (await ask.app.store.find_suppressions(ask.account_id, [address])).get(address, [])
    return shown(next((k for k in known if (k.source, k.scope) == ("manual", data.scope)), row))


@operation("GET", "/v1/suppressions", READ, "List suppressions, newest first", tag=TAG)
async def list_suppressions(ask: Ask, query: SuppressionsQuery) -> Listing[SuppressionOut]:
    asked = SuppressionQuery(**msgspec.structs.asdict(query))
    if query.address is not None:
        asked = msgspec.structs.replace(asked, address=(await _address(ask, query.address))[0])
    page = await ask.app.store.list_suppressions(ask.account_id, asked)
    return Listing(tuple(shown(row) for row in page.items), page.next_cursor)


@operation("GET", "/v1/suppressions/check", READ, "Is an address suppressed?", tag=TAG)
async def check_suppression(ask: Ask, query: CheckQuery) -> Checked:
    address, channel = await _address(ask, query.address)
    found = (await ask.app.store.find_suppressions(ask.account_id, [address])).get(address, [])
    return Checked(address, channel, bool(found), tuple(shown(row) for row in found))


@operation("DELETE", "/v1/suppressions", WRITE, "Lift the suppression of an address", tag=TAG)
async def clear_suppressions(ask: Ask, query: ClearQuery) -> Cleared:
    """What was lifted stays on record, with who did it and the reason. A recipient who wrote STOP should be asked."""
    address, _ = await _address(ask, query.address)
    check_texts(reason=query.reason)
    clearance = Clearance(
        address=address,
        sources=query.source or None,
        scopes=None if query.scope is None else (query.scope,),
        by=ask.caller.name,
        reason=query.reason,
        at=ask.now,
    )
    lifted = await ask.app.store.clear_suppressions(ask.account_id, clearance)
    return Cleared(tuple(shown(row) for row in lifted))


async def _address(ask: Ask, address: str) -> tuple[str, Literal["sms", "email"]]:
    return check_address(address, (await ask.account()).country)


def shown(row: Suppression) -> SuppressionOut:
    return SuppressionOut(**{name: getattr(row, name) for name in SuppressionOut.__struct_fields__})


OPERATIONS = (add_suppression, list_suppressions, check_suppression, clear_suppressions)
