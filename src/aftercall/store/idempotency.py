"""Answers given under an Idempotency-Key, so that a repeated request gets the same one (C2)."""

from datetime import datetime

from sqlalchemy import bindparam, delete, select

from aftercall.engine.rows import Remembered
from aftercall.store.link import Link
from aftercall.store.part import Part
from aftercall.store.schema import idempotency
from aftercall.store.statement import Insert, Query
from aftercall.store.values import micros

i = idempotency.c

_PUT = Insert(idempotency, conflict="keep")
_GET = Query(
    select(i.request, i.status, i.answer).where(
        i.account_id == bindparam("account_id"), i.key == bindparam("key")
    )
)
_FORGET = Query(delete(idempotency).where(i.created_at < bindparam("before")))


class SqlIdempotency(Part):
    async def recall(self, account_id: str, key: str) -> Remembered | None:
        rows = await self._database.read(Link.rows, _GET, account_id=account_id, key=key)
        return Remembered(*rows[0]) if rows else None

    async def remember(self, account_id: str, key: str, remembered: Remembered, now: datetime) -> None:
        """The first answer stays."""
        row = (account_id, key, remembered.request, remembered.status, remembered.answer, micros(now))
        await self._database.write(Link.many, _PUT, [row])

    async def forget(self, before: datetime) -> int:
        return await self._database.write(Link.run, _FORGET, before=micros(before))
