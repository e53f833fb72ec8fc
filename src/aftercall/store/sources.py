"""Sources. Their tokens, the old one behind a NUL, stand in a sealed column, never in the document."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, literal_column, select, update

from aftercall.domain.account import Source
from aftercall.engine.rows import Page
from aftercall.store.accounts import raise_version
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import sources
from aftercall.store.statement import Insert, Query
from aftercall.store.values import document, micros
from aftercall.store.vault import Vault

s = sources.c

_live = s.deleted_at.is_(None)
_of = (s.account_id == bindparam("in_account"), s.id == bindparam("with_id"), _live)
_COLUMNS = (s.document, s.secrets, s.id)
_ADD = Insert(sources)
_GET = Query(select(*_COLUMNS).where(*_of))
_FIND = Query(select(*_COLUMNS).where(s.id == bindparam("with_id"), _live))
_ALL = Query(select(*_COLUMNS).where(s.account_id == bindparam("in_account"), _live).order_by(s.id))
_UPDATE = Query(
    update(sources)
    .where(*_of, s.version == bindparam("new_version") - literal_column("1"))
    .values(
        document=bindparam("new_document"),
        secrets=bindparam("new_secrets"),
        version=bindparam("new_version"),
    )
)
_DELETE = Query(update(sources).where(*_of).values(deleted_at=bindparam("at"), secrets=literal_column("''")))

_decode = msgspec.json.Decoder(Source).decode


class SqlSources(Part):
    async def add_source(self, source: Source) -> None:
        await self._database.write(_add, source, *_parted(source, self._vault))

    async def get_source(self, account_id: str, source_id: str) -> Source | None:
        rows = await self._database.read(Link.rows, _GET, in_account=account_id, with_id=source_id)
        return _whole(rows[0], self._vault) if rows else None

    async def find_source(self, source_id: str) -> Source | None:
        rows = await self._database.read(Link.rows, _FIND, with_id=source_id)
        return _whole(rows[0], self._vault) if rows else None

    async def list_sources(self, account_id: str, cursor: str | None, limit: int) -> Page[Source]:
        query = select(*_COLUMNS).where(s.account_id == account_id, _live)
        if cursor is not None:
            query = query.where(s.id > read_cursor(cursor, tuple[str])[0])
        rows = await self._database.read(Link.all, query.order_by(s.id).limit(limit + 1))
        return page(rows, limit, lambda row: _whole(row, self._vault), lambda row: (row[2],))

    async def sources_of(self, types: Sequence[str]) -> list[tuple[str, str]]:
        query = select(s.account_id, s.id).where(s.type.in_(types), _live).order_by(s.id)
        return [(row.account_id, row.id) for row in await self._database.read(Link.all, query)]

    async def update_source(self, source: Source) -> bool:
        """False when another change came first: `source.version` must be one more than the stored one."""
        return await self._database.write(_update, source, *_parted(source, self._vault))

    async def delete_source(self, account_id: str, source_id: str, now: datetime) -> bool:
        return await self._database.write(_delete, account_id, source_id, micros(now))


def all_sources(link: Link, vault: Vault, account_id: str) -> dict[str, Source]:
    return {row[2]: _whole(row, vault) for row in link.rows(_ALL, in_account=account_id)}


def _add(link: Link, source: Source, text: str, sealed: str) -> None:
    row = (source.account_id, source.id, source.type, text, sealed, source.version, None)
    link.many(_ADD, [row])
    raise_version(link, source.account_id)


def _update(link: Link, source: Source, text: str, sealed: str) -> bool:
    given: dict[str, Any] = {"in_account": source.account_id, "with_id": source.id}
    if not link.run(_UPDATE, **given, new_document=text, new_secrets=sealed, new_version=source.version):
        return False
    raise_version(link, source.account_id)
    return True


def _delete(link: Link, account_id: str, source_id: str, now: int) -> bool:
    if not link.run(_DELETE, in_account=account_id, with_id=source_id, at=now):
        return False
    raise_version(link, account_id)
    return True


def _parted(source: Source, vault: Vault) -> tuple[str, str]:
    bare = msgspec.structs.replace(source, token="", old_token="")
    tokens = f"{source.token}\0{source.old_token}" if source.old_token else source.token
    return document(bare), vault.seal(tokens, "sources", "secrets", source.id)


def _whole(row: Any, vault: Vault) -> Source:
    token, _, old = vault.open(row[1], "sources", "secrets", row[2]).partition("\0")
    return msgspec.structs.replace(_decode(row[0]), token=token, old_token=old)
