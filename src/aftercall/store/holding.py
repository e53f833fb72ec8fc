"""Holding a webhook's deliveries back, letting them go, and switching a webhook off."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, literal_column, update

from aftercall.store.link import Link
from aftercall.store.part import Part
from aftercall.store.queue import HELD, NOTHING, PENDING
from aftercall.store.schema import deliveries
from aftercall.store.statement import Query, within
from aftercall.store.values import micros
from aftercall.store.work import DUE

d = deliveries.c
_of_webhook = and_(d.webhook_id == bindparam("webhook_id"), within(d.account_id, bindparam("account_id")))
# One statement for each of the three small indexes.
_WAITING, _IN_HAND, _KEPT = (
    and_(d.status == PENDING, d.owner.is_(None)),
    and_(d.status == PENDING, d.owner.is_not(None)),
    d.status == HELD,
)


def _become(status: ColumnElement[str], which: ColumnElement[bool]) -> Query:
    change = update(deliveries).where(_of_webhook, which)
    return Query(change.values(status=status, reason=bindparam("why"), due_at=NOTHING, owner=NOTHING))


_HOLD = [_become(HELD, which) for which in (_WAITING, _IN_HAND)]
_CANCEL = [_become(literal_column("'cancelled'"), which) for which in (_WAITING, _IN_HAND, _KEPT)]
_RELEASE = Query(
    update(deliveries)
    .where(_of_webhook, d.status == HELD)
    .values(status=PENDING, reason=NOTHING, due_at=bindparam("now"), owner=NOTHING)
)


class SqlHolding(Part):
    async def hold(self, account_id: str, webhook_id: str, reason: str) -> int:
        return await self._database.write(hold, account_id, webhook_id, reason)

    async def release(self, account_id: str, webhook_id: str, now: datetime) -> int:
        return await self._database.write(_release, account_id, webhook_id, micros(now))


def hold(link: Link, account_id: str, webhook_id: str, reason: str) -> int:
    given: dict[str, Any] = {"account_id": account_id, "webhook_id": webhook_id, "why": reason}
    return sum(link.run(query, **given) for query in _HOLD)


def _release(link: Link, account_id: str, webhook_id: str, now: int) -> int:
    released = link.run(_RELEASE, account_id=account_id, webhook_id=webhook_id, now=now)
    if released:
        link.notify(DUE)
    return released


def cancel_all(link: Link, account_id: str, webhook_id: str, reason: str) -> None:
    given: dict[str, Any] = {"account_id": account_id, "webhook_id": webhook_id, "why": reason}
    for query in _CANCEL:
        link.run(query, **given)
