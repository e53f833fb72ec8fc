"""`keys` and `accounts`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from cyclopts import App, Parameter

from aftercall.cli.shell import Failure, Where, client, configure, out, run, table
from aftercall.client import Client
from aftercall.config import Config

keys = App(name="keys", help="API keys: create, list, revoke.")
accounts = App(name="accounts", help="Accounts: create, list.")

OneAccount = Annotated[str | None, Parameter(help="Account id; not needed while there is only one.")]
T = TypeVar("T")


@keys.command(name="create")
def create_key(
    where: Where | None = None,
    *,
    name: Annotated[str, Parameter(help="What it is for.")] = "cli",
    scopes: Annotated[
        tuple[str, ...] | None, Parameter(help="What it may do; default: all that an account's owner may.")
    ] = None,
    account: OneAccount = None,
) -> None:
    """Make an API key and show it, this once."""
    from aftercall.domain.account import SCOPES

    asked = scopes or SCOPES

    async def directly(store: Any) -> str:
        from aftercall.cli.direct import account as find
        from aftercall.engine.keys import make_key

        plaintext, key = make_key((await find(store, account)).id, name, asked, datetime.now(UTC))
        await store.add_key(key)
        return plaintext

    async def remotely(api: Client) -> str:
        path = f"/v1/accounts/{account}/keys" if account else "/v1/keys"
        made: str = (await api.post(path, {"name": name, "scopes": list(asked)}))["key"]
        return made

    out.print(_either(where, directly, remotely), markup=False)


@keys.command(name="list")
def list_keys(where: Where | None = None, *, account: OneAccount = None) -> None:
    """Show the keys, without what they are."""

    async def directly(store: Any) -> list[Any]:
        from aftercall.cli.direct import account as find

        account_id = (await find(store, account)).id
        return await _all(lambda cursor: store.list_keys(account_id, cursor, 200))

    async def remotely(api: Client) -> list[Any]:
        _only_own(account)
        return [key async for key in api.pages("/v1/keys")]

    found = _either(where, directly, remotely)
    rows = [
        (
            k["id"],
            k["name"],
            k["hint"] + "…",
            _scopes(k["scopes"]),
            k["created_at"],
            k.get("last_used_at"),
            k.get("revoked_at"),
        )
        for k in found
    ]
    table(("id", "name", "begins", "scopes", "created", "last used", "revoked"), rows)


@keys.command(name="revoke")
def revoke_key(id: str, where: Where | None = None, *, account: OneAccount = None) -> None:
    """Make a key useless, for good. A running server may take a few seconds to notice."""

    async def directly(store: Any) -> bool:
        from aftercall.cli.direct import account as find

        done: bool = await store.revoke_key((await find(store, account)).id, id, datetime.now(UTC))
        return done

    async def remotely(api: Client) -> bool:
        _only_own(account)
        await api.call("DELETE", f"/v1/keys/{id}")
        return True

    if not _either(where, directly, remotely):
        raise Failure(f"There is no key {id} that could be revoked.")
    out.print(f"Revoked {id}.", markup=False)


@accounts.command(name="create")
def create_account(name: str, where: Where | None = None) -> None:
    """Make an account and its owner key, which is shown this once."""

    async def directly(store: Any) -> dict[str, Any]:
        from aftercall.domain.account import SCOPES, Account
        from aftercall.engine.founding import add_account
        from aftercall.engine.ids import new_id
        from aftercall.engine.keys import make_key

        now = datetime.now(UTC)
        made = await add_account(store, Account(id=new_id("ac"), name=name, created_at=now), now)
        plaintext, key = make_key(made.id, "owner", SCOPES, now)
        await store.add_key(key)
        return {"id": made.id, "key": plaintext}

    async def remotely(api: Client) -> dict[str, Any]:
        made = await api.post("/v1/accounts", {"name": name})
        return {"id": made["id"], "key": (await api.post(f"/v1/accounts/{made['id']}/keys"))["key"]}

    made = _either(where, directly, remotely)
    out.print(f"Account {made['id']}, owner key:", markup=False)
    out.print(str(made["key"]), markup=False)


@accounts.command(name="list")
def list_accounts(where: Where | None = None) -> None:
    """Show the accounts."""

    async def directly(store: Any) -> list[Any]:
        return await _all(lambda cursor: store.list_accounts(cursor, 200))

    async def remotely(api: Client) -> list[Any]:
        return [account async for account in api.pages("/v1/accounts")]

    found = _either(where, directly, remotely)
    rows = [(a["id"], a["name"], a.get("status", "active"), a["created_at"]) for a in found]
    table(("id", "name", "status", "created"), rows)


def _scopes(scopes: Sequence[str]) -> str:
    from aftercall.domain.account import SCOPES

    every = set(SCOPES) <= set(scopes)
    return " ".join(["all", *(set(scopes) - set(SCOPES))] if every else scopes)


def _either(
    where: Where | None,
    directly: Callable[[Any], Awaitable[T]],
    remotely: Callable[[Client], Awaitable[T]],
) -> T:
    """On the store, or through the server that has it open."""
    config = configure(where)
    return run(_reach(config, directly, remotely))


async def _reach(
    config: Config, directly: Callable[[Any], Awaitable[T]], remotely: Callable[[Client], Awaitable[T]]
) -> T:
    from aftercall.cli.direct import InUse, opened

    try:
        async with opened(config) as store:
            return await directly(store)
    except InUse:
        async with client(config) as api:
            return await remotely(api)


async def _all(pages: Callable[[str | None], Awaitable[Any]]) -> list[Any]:
    items: list[Any] = []
    cursor: str | None = None
    while True:
        page = await pages(cursor)
        items += [msgspec.to_builtins(item) for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return items


def _only_own(account: str | None) -> None:
    if account is not None:
        raise Failure(
            "While the server runs on SQLite, only its own key's account can be reached.",
            hint="Use that account's key (--key is AFTERCALL_API_KEY), or stop the server.",
        )
