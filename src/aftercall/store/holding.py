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
_account: ColumnElement[str] = bindparam("account_id")
_destination: ColumnElement[str] = bindparam("destination_id")

# A webhook's open deliveries, each kind by its own small index instead of that of all the webhook ever got.
waiting = and_(d.status == PENDING, d.owner.is_(None))
in_hand = and_(d.status == PENDING, d.owner.is_not(None))
kept = d.status == HELD
OPEN: dict[str, ColumnElement[bool]] = {
    "waiting": and_(waiting, d.destination_id == _destination, within(d.account_id, _account)),
    "in_hand": and_(in_hand, d.destination_id == _destination, d.account_id == _account),
    "held": and_(kept, d.destination_id == _destination, d.account_id == _account),
}


def _become(status: ColumnElement[str], which: str) -> Query:
    change = update(deliveries).where(OPEN[which])
    return Query(change.values(status=status, reason=bindparam("why"), due_at=NOTHING, owner=NOTHING))


_HOLD = [_become(HELD, which) for which in ("waiting", "in_hand")]
_CANCEL = [_become(literal_column("'cancelled'"), which) for which in OPEN]
_RELEASE = Query(
    update(deliveries)
    .where(OPEN["held"])
    .values(status=PENDING, reason=NOTHING, due_at=bindparam("now"), owner=NOTHING)
)


class SqlHolding(Part):
    async def hold(self, account_id: str, destination_id: str, reason: str) -> int:
        return await self._database.write(hold, account_id, destination_id, reason)

    async def release(self, account_id: str, destination_id: str, now: datetime) -> int:
        return await self._database.write(_release, account_id, destination_id, micros(now))


def hold(link: Link, account_id: str, destination_id: str, reason: str) -> int:
    given: dict[str, Any] = {"account_id": account_id, "destination_id": destination_id, "why": reason}
    return sum(link.run(query, **given) for query in _HOLD)


def _release(link: Link, account_id: str, destination_id: str, now: int) -> int:
    released = link.run(_RELEASE, account_id=account_id, destination_id=destination_id, now=now)
    if released:
        link.notify(DUE)
    return released


def cancel_all(link: Link, account_id: str, destination_id: str, reason: str) -> None:
    given: dict[str, Any] = {"account_id": account_id, "destination_id": destination_id, "why": reason}
    for query in _CANCEL:
        link.run(query, **given)
