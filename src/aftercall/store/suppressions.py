"""The suppression list (S5): to whom nothing is sent, and what of it was lifted, by whom and why."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import and_, literal, literal_column, or_, select, tuple_

from aftercall.domain.contact import Suppression
from aftercall.engine.contacts import Clearance, SuppressionQuery
from aftercall.engine.rows import Page
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import suppressions
from aftercall.store.statement import Columns, Insert, Keyed, within
from aftercall.store.values import document, micros, micros_or_none

s = suppressions.c


def _counts_for_more(new: Columns) -> Any:
    """What counts already keeps its date and reason, unless it is about less than the new one."""
    wider = and_(s.category != literal_column("'all'"), new["category"] == literal_column("'all'"))
    return or_(s.cleared_at.is_not(None), wider)


_ADD = Insert(suppressions, conflict="replace", when=_counts_for_more)
_REPLACE = Insert(suppressions, conflict="replace")
_FIND = Keyed(
    ("account_id", "address"),
    lambda k: select(s.address, s.document).where(
        s.address == k["address"], within(s.account_id, k["account_id"]), s.cleared_at.is_(None)
    ),
)
_FIND_TO_CLEAR = Keyed(
    ("account_id", "address"),
    lambda k: (
        select(s.address, s.document)
        .where(s.address == k["address"], within(s.account_id, k["account_id"]), s.cleared_at.is_(None))
        .with_for_update(of=suppressions)
    ),
)

_decode = msgspec.json.Decoder(Suppression).decode


class SqlSuppressions(Part):
    async def add_suppressions(self, rows: Sequence[Suppression]) -> int:
        return await self._database.write(suppress, rows)

    async def clear_suppressions(self, account_id: str, clearance: Clearance) -> list[Suppression]:
        return await self._database.write(_clear, account_id, clearance)

    async def find_suppressions(
        self, account_id: str, addresses: Collection[str]
    ) -> dict[str, list[Suppression]]:
        keys = [(account_id, address) for address in addresses]
        found: dict[str, list[Suppression]] = {}
        for address, told in await self._database.read(Link.keyed, _FIND, keys):
            found.setdefault(address, []).append(_decode(told))
        return found

    async def list_suppressions(self, account_id: str, query: SuppressionQuery) -> Page[Suppression]:
        place = (s.created_at, s.address, s.scope, s.source)
        wanted = [
            s.account_id == account_id,
            s.cleared_at.is_not(None) if query.cleared else s.cleared_at.is_(None),
        ]
        if query.address is not None:
            wanted.append(s.address == query.address)
        if query.channel is not None:
            wanted.append(s.channel == query.channel)
        if query.source:
            wanted.append(s.source.in_(query.source))
        if query.cursor is not None:
            after = read_cursor(query.cursor, tuple[int, str, str, str])
            wanted.append(tuple_(*place) < tuple_(*map(literal, after)))
        newest_first = [column.desc() for column in place]
        asked = select(s.document, *place).where(*wanted).order_by(*newest_first).limit(query.limit + 1)
        rows = await self._database.read(Link.all, asked)
        return page(rows, query.limit, lambda row: _decode(row[0]), lambda row: tuple(row[1:]))


def suppress(link: Link, rows: Sequence[Suppression]) -> int:
    """From now on nothing is sent to these; how many of the entries are new or about more than they were."""
    return link.many(_ADD, sorted(_values(row) for row in _merged(rows)))


def _merged(rows: Sequence[Suppression]) -> list[Suppression]:
    """One a key, as PostgreSQL wants it: the first, or the one about more."""
    kept: dict[tuple[str, ...], Suppression] = {}
    for row in rows:
        known = kept.setdefault((row.account_id, row.address, row.scope, row.source), row)
        if known.category != "all" and row.category == "all":
            kept[row.account_id, row.address, row.scope, row.source] = row
    return list(kept.values())


def _clear(link: Link, account_id: str, clearance: Clearance) -> list[Suppression]:
    found = [_decode(told) for _, told in link.keyed(_FIND_TO_CLEAR, [(account_id, clearance.address)])]
    lifted = [
        msgspec.structs.replace(
            row, cleared_at=clearance.at, cleared_by=clearance.by, cleared_reason=clearance.reason
        )
        for row in found
        if (clearance.sources is None or row.source in clearance.sources)
        and (clearance.scopes is None or row.scope in clearance.scopes)
    ]
    link.many(_REPLACE, [_values(row) for row in lifted])
    return lifted


def _values(row: Suppression) -> tuple[Any, ...]:
    return (
        row.address,
        row.account_id,
        row.scope,
        row.source,
        row.channel,
        row.category,
        micros(row.created_at),
        micros_or_none(row.cleared_at),
        document(row),
    )
