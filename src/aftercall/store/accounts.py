"""Accounts and API keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, literal_column, select, update

from aftercall.domain.account import Account, ApiKey
from aftercall.engine.rows import Page
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import accounts, api_keys
from aftercall.store.statement import Insert, Many, Query, types
from aftercall.store.values import document, micros, micros_or_none, moment_or_none

a, k = accounts.c, api_keys.c

_decode_account = msgspec.json.Decoder(Account).decode
_decode_key = msgspec.json.Decoder(ApiKey).decode

_ADD = Insert(accounts)
_GET = Query(select(a.document, a.version, a.id).where(a.id == bindparam("id")))
_VERSION = Query(select(a.version).where(a.id == bindparam("id")))
_raised = a.version + literal_column("1")
_RAISE = Query(update(accounts).where(a.id == bindparam("account_id")).values(version=_raised))
_UPDATE = Query(
    update(accounts)
    .where(a.id == bindparam("account_id"))
    .values(name=bindparam("new_name"), document=bindparam("new_document"), version=_raised)
)

_ADD_KEY = Insert(api_keys)
_FIND_KEY = Query(select(k.document).where(k.digest == bindparam("digest")))
_GET_KEY = Query(
    select(k.document)
    .where(k.account_id == bindparam("account_id"), k.id == bindparam("id"), k.revoked_at.is_(None))
    .with_for_update()
)
_REVOKE = Query(
    update(api_keys)
    .where(k.account_id == bindparam("in_account"), k.id == bindparam("with_id"))
    .values(document=bindparam("new_document"), revoked_at=bindparam("at"))
)
_USED = Many(
    types(k.account_id, k.id, k.last_used_at),
    lambda new: (
        update(api_keys)
        .where(k.account_id == new["account_id"], k.id == new["id"])
        .values(last_used_at=new["last_used_at"])
    ),
)


class SqlAccounts(Part):
    async def add_account(self, account: Account) -> None:
        row = (account.id, account.name, account.version, document(account), micros(account.created_at))
        await self._database.write(Link.many, _ADD, [row])

    async def get_account(self, account_id: str) -> Account | None:
        rows = await self._database.read(Link.rows, _GET, id=account_id)
        return read_account(rows[0]) if rows else None

    async def list_accounts(self, cursor: str | None, limit: int) -> Page[Account]:
        query = select(a.document, a.version, a.id).order_by(a.id).limit(limit + 1)
        if cursor is not None:
            query = query.where(a.id > read_cursor(cursor, tuple[str])[0])
        rows = await self._database.read(Link.all, query)
        return page(rows, limit, read_account, lambda row: (row[2],))

    async def update_account(self, account: Account) -> None:
        given = {"account_id": account.id, "new_name": account.name, "new_document": document(account)}
        await self._database.write(Link.run, _UPDATE, **given)

    async def settings_version(self, account_id: str) -> int | None:
        rows = await self._database.read(Link.rows, _VERSION, id=account_id)
        return rows[0][0] if rows else None

    async def add_key(self, key: ApiKey) -> None:
        times = micros_or_none(key.last_used_at), micros_or_none(key.revoked_at)
        row = (key.account_id, key.id, key.digest, document(key), *times)
        await self._database.write(Link.many, _ADD_KEY, [row])

    async def find_key(self, digest: str) -> ApiKey | None:
        """Whatever its state: revoked and expired ones too."""
        rows = await self._database.read(Link.rows, _FIND_KEY, digest=digest)
        return _decode_key(rows[0][0]) if rows else None

    async def list_keys(self, account_id: str, cursor: str | None, limit: int) -> Page[ApiKey]:
        query = select(k.document, k.id, k.last_used_at).where(k.account_id == account_id)
        query = query.order_by(k.id).limit(limit + 1)
        if cursor is not None:
            query = query.where(k.id > read_cursor(cursor, tuple[str])[0])
        rows = await self._database.read(Link.all, query)
        return page(rows, limit, _read_key, lambda row: (row[1],))

    async def use_keys(self, keys: Sequence[tuple[str, str]], now: datetime) -> None:
        at = micros(now)
        await self._database.write(Link.many, _USED, [(account_id, id_, at) for account_id, id_ in keys])

    async def revoke_key(self, account_id: str, key_id: str, now: datetime) -> bool:
        """False when there is none, or it was revoked before."""
        return await self._database.write(_revoke, account_id, key_id, now)


def read_account(row: Any) -> Account:
    return msgspec.structs.replace(_decode_account(row[0]), version=row[1])


def _read_key(row: Any) -> ApiKey:
    return msgspec.structs.replace(_decode_key(row[0]), last_used_at=moment_or_none(row[2]))


def find_account(link: Link, account_id: str) -> Account | None:
    rows = link.rows(_GET, id=account_id)
    return read_account(rows[0]) if rows else None


def raise_version(link: Link, account_id: str) -> None:
    """Every change of what an account has set up does this, in its own transaction."""
    link.run(_RAISE, account_id=account_id)


def _revoke(link: Link, account_id: str, key_id: str, now: datetime) -> bool:
    rows = link.rows(_GET_KEY, account_id=account_id, id=key_id)
    if not rows:
        return False
    revoked = msgspec.structs.replace(_decode_key(rows[0][0]), revoked_at=now)
    link.run(_REVOKE, in_account=account_id, with_id=key_id, new_document=document(revoked), at=micros(now))
    return True
