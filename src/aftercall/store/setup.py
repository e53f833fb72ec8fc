"""What an account has set up to write to people, one table for all kinds. Secrets stand in a sealed column."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import bindparam, literal_column, select, update

from aftercall.domain.connection import Connection
from aftercall.domain.guard.changes import AccountPolicies
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.domain.sender import Sender
from aftercall.engine.rows import Page, Setup
from aftercall.store.accounts import raise_version
from aftercall.store.holding import cancel_all
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import setup
from aftercall.store.statement import Insert, Query
from aftercall.store.values import document, micros
from aftercall.store.vault import Vault

S = TypeVar("S", Connection, Sender, MessageTemplate, Rule, AccountPolicies)

KINDS: dict[type[Setup], str] = {
    Connection: "connection", Sender: "sender", MessageTemplate: "template", Rule: "rule",
    AccountPolicies: "policies",
}  # fmt: skip
_DECODE = {name: msgspec.json.Decoder(kind).decode for kind, name in KINDS.items()}

s = setup.c
_live = s.deleted_at.is_(None)
_of = (
    s.account_id == bindparam("in_account"),
    s.id == bindparam("with_id"),
    s.kind == bindparam("of_kind"),
    _live,
)
_COLUMNS = (s.kind, s.document, s.secrets, s.id)
_ADD = Insert(setup)
_GET = Query(select(*_COLUMNS).where(*_of))
_FIND = Query(
    select(*_COLUMNS).where(s.id == bindparam("with_id"), s.kind == literal_column("'connection'"), _live)
)
_ALL = Query(select(*_COLUMNS).where(s.account_id == bindparam("in_account"), _live).order_by(s.id))
_UPDATE = Query(
    update(setup)
    .where(*_of, s.version == bindparam("new_version") - literal_column("1"))
    .values(
        document=bindparam("new_document"), secrets=bindparam("new_secrets"), version=bindparam("new_version")
    )
)
_DELETE = Query(update(setup).where(*_of).values(deleted_at=bindparam("at"), secrets=literal_column("''")))

_decode_secrets = msgspec.json.Decoder(tuple[str, dict[str, str]]).decode


class SqlSetup(Part):
    async def add_setup(self, item: Setup) -> None:
        await self._database.write(_add, item, *_parted(item, self._vault))

    async def get_setup(self, kind: type[S], account_id: str, item_id: str) -> S | None:
        given = {"in_account": account_id, "with_id": item_id, "of_kind": KINDS[kind]}
        rows = await self._database.read(Link.rows, _GET, **given)
        return _whole(rows[0], self._vault) if rows else None

    async def list_setup(self, kind: type[S], account_id: str, cursor: str | None, limit: int) -> Page[S]:
        query = select(*_COLUMNS).where(s.account_id == account_id, s.kind == KINDS[kind], _live)
        if cursor is not None:
            query = query.where(s.id > read_cursor(cursor, tuple[str])[0])
        rows = await self._database.read(Link.all, query.order_by(s.id).limit(limit + 1))
        return page(rows, limit, lambda row: _whole(row, self._vault), lambda row: (row[3],))

    async def update_setup(self, item: Setup) -> bool:
        """False when another change came first: its version must be one more than the stored one."""
        return await self._database.write(_update, item, *_parted(item, self._vault))

    async def delete_setup(self, kind: type[S], account_id: str, item_id: str, now: datetime) -> bool:
        """What is pending or held for a connection is cancelled."""
        return await self._database.write(_delete, account_id, item_id, KINDS[kind], micros(now))

    async def find_connection(self, connection_id: str) -> Connection | None:
        """By id alone, for a provider's callback, which names no account."""
        rows = await self._database.read(Link.rows, _FIND, with_id=connection_id)
        return _whole(rows[0], self._vault) if rows else None

    async def connection_accounts(self) -> list[tuple[str, str]]:
        """The (account, id) of every connection."""
        query = select(s.account_id, s.id).where(s.kind == "connection", _live).order_by(s.id)
        return [(row.account_id, row.id) for row in await self._database.read(Link.all, query)]


def all_setup(link: Link, vault: Vault, account_id: str) -> Sequence[Setup]:
    return [_whole(row, vault) for row in link.rows(_ALL, in_account=account_id)]


def _add(link: Link, item: Setup, text: str, sealed: str) -> None:
    link.many(_ADD, [(item.account_id, item.id, KINDS[type(item)], text, sealed, item.version, None)])
    raise_version(link, item.account_id)


def _update(link: Link, item: Setup, text: str, sealed: str) -> bool:
    given: dict[str, Any] = {"in_account": item.account_id, "with_id": item.id, "of_kind": KINDS[type(item)]}
    if not link.run(_UPDATE, **given, new_document=text, new_secrets=sealed, new_version=item.version):
        return False
    raise_version(link, item.account_id)
    return True


def _delete(link: Link, account_id: str, item_id: str, kind: str, now: int) -> bool:
    if not link.run(_DELETE, in_account=account_id, with_id=item_id, of_kind=kind, at=now):
        return False
    if kind == "connection":
        cancel_all(link, account_id, item_id, "deleted")
    raise_version(link, account_id)
    return True


def _parted(item: Setup, vault: Vault) -> tuple[str, str]:
    if not isinstance(item, Connection):
        return document(item), ""
    bare = msgspec.structs.replace(item, secrets={}, token="")
    return document(bare), vault.seal(document((item.token, item.secrets)), "setup", "secrets", item.id)


def _whole(row: Any, vault: Vault) -> Any:
    item = _DECODE[row[0]](row[1])
    if not row[2]:
        return item
    token, secrets = _decode_secrets(vault.open(row[2], "setup", "secrets", row[3]))
    return msgspec.structs.replace(item, token=token, secrets=secrets)
