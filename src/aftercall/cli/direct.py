"""Commands that work on the store itself: `keys`, `accounts`, `rebuild`, `backup`.

Where a running server holds the SQLite file, keys and accounts go through its API instead.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aftercall.cli.shell import DATA_IN_USE, UNREACHABLE, Failure
from aftercall.config import Config
from aftercall.domain.account import Account
from aftercall.domain.errors import Unavailable
from aftercall.store.store import SqlStore


class InUse(Exception):
    """A running server has the SQLite file open."""


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[SqlStore]:
    """The store. Raises InUse, and Failure when there is none or it cannot be reached."""
    from aftercall.store.database import open_store
    from aftercall.store.vault import Vault

    file = config.sqlite_path
    if file is not None and not file.exists():
        raise Failure(f"There is no database at {file}.", hint="Name its directory with --data.")
    try:
        store = await open_store(config.database, vault=Vault(config.secret_keys))
    except Unavailable as error:
        raise Failure(error.message, UNREACHABLE) from None
    except RuntimeError as error:
        if in_use(error):
            raise InUse(str(error)) from None
        raise Failure(str(error)) from None
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def exclusively(config: Config) -> AsyncIterator[SqlStore]:
    """As `opened`, for what the API cannot do. Raises Failure when a server is running."""
    try:
        async with opened(config) as store:
            yield store
    except InUse as error:
        raise Failure(str(error), DATA_IN_USE, "Stop the server for this.") from None


def in_use(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and "in use" in str(error)


async def account(store: SqlStore, id: str | None) -> Account:
    """The account with this id, or the only one. Raises Failure."""
    if id is not None:
        found = await store.get_account(id)
        if found is None:
            raise Failure(f"There is no account {id}.")
        return found
    page = await store.list_accounts(None, 2)
    if len(page.items) != 1:
        raise Failure("There is more than one account." if page.items else "There is no account yet.",
                      hint="Name it with --account; `aftercall accounts list` shows them.")  # fmt: skip
    return page.items[0]
