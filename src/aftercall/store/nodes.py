"""Which nodes live, and what the dead leave behind (promise 4)."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, select, true, update

from aftercall.engine.fleet import DEAD_AFTER
from aftercall.store.link import Link
from aftercall.store.part import Part
from aftercall.store.queue import NOTHING, PENDING
from aftercall.store.schema import deliveries, nodes
from aftercall.store.statement import Insert, Query
from aftercall.store.values import micros
from aftercall.store.work import DUE

n, d = nodes.c, deliveries.c


def _remove(which: ColumnElement[bool]) -> Query:
    return Query(delete(nodes).where(which))


_other = n.incarnation != bindparam("incarnation")
# With SQLite there is one process at a time: whoever else is written down is dead.
_REMOVE_PREDECESSORS = {
    "sqlite": _remove(and_(_other, true())),
    "postgresql": _remove(and_(_other, n.name == bindparam("name"))),
}
_REMOVE_SILENT = _remove(and_(_other, n.beat_at < bindparam("before")))
_REMOVE = _remove(n.incarnation == bindparam("incarnation"))
_PUT = Insert(nodes, conflict="replace")
_BEAT = Query(update(nodes).where(n.incarnation == bindparam("incarnation")).values(beat_at=bindparam("now")))
_LIVE = Query(select(n.incarnation).order_by(n.incarnation))
_RELEASE_ORPHANS = Query(
    update(deliveries)
    .where(d.status == PENDING, d.owner.is_not(None), ~exists().where(n.incarnation == d.owner))
    .values(owner=NOTHING)
)


class SqlNodes(Part):
    async def join(self, node: str, incarnation: str, now: datetime) -> None:
        await self._database.write(_join, node, incarnation, micros(now))

    async def beat(self, incarnation: str, now: datetime) -> list[str]:
        before = micros(now - timedelta(seconds=DEAD_AFTER))
        return await self._database.write(_beat, incarnation, micros(now), before)

    async def leave(self, incarnation: str) -> None:
        await self._database.write(_leave, incarnation)


def _join(link: Link, name: str, incarnation: str, now: int) -> None:
    link.run(_REMOVE_PREDECESSORS[link.kind], incarnation=incarnation, name=name)
    link.many(_PUT, [(incarnation, name, now)])
    _release_orphans(link)


def _beat(link: Link, incarnation: str, now: int, before: int) -> list[str]:
    if not link.run(_BEAT, incarnation=incarnation, now=now):
        link.many(_PUT, [(incarnation, "", now)])  # thought dead and removed; it lives
    removed = link.run(_REMOVE_SILENT, incarnation=incarnation, before=before)
    # With several nodes, one that was removed may still have committed work of its own afterwards.
    if removed or link.kind == "postgresql":
        _release_orphans(link)
    return [row[0] for row in link.rows(_LIVE)]


def _leave(link: Link, incarnation: str) -> None:
    link.run(_REMOVE, incarnation=incarnation)
    _release_orphans(link)


def _release_orphans(link: Link) -> None:
    if link.run(_RELEASE_ORPHANS):
        link.notify(DUE)
