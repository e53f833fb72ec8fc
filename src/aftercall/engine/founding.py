"""The first start on a new store: an account, its source for the HTTP API, and the owner's key."""

from datetime import datetime

from aftercall.domain.account import Account, Source
from aftercall.engine.ids import new_id
from aftercall.engine.keys import ALL_SCOPES, make_key, preset_key
from aftercall.engine.ports import Store
from aftercall.engine.setup import new_token

HTTP_SOURCE = "http"  # the type of the source that /v1/events uses when none is named


async def found(store: Store, preset: str, now: datetime) -> str | None:
    """The owner's key in plain text when this start made it; None when the store had its accounts already.

    `preset`: the key to use instead of a new one (empty: make one).
    """
    accounts = (await store.list_accounts(None, 1)).items
    if accounts:
        await store.settings(
            accounts[0].id
        )  # refuses a secret key that is not the one this store was sealed with
        return None
    account = await add_account(store, Account(id=new_id("ac"), name="Default", created_at=now), now)
    if preset:
        plaintext, key = preset, preset_key(preset, account.id, "owner", ALL_SCOPES, now)
    else:
        plaintext, key = make_key(account.id, "owner", ALL_SCOPES, now)
    await store.add_key(key)
    return plaintext


async def add_account(store: Store, account: Account, now: datetime) -> Account:
    """An account and the source every account has from the start."""
    await store.add_account(account)
    await store.add_source(
        Source(
            id=new_id("src"),
            account_id=account.id,
            type=HTTP_SOURCE,
            name="HTTP API",
            token=new_token(),
            created_at=now,
            updated_at=now,
        )
    )
    return account
