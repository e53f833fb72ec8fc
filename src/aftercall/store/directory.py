"""The directory (D1), and an account's settings as a whole."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select

from aftercall.domain.account import DirectoryKind, Entry
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Conflict
from aftercall.domain.guard.changes import AccountPolicies
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.domain.sender import Sender
from aftercall.engine.ports import Collision
from aftercall.engine.rows import Page, Settings
from aftercall.store.accounts import find_account, raise_version
from aftercall.store.contacts import any_contacts
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import directory
from aftercall.store.setup import all_setup
from aftercall.store.sources import all_sources
from aftercall.store.statement import Insert, Query
from aftercall.store.values import document
from aftercall.store.vault import Vault
from aftercall.store.webhooks import all_webhooks

e = directory.c

_of = (
    e.account_id == bindparam("account_id"),
    e.id == bindparam("id"),
    e.kind == bindparam("kind"),
)
_PUT = Insert(directory, conflict="replace")
_GET = Query(select(e.document).where(*_of))
_DELETE = Query(delete(directory).where(*_of))
_ALL = Query(select(e.document).where(e.account_id == bindparam("account_id")).order_by(e.kind, e.key))

_decode = msgspec.json.Decoder(Entry).decode


class SqlDirectory(Part):
    async def put_entry(self, entry: Entry) -> None:
        """Raises Conflict when another entry of the kind has this key."""
        try:
            await self._database.write(_put, entry)
        except Collision:
            raise Conflict(f"Another {entry.kind} of the directory has the key {entry.key!r}.") from None

    async def get_entry(self, account_id: str, kind: DirectoryKind, entry_id: str) -> Entry | None:
        given = {"account_id": account_id, "id": entry_id, "kind": kind}
        rows = await self._database.read(Link.rows, _GET, **given)
        return _decode(rows[0][0]) if rows else None

    async def list_entries(
        self, account_id: str, kind: DirectoryKind, cursor: str | None, limit: int
    ) -> Page[Entry]:
        """By key."""
        query = select(e.document, e.key).where(e.account_id == account_id, e.kind == kind)
        if cursor is not None:
            query = query.where(e.key > read_cursor(cursor, tuple[str])[0])
        rows = await self._database.read(Link.all, query.order_by(e.key).limit(limit + 1))
        return page(rows, limit, lambda row: _decode(row[0]), lambda row: (row[1],))

    async def delete_entry(self, account_id: str, kind: DirectoryKind, entry_id: str) -> bool:
        return await self._database.write(_delete, account_id, kind, entry_id)

    async def settings(self, account_id: str) -> Settings | None:
        return await self._database.read(_settings, self._vault, account_id)


def _put(link: Link, entry: Entry) -> None:
    link.many(_PUT, [(entry.account_id, entry.id, entry.kind, entry.key, document(entry))])
    raise_version(link, entry.account_id)


def _delete(link: Link, account_id: str, kind: DirectoryKind, entry_id: str) -> bool:
    if not link.run(_DELETE, account_id=account_id, id=entry_id, kind=kind):
        return False
    raise_version(link, account_id)
    return True


def _settings(link: Link, vault: Vault, account_id: str) -> Settings | None:
    account = find_account(link, account_id)
    if account is None:
        return None
    setup = all_setup(link, vault, account_id)
    rules = [item for item in setup if isinstance(item, Rule) and item.status == "enabled"]
    return Settings(
        account=account,
        version=account.version,
        webhooks=all_webhooks(link, vault, account_id),
        sources=all_sources(link, vault, account_id),
        directory=_by_name(link, account_id),
        connections={item.id: item for item in setup if isinstance(item, Connection)},
        senders=tuple(item for item in setup if isinstance(item, Sender)),
        templates={item.id: item for item in setup if isinstance(item, MessageTemplate)},
        changes=next((item for item in setup if isinstance(item, AccountPolicies)), None),
        rules=tuple(sorted(rules, key=lambda rule: (rule.position, rule.id))),
        has_contacts=any_contacts(link, account_id),
    )


def _by_name(link: Link, account_id: str) -> dict[tuple[str, str], tuple[str, str, dict[str, Any]]]:
    """Entries by what sources call them. A key goes before another entry's alias."""
    entries = [_decode(row[0]) for row in link.rows(_ALL, account_id=account_id)]
    found: dict[tuple[str, str], tuple[str, str, dict[str, Any]]] = {}
    for entry in entries:
        found[entry.kind, entry.key] = (entry.id, entry.name, entry.details)
    for entry in entries:
        for alias in entry.aliases:
            found.setdefault((entry.kind, alias), (entry.id, entry.name, entry.details))
    return found
