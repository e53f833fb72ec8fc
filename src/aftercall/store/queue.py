"""The deliveries' side of the store: who has them in hand, what came of them."""

import math
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, and_, bindparam, case, func, literal_column, select, update
from sqlalchemy.sql.elements import ColumnElement

from aftercall.domain.breaker import LaneState
from aftercall.domain.delivery import Delivery
from aftercall.engine.rows import Finished, bucket_of
from aftercall.store.delivery_rows import (
    DELIVERY_COLUMNS,
    attempt_values,
    decode_lane,
    delivery_rows,
    lane_values,
)
from aftercall.store.link import Link
from aftercall.store.part import Part
from aftercall.store.receipts import lock_receipts, messages_recorded
from aftercall.store.schema import attempts, deliveries, lanes
from aftercall.store.statement import Columns, Insert, Many, Query, Rows, types
from aftercall.store.values import micros, micros_or_none, moment
from aftercall.store.work import DUE

LANES_AT_ONCE = 64  # of one claim: each is a query of its own

d = deliveries.c
PENDING: ColumnElement[str] = literal_column("'pending'")
HELD: ColumnElement[str] = literal_column("'held'")
UNKNOWN: ColumnElement[str] = literal_column("'unknown'")
NOTHING: ColumnElement[Any] = literal_column("NULL")
NOBODY: ColumnElement[str] = literal_column("''")  # for a comparison that no index is taken for
_waiting = and_(d.status == PENDING, d.owner.is_(None))


def _lanes() -> Executable:
    """Each lane that has work nobody has in hand, and since when: one step of the index a lane."""
    lane = (
        select(func.min(d.destination_id).label("destination_id")).where(_waiting).cte("lane", recursive=True)
    )
    following = (
        select(func.min(d.destination_id))
        .where(_waiting, d.destination_id > lane.c.destination_id)
        .scalar_subquery()
    )
    lane = lane.union_all(select(following).where(lane.c.destination_id.is_not(None)))
    first = (
        select(func.min(d.due_at))
        .where(_waiting, d.destination_id == lane.c.destination_id)
        .scalar_subquery()
    )
    return select(lane.c.destination_id, first).where(lane.c.destination_id.is_not(None))


_LANES = Query(_lanes())
_OLDEST = Query(
    select(*DELIVERY_COLUMNS)
    .where(_waiting, d.destination_id == bindparam("destination_id"), d.due_at <= bindparam("now"))
    .order_by(d.due_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)


def _owned(k: Columns, owner: ColumnElement[str | None]) -> Executable:
    return (
        update(deliveries)
        .where(d.account_id == k["account_id"], d.id == k["id"], d.status == PENDING)
        .values(owner=owner)
    )


_OWNED = Query(
    select(d.account_id, d.id).where(
        d.status == PENDING, d.owner == bindparam("owner"), d.created_at < bindparam("before")
    )
)
_IDS = types(d.account_id, d.id)
_TAKE = Many({**_IDS, **types(d.owner)}, lambda k: _owned(k, k["owner"]))
_GIVE_BACK = Many(
    {**_IDS, **types(d.owner)},
    lambda k: (
        update(deliveries)
        .where(
            d.account_id == k["account_id"],
            d.id == k["id"],
            d.status == PENDING,
            func.coalesce(d.owner, NOBODY) == k["owner"],
        )
        .values(owner=NOTHING)
    ),
)


def _settle(new: Columns) -> Executable:
    """A delivery that was cancelled meanwhile stays so. One that was held stays held unless it is settled."""
    applies = (d.status == PENDING) | (new["status"] != PENDING)
    return (
        update(deliveries)
        .where(d.account_id == new["account_id"], d.id == new["id"], d.status.in_((PENDING, HELD)))
        .values(
            attempts=new["attempts"],
            status=case((applies, new["status"]), else_=d.status),
            reason=case((applies, new["reason"]), else_=d.reason),
            due_at=case((applies, new["due_at"]), else_=d.due_at),
            owner=NOTHING,
        )
    )


def _answer(new: Columns) -> Executable:
    """A message that was given up as in doubt, while it was being sent after all, takes the answer."""
    return (
        update(deliveries)
        .where(
            d.account_id == new["account_id"],
            d.id == new["id"],
            d.status == UNKNOWN,
            d.attempts == new["attempts"],
        )
        .values(status=new["status"], reason=new["reason"], due_at=new["due_at"], owner=NOTHING)
    )


_RESULT = types(d.account_id, d.id, d.attempts, d.status, d.reason, d.due_at)
_SETTLE = Many(_RESULT, _settle)
_ANSWER = Many(_RESULT, _answer)
_ADD_ATTEMPTS = Insert(attempts, conflict="keep")  # a node thought dead may have made the same one
_PUT_LANES = Insert(lanes, conflict="replace")
_LANE_STATES = Query(select(lanes.c.document))


class SqlQueue(Part):
    """See `ports.Queue`; who is alive is in `nodes`, what is held back in `holding`."""

    async def claim(
        self, incarnation: str, now: datetime, buckets: Sequence[int] | None, full: Sequence[str], limit: int
    ) -> list[Delivery]:
        """At most `limit`, fairly shared: as many of each lane's oldest as of any other's."""
        excluded = _outside(buckets, full)
        return delivery_rows(await self._database.write(_claim, incarnation, micros(now), excluded, limit))

    async def unclaim(self, deliveries: Sequence[Delivery], owner: str) -> None:
        ids = [(row.account_id, row.id, owner) for row in deliveries]
        await self._database.write(_unclaim, ids)

    async def release_lost(self, owner: str, in_hand: Collection[str], before: datetime) -> int:
        """What a commit gave a node that never heard of it, as its answer was lost."""
        return await self._database.write(_release_lost, owner, in_hand, micros(before))

    async def next_due(self, buckets: Sequence[int] | None, full: Sequence[str]) -> datetime | None:
        excluded = _outside(buckets, full)
        due = [
            at
            for destination_id, at in await self._database.read(Link.rows, _LANES)
            if not excluded(destination_id)
        ]
        return moment(min(due)) if due else None

    async def record(self, finished: Sequence[Finished], lanes: Sequence[LaneState]) -> None:
        await self._database.write(_record, finished, lanes)

    async def lane_states(self) -> list[LaneState]:
        return [decode_lane(row[0]) for row in await self._database.read(Link.rows, _LANE_STATES)]


def _claim(link: Link, owner: str, now: int, excluded: Callable[[str], bool], limit: int) -> Rows:
    due = [(at, lane) for lane, at in link.rows(_LANES) if at <= now and not excluded(lane)]
    chosen = [lane for _, lane in sorted(due)[:LANES_AT_ONCE]]
    rows: list[tuple[Any, ...]] = []
    for left, lane in zip(range(len(chosen), 0, -1), chosen, strict=True):
        share = math.ceil((limit - len(rows)) / left)  # what one lane does not use goes to the next
        rows += link.rows(_OLDEST, destination_id=lane, now=now, limit=share)
    link.many(_TAKE, [(row[1], row[0], owner) for row in rows])
    return rows


def _unclaim(link: Link, ids: Rows) -> None:
    if link.many(_GIVE_BACK, ids):
        link.notify(DUE)


def _release_lost(link: Link, owner: str, in_hand: Collection[str], before: int) -> int:
    owned = link.rows(_OWNED, owner=owner, before=before)
    lost = [(account_id, id_, owner) for account_id, id_ in owned if id_ not in in_hand]
    _unclaim(link, lost)
    return len(lost)


def _record(link: Link, finished: Sequence[Finished], lanes: Sequence[LaneState]) -> None:
    rows = [(f.delivery, f.attempt) for f in finished]
    lock_receipts(link, finished)
    link.many(_SETTLE, [_settled(delivery) for delivery, _ in rows])
    link.many(_ANSWER, [_settled(delivery) for delivery, _ in rows if _answers(delivery)])
    link.many(_ADD_ATTEMPTS, [attempt_values(delivery.account_id, attempt) for delivery, attempt in rows])
    link.many(_PUT_LANES, [lane_values(lane) for lane in lanes])
    messages_recorded(link, finished)


def _answers(row: Delivery) -> bool:
    return row.channel != "webhook" and row.status not in ("pending", "unknown")


def _settled(row: Delivery) -> tuple[Any, ...]:
    return row.account_id, row.id, row.attempts, row.status, row.reason, micros_or_none(row.due_at)


def _outside(buckets: Sequence[int] | None, full: Sequence[str]) -> Callable[[str], bool]:
    """Whether a lane is another node's, or has no room."""
    ours, without_room = frozenset(buckets or ()), frozenset(full)
    return lambda lane: lane in without_room or (buckets is not None and bucket_of(lane) not in ours)
