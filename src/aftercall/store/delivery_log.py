"""The delivery log (W10), and how a webhook's receiver has been doing (W12)."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, literal, literal_column, select, update
from sqlalchemy.sql.elements import ColumnElement

from aftercall.domain.delivery import Attempt, Delivery
from aftercall.engine.rows import DeliveryQuery, Health, Page
from aftercall.store.call_log import AFTER_ANY, events_prefix
from aftercall.store.delivery_rows import (
    DELIVERY_COLUMNS,
    decode_attempt,
    decode_lane,
    delivery,
    delivery_values,
)
from aftercall.store.holding import OPEN, in_hand, kept, waiting
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.queue import HELD, NOTHING, PENDING
from aftercall.store.schema import attempts, deliveries, lanes, messages
from aftercall.store.statement import Insert, Query, Rows, within
from aftercall.store.values import micros, moment
from aftercall.store.work import DUE, add_deliveries

d, t = deliveries.c, attempts.c

LATEST = 1000  # deliveries that a webhook's health is read from

_of = (d.account_id == bindparam("account_id"), d.id == bindparam("id"))
_GET = Query(select(*DELIVERY_COLUMNS).where(*_of))
_ADD_ONCE = Insert(deliveries, conflict="keep")
_CANCEL = Query(
    update(deliveries)
    .where(*_of, d.status.in_((PENDING, HELD)), d.owner.is_(None) | (d.owner == bindparam("owner")))
    .values(status=literal_column("'cancelled'"), due_at=NOTHING)
)
_ATTEMPTS = Query(
    select(t.document)
    .where(t.account_id == bindparam("account_id"), t.delivery_id == bindparam("id"))
    .order_by(t.number)
)
_OF_DESTINATION = (
    d.destination_id == bindparam("destination_id"),
    within(d.account_id, bindparam("account_id")),
)
_latest = (
    select(d.account_id, d.id, d.created_at)
    .where(*_OF_DESTINATION)
    .order_by(d.id.desc())
    .limit(literal_column(str(LATEST)))
).subquery()
_TRIED = Query(
    select(
        t.started_at,
        t.latency_us,
        t.ok,
        t.delivery_id,
        t.number,
        _latest.c.created_at,
        func.coalesce(messages.c.deferred, literal_column("false")),
    )
    .select_from(_latest)
    .join(attempts, (t.account_id == _latest.c.account_id) & (t.delivery_id == _latest.c.id))
    .outerjoin(
        messages,
        (messages.c.account_id == _latest.c.account_id) & (messages.c.delivery_id == _latest.c.id),
    )
)
_ATTEMPT = Query(
    select(t.document).where(
        t.account_id == bindparam("account_id"),
        t.delivery_id == bindparam("id"),
        t.number == bindparam("number"),
    )
)
_LANE = Query(
    select(lanes.c.document).where(
        lanes.c.account_id == bindparam("account_id"), lanes.c.destination_id == bindparam("destination_id")
    )
)
_COUNT = {
    name: Query(select(func.count()).select_from(deliveries).where(which)) for name, which in OPEN.items()
}
_COUNT_ALL = {
    name: Query(select(func.count()).select_from(deliveries).where(which))
    for name, which in (("waiting", waiting), ("in_hand", in_hand), ("held", kept))
}


class SqlDeliveryLog(Part):
    async def get_delivery(self, account_id: str, delivery_id: str) -> Delivery | None:
        rows = await self._database.read(Link.rows, _GET, account_id=account_id, id=delivery_id)
        return delivery(rows[0]) if rows else None

    async def list_deliveries(self, account_id: str, query: DeliveryQuery) -> Page[Delivery]:
        """Newest first, by the time they were planned."""
        wanted = _filtered(account_id, query).order_by(d.id.desc()).limit(query.limit + 1)
        rows = await self._database.read(Link.all, wanted)
        return page(rows, query.limit, delivery, lambda row: (row.id,))

    async def delivery_attempts(self, account_id: str, delivery_id: str) -> list[Attempt]:
        rows = await self._database.read(Link.rows, _ATTEMPTS, account_id=account_id, id=delivery_id)
        return [decode_attempt(row[0]) for row in rows]

    async def add_resends(self, deliveries: Sequence[Delivery], owner: str | None = None) -> None:
        values = [delivery_values(row, owner) for row in deliveries]
        await self._database.write(add_deliveries, values)

    async def add_once(self, row: Delivery) -> bool:
        return await self._database.write(_add_once, delivery_values(row, None))

    async def cancel_delivery(self, account_id: str, delivery_id: str, owner: str | None = None) -> bool:
        """False for what a node has in hand, unless that is the `owner` who asks."""
        given = {"account_id": account_id, "id": delivery_id, "owner": owner}
        return bool(await self._database.write(Link.run, _CANCEL, **given))

    async def health(self, account_id: str, destination_id: str) -> Health:
        """Over the latest thousand deliveries; `delivered` and `failed` count attempts."""
        return await self._database.read(_health, account_id, destination_id)

    async def backlog(self) -> dict[str, int]:
        return await self._database.read(_backlog)


def _add_once(link: Link, values: tuple[Any, ...]) -> bool:
    added = bool(link.many(_ADD_ONCE, [values]))
    if added:
        link.notify(DUE)
    return added


def _filtered(account_id: str, query: DeliveryQuery) -> Select[Any]:
    wanted = [*_leading(account_id, query)]
    equal = {name: getattr(query, name) for name in ("call_id", "event_id", "event", "channel")}
    wanted += [d[name] == value for name, value in equal.items() if value is not None]
    if query.status:
        wanted.append(d.status.in_(query.status))
    if query.since is not None:
        wanted.append(d.created_at >= micros(query.since))
    if query.until is not None:
        wanted.append(d.created_at < micros(query.until))
    if query.cursor is not None:
        wanted.append(d.id < read_cursor(query.cursor, tuple[str])[0])
    return select(*DELIVERY_COLUMNS).where(*wanted)


def _leading(account_id: str, query: DeliveryQuery) -> Iterator[ColumnElement[bool]]:
    """The narrowest of what is asked picks the index; the rest is in a form for which none is taken."""
    # A key starts with its event's id, and that with its call's: one index finds both.
    prefix = query.event_id or (events_prefix(query.call_id) if query.call_id is not None else None)
    if prefix is not None:
        yield d.key >= prefix
        yield d.key < prefix + AFTER_ANY
        yield within(d.account_id, literal(account_id))
        if query.destination_id is not None:
            yield within(d.destination_id, literal(query.destination_id))
    elif query.destination_id is not None:
        yield d.destination_id == query.destination_id
        yield within(d.account_id, literal(account_id))
    else:
        yield d.account_id == account_id


def _health(link: Link, account_id: str, destination_id: str) -> Health:
    given = {"account_id": account_id, "destination_id": destination_id}
    tried = sorted(link.rows(_TRIED, **given))
    latencies = sorted(row[1] for row in tried)
    arrived = [row for row in tried if row[2]]
    delays = sorted(row[0] + row[1] - row[5] for row in arrived if not row[6])
    delivered = len(arrived)
    lane = link.rows(_LANE, **given)
    count = {name: link.rows(query, **given)[0][0] for name, query in _COUNT.items()}
    return Health(
        attempts=len(tried),
        delivered=delivered,
        failed=len(tried) - delivered,
        success_rate=delivered / len(tried) if tried else None,
        latency_p50_ms=_percentile(latencies, 0.5),
        latency_p95_ms=_percentile(latencies, 0.95),
        delay_p50_ms=_percentile(delays, 0.5),
        delay_p95_ms=_percentile(delays, 0.95),
        pending=count["waiting"] + count["in_hand"],
        held=count["held"],
        lane=decode_lane(lane[0][0]) if lane else None,
        last_error=_last_error(link, account_id, tried),
        last_attempt_at=moment(tried[-1][0]) if tried else None,
    )


def _last_error(link: Link, account_id: str, tried: Rows) -> str | None:
    for _, _, ok, delivery_id, number, *_ in reversed(tried):
        if not ok:
            rows = link.rows(_ATTEMPT, account_id=account_id, id=delivery_id, number=number)
            outcome = decode_attempt(rows[0][0]).outcome
            return outcome.detail or outcome.error
    return None


def _percentile(latencies: Sequence[int], share: float) -> float | None:
    """In milliseconds; nearest rank."""
    if not latencies:
        return None
    return float(latencies[math.ceil(share * len(latencies)) - 1] / 1000)


def _backlog(link: Link) -> dict[str, int]:
    count = {name: link.rows(query)[0][0] for name, query in _COUNT_ALL.items()}
    return {"pending": count["waiting"] + count["in_hand"], "held": count["held"]}
