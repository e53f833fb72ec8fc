"""Raw input of sources, and how much came of it hour by hour."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, null, select, tuple_

from aftercall.engine.input_rows import Hour, HourRow, Input, InputQuery
from aftercall.engine.rows import Page
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import inputs, traffic
from aftercall.store.statement import Insert, Query
from aftercall.store.values import document, micros

i, t = inputs.c, traffic.c

ADD_INPUTS = Insert(inputs)
REPLACE_INPUTS = Insert(inputs, conflict="replace")
_GET = Query(
    select(i.document, i.body).where(
        i.account_id == bindparam("account_id"),
        i.source_id == bindparam("source_id"),
        i.id == bindparam("id"),
    )
)
_expired = (
    select(i.source_id, i.id)
    .where(i.expires_at < bindparam("now"))
    .order_by(i.expires_at)
    .limit(bindparam("most"))
)
_DROP = Query(delete(inputs).where(tuple_(i.source_id, i.id).in_(_expired)))
_PUT_TRAFFIC = Insert(traffic, conflict="replace")
_TRAFFIC = Query(
    select(t.incarnation, t.document).where(
        t.source_id == bindparam("source_id"),
        t.hour >= bindparam("since"),
        t.account_id == bindparam("account_id"),
    )
)
_LAST = Query(
    select(func.max(t.hour)).where(
        t.source_id == bindparam("source_id"), t.account_id == bindparam("account_id")
    )
)
_DROP_TRAFFIC = Query(delete(traffic).where(t.hour < bindparam("before")))

_decode = msgspec.json.Decoder(Input).decode
_decode_hour = msgspec.json.Decoder(Hour).decode


class SqlInputs(Part):
    async def add_inputs(self, rows: Sequence[Input]) -> None:
        await self._database.write(Link.many, ADD_INPUTS, [input_values(row) for row in rows])

    async def get_input(self, account_id: str, source_id: str, input_id: str) -> Input | None:
        given = {"account_id": account_id, "source_id": source_id, "id": input_id}
        rows = await self._database.read(Link.rows, _GET, **given)
        return _input(rows[0]) if rows else None

    async def list_inputs(self, account_id: str, query: InputQuery) -> Page[Input]:
        wanted = [i.source_id == query.source_id, i.account_id == account_id]
        if query.result:
            wanted.append(i.result.in_(query.result))
        if query.since is not None:
            wanted.append(i.received_at >= micros(query.since))
        if query.until is not None:
            wanted.append(i.received_at < micros(query.until))
        if query.cursor is not None:
            place = read_cursor(query.cursor, tuple[str])[0]
            wanted.append(i.id > place if query.oldest_first else i.id < place)
        order = i.id if query.oldest_first else i.id.desc()
        body = i.body if query.bodies else null().label("body")
        asked = select(i.document, body, i.id).where(*wanted).order_by(order).limit(query.limit + 1)
        rows = await self._database.read(Link.all, asked)
        return page(rows, query.limit, _input, lambda row: (row.id,))

    async def drop_inputs(self, now: datetime, most: int) -> int:
        return await self._database.write(Link.run, _DROP, now=micros(now), most=most)

    async def put_traffic(self, rows: Sequence[HourRow]) -> None:
        values = [
            (row.source_id, row.hour.number, row.incarnation, row.account_id, document(row.hour))
            for row in rows
        ]
        await self._database.write(Link.many, _PUT_TRAFFIC, sorted(values))

    async def traffic(self, account_id: str, source_id: str, since: int) -> list[HourRow]:
        """The hours since; when there is none, those of the last one there was."""
        return await self._database.read(_traffic, account_id, source_id, since)

    async def drop_traffic(self, before: datetime) -> int:
        return await self._database.write(Link.run, _DROP_TRAFFIC, before=int(before.timestamp()) // 3600)


def _traffic(link: Link, account_id: str, source_id: str, since: int) -> list[HourRow]:
    given: dict[str, Any] = {"account_id": account_id, "source_id": source_id}
    rows = link.rows(_TRAFFIC, **given, since=since)
    if not rows and (last := link.rows(_LAST, **given)[0][0]) is not None:
        rows = link.rows(_TRAFFIC, **given, since=last)
    return [
        HourRow(account_id=account_id, source_id=source_id, incarnation=row[0], hour=_decode_hour(row[1]))
        for row in rows
    ]


def input_values(kept: Input) -> tuple[Any, ...]:
    bare = msgspec.structs.replace(kept, body=b"")
    return (
        kept.source_id,
        kept.id,
        kept.account_id,
        kept.result,
        micros(kept.received_at),
        micros(kept.expires_at),
        document(bare),
        zlib.compress(kept.body, 1),
    )


def _input(row: Any) -> Input:
    kept = _decode(row[0])
    return kept if row[1] is None else msgspec.structs.replace(kept, body=zlib.decompress(row[1]))
