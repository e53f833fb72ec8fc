"""/v1/keys: the account's API keys, shown once (D3)."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask, Listing, PageQuery, operation
from aftercall.domain.account import ApiKey
from aftercall.domain.errors import Forbidden, Invalid, NotFound
from aftercall.engine.keys import check_scopes, make_key
from aftercall.engine.setup import check_texts

TAG = "API keys"
SCOPES = Meta(max_length=20, description="What the key may do; never more than the key that makes it.",
              examples=[["calls:read", "webhooks:write"]])  # fmt: skip
Word = Annotated[str, Meta(max_length=50)]


class NewKeyForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`name` stands in the records of what is done with the key."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    scopes: Annotated[list[Word], SCOPES]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class KeyOut(msgspec.Struct, frozen=True, kw_only=True):
    """`hint` is how the key begins; `last_used_at` is exact to a minute."""

    id: str
    name: str
    scopes: tuple[str, ...]
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class KeyCreated(KeyOut, frozen=True, kw_only=True):
    key: str | None


@operation("POST", "/v1/keys", "keys:write", "Create an API key", tag=TAG, status=201, shown_once=("key",),
           example={"name": "CRM", "scopes": ["calls:read"]})  # fmt: skip
async def create_key(ask: Ask, data: NewKeyForm) -> KeyCreated:
    """The key itself is shown here once; only its hash is kept."""
    if data.expires_at is not None and data.expires_at <= ask.now:
        raise Invalid.field("expires_at", "must lie in the future")
    check_texts(name=data.name)
    wanted = check_scopes(data.scopes)
    if not set(wanted) <= set(ask.caller.scopes):
        raise Forbidden("A key cannot give more scopes than it has.")
    plaintext, key = make_key(ask.account_id, data.name, wanted, ask.now, data.expires_at)
    await ask.app.store.add_key(key)
    return KeyCreated(**fields(key), key=plaintext)


@operation("GET", "/v1/keys", "keys:write", "List API keys", tag=TAG)
async def list_keys(ask: Ask, query: PageQuery) -> Listing[KeyOut]:
    page = await ask.app.store.list_keys(ask.account_id, query.cursor, query.limit)
    return Listing(tuple(KeyOut(**fields(key)) for key in page.items), page.next_cursor)


@operation("DELETE", "/v1/keys/{key_id}", "keys:write", "Revoke an API key", tag=TAG, status=204)
async def revoke_key(ask: Ask, key_id: str) -> None:
    """It ends at once on this node and within five seconds on others."""
    if not await ask.app.store.revoke_key(ask.account_id, key_id, ask.now):
        raise NotFound("There is no such key, or it was revoked before.")
    ask.access.forget()


def fields(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in KeyOut.__struct_fields__}


OPERATIONS = (create_key, list_keys, revoke_key)
