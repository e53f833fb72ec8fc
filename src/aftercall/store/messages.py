"""Messages: what the guard decided, when an attempt began, and what has become of them (S5, S6, promise 12)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, case, func, literal_column, select, update
from sqlalchemy.sql.elements import ColumnElement

from aftercall.domain.delivery import Delivery
from aftercall.domain.progress import Progress
from aftercall.engine.message_rows import Counted, Decided, Lately, MessageQuery, MessageRow
from aftercall.engine.rows import Page
from aftercall.store.call_log import AFTER_ANY, events_prefix
from aftercall.store.delivery_rows import DELIVERY_COLUMNS, delivery, delivery_rows
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import calls, deliveries, messages
from aftercall.store.statement import Columns, Insert, Keyed, Many, Query, types, within
from aftercall.store.values import document, micros, micros_or_none, moment, moment_or_none

d, m = deliveries.c, messages.c
PENDING: ColumnElement[str] = literal_column("'pending'")
_COLUMNS = (
    *DELIVERY_COLUMNS,
    m.connection_id, m.rule_id, m.template_id, m.sender, m.address, m.segments, m.submitted_at, m.replied_at,
    m.opted_out_at, m.deferred, m.progress, m.decision,
)  # fmt: skip
_OWN = len(DELIVERY_COLUMNS)
_joined = messages.join(deliveries, (d.account_id == m.account_id) & (d.id == m.delivery_id))
_sent = m.submitted_at.is_not(None)
# Handed over, or about to be: what counts against caps. In doubt is as good as sent.
_gone = d.status.in_([literal_column(f"'{s}'") for s in ("sent", "delivered", "undelivered", "unknown")]) | (
    (d.status == PENDING) & (d.started > d.attempts)
)

_PUT = Insert(messages, conflict="replace", stay=("deferred",))


def _decide(new: Columns) -> Any:
    return (
        update(deliveries)
        .where(
            d.account_id == new["account_id"],
            d.id == new["id"],
        )
        .values(
            status=new["status"],
            reason=new["reason"],
            due_at=new["due_at"],
            started=new["started"],
            owner=new["owner"],
        )
    )


_DECIDE = Many(types(d.account_id, d.id, d.status, d.reason, d.due_at, d.started, d.owner), _decide)
_IN_HAND = Keyed(
    ("account_id", "id", "owner"),
    lambda k: (
        select(d.id)
        .where(
            d.account_id == k["account_id"],
            d.id == k["id"],
            # A node that was thought dead has lost what it had in hand. No index is taken for this comparison.
            func.coalesce(d.owner, literal_column("''")) == k["owner"],
            d.status == PENDING,
        )
        .order_by(d.id)
        .with_for_update(of=deliveries)
    ),
)
# A call whose webhook waits for the results of its actions is looked at as soon as one of them is settled.
WAKE = Many(
    types(calls.c.id, calls.c.account_id, calls.c.due_at),
    lambda new: (
        update(calls)
        .where(
            calls.c.id == new["id"],
            within(calls.c.account_id, new["account_id"]),
            calls.c.due_at > new["due_at"],
        )
        .values(due_at=new["due_at"])
    ),
)
_RECENT = Query(
    select(func.coalesce(m.submitted_at, m.created_at))
    .select_from(_joined)
    .where(
        within(m.account_id, bindparam("account_id")),
        m.address == bindparam("address"),
        m.created_at >= bindparam("since"),
        m.delivery_id != bindparam("delivery_id"),  # whose attempt may have been begun in vain
        m.is_test.is_(False),
        _gone,
    )
    .order_by(m.created_at.desc())
    .limit(bindparam("most"))
)
_TODAY = Query(
    select(func.count())
    .select_from(_joined)
    .where(
        within(m.account_id, bindparam("account_id")),
        m.sender == bindparam("sender"),
        m.created_at >= bindparam("since"),
        m.delivery_id != bindparam("delivery_id"),
        m.is_test.is_(False),
        _gone,
    )
)
# By the call's keys: a fixed recipient has messages without end.
_DUPLICATE = Query(
    select(m.delivery_id)
    .select_from(_joined)
    .where(
        d.key >= bindparam("prefix"),
        d.key < bindparam("prefix").concat(literal_column("'~'")),
        within(d.account_id, bindparam("account_id")),
        within(m.address, bindparam("address")),
        m.rule_id == bindparam("rule_id"),
        m.delivery_id != bindparam("delivery_id"),
        m.is_test.is_(False),
        _gone,
    )
)
_GET = Query(
    select(*_COLUMNS)
    .select_from(_joined)
    .where(within(m.account_id, bindparam("account_id")), m.delivery_id == bindparam("id"))
)
_OF_CALLS = Keyed(
    ("account_id", "prefix"),
    lambda k: select(*DELIVERY_COLUMNS).where(
        d.key >= k["prefix"],
        d.key < k["prefix"].concat(literal_column("'~'")),
        within(d.account_id, k["account_id"]),
    ),
)
_decode_progress = msgspec.json.Decoder(Progress).decode


class SqlMessages(Part):
    async def decide(self, rows: Sequence[Decided], owner: str, now: datetime) -> set[str]:
        """One that was cancelled, held or taken over meanwhile is left as it is, and does not go."""
        return await self._database.write(_decided, rows, owner, now)

    async def lately(
        self,
        sent: Delivery,
        address: str,
        rule_id: str | None,
        sender: str | None,
        since: datetime,
        today: datetime,
        most: int,
    ) -> Lately:
        """What was handed over to this address since (the last so many), and by this sender today."""
        return await self._database.read(
            _lately, sent, address, rule_id, sender, (micros(since), most), micros(today)
        )

    async def get_message(self, account_id: str, delivery_id: str) -> MessageRow | None:
        rows = await self._database.read(Link.rows, _GET, account_id=account_id, id=delivery_id)
        return _row(rows[0]) if rows else None

    async def get_messages(self, account_id: str, ids: Collection[str]) -> dict[str, MessageRow]:
        if not ids:
            return {}
        asked = (
            select(*_COLUMNS)
            .select_from(_joined)
            .where(m.account_id == account_id, m.delivery_id.in_(sorted(ids)))
        )
        return {row.id: _row(row) for row in await self._database.read(Link.all, asked)}

    async def list_messages(self, account_id: str, query: MessageQuery) -> Page[MessageRow]:
        asked = _filtered(select(*_COLUMNS, m.created_at.label("made")), account_id, query)
        if query.cursor is not None:
            at, id_ = read_cursor(query.cursor, tuple[int, str])
            asked = asked.where((m.created_at < at) | ((m.created_at == at) & (m.delivery_id < id_)))
        asked = asked.order_by(m.created_at.desc(), m.delivery_id.desc()).limit(query.limit + 1)
        rows = await self._database.read(Link.all, asked)
        return page(rows, query.limit, _row, lambda row: (row.made, row.id))

    async def message_rates(self, account_id: str, by: str, query: MessageQuery) -> list[Counted]:
        """Counts grouped by `rule_id`, `template_id`, `sender` or `connection_id`."""
        rows = await self._database.read(Link.all, _rates(account_id, by, query))
        return [Counted(**dict(zip(Counted.__struct_fields__, row, strict=True))) for row in rows]


def action_deliveries(link: Link, calls: Sequence[tuple[str, str]]) -> list[Delivery]:
    """What these (account, call id) have sent by rules; their keys name the rule after the event."""
    keys = [(account_id, f"evt_{call_id.removeprefix('cl_')}") for account_id, call_id in calls]
    return [row for row in delivery_rows(link.keyed(_OF_CALLS, keys)) if ":rl_" in row.key]


def put_messages(link: Link, rows: Sequence[Decided]) -> None:
    link.many(_PUT, [_values(row) for row in rows])


def wake_calls(link: Link, rows: Sequence[Delivery], now: datetime) -> None:
    """Look at these messages' calls again at once; in their order, as every node that does."""
    named = sorted({(row.call_id, row.account_id) for row in rows if row.call_id})
    link.many(WAKE, [(*call, micros(now)) for call in named])


def _decided(link: Link, rows: Sequence[Decided], owner: str, now: datetime) -> set[str]:
    """What is in another's hand by now keeps its own decision, and what became of it."""
    ids = [(row.delivery.account_id, row.delivery.id, owner) for row in rows]
    ours = {found[0] for found in link.keyed(_IN_HAND, ids)}
    rows = [row for row in rows if row.delivery.id in ours]
    put_messages(link, rows)
    link.many(_DECIDE, [_decision_values(row, owner) for row in rows])
    wake_calls(link, [row.delivery for row in rows if not row.goes], now)
    return {row.delivery.id for row in rows if row.goes}


def _decision_values(row: Decided, owner: str) -> tuple[Any, ...]:
    new = row.delivery
    due = micros_or_none(new.due_at)
    return new.account_id, new.id, new.status, new.reason, due, new.started, owner if row.goes else None


def _values(row: Decided) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    new = row.delivery
    return (
        new.id,
        new.account_id,
        new.channel,
        row.connection_id,
        row.message.rule_id,
        row.message.template_id,
        row.sender,
        new.call_id,
        row.message.to.casefold(),
        micros(new.created_at),
        new.is_test,
        row.segments,
        None,
        None,
        None,
        None,
        row.deferred,
        "{}",
        document(row.decision),
    )


def _lately(
    link: Link,
    sent: Delivery,
    address: str,
    rule_id: str | None,
    sender: str | None,
    back: tuple[int, int],
    today: int,
) -> Lately:
    of: dict[str, Any] = {"account_id": sent.account_id, "delivery_id": sent.id}
    since, most = back
    duplicate = []
    if rule_id is not None and sent.call_id is not None and sent.resend_of is None:
        given = {"rule_id": rule_id, "prefix": events_prefix(sent.call_id), "address": address}
        duplicate = list(link.rows(_DUPLICATE, **of, **given))
    recent = link.rows(_RECENT, **of, address=address, since=since, most=most) if address and most else []
    return Lately(
        recent=tuple(sorted(moment(row[0]) for row in recent)),
        sent_today=link.rows(_TODAY, **of, sender=sender, since=today)[0][0] if sender else 0,
        duplicate_of=duplicate[0][0] if duplicate else None,
    )


def _filtered(statement: Select[Any], account_id: str, query: MessageQuery) -> Select[Any]:
    wanted = [m.account_id == account_id]
    equal = {
        name: getattr(query, name)
        for name in ("channel", "rule_id", "template_id", "sender", "connection_id")
    }
    wanted += [m[name] == value for name, value in equal.items() if value is not None]
    if query.call_id is not None:  # a key starts with its event's id, and that with its call's
        prefix = events_prefix(query.call_id)
        wanted += [d.key >= prefix, d.key < prefix + AFTER_ANY]
    if query.address is not None:
        wanted.append(m.address == query.address)
    if query.status:
        wanted.append(d.status.in_(query.status))
    if query.since is not None:
        wanted.append(m.created_at >= micros(query.since))
    if query.until is not None:
        wanted.append(m.created_at < micros(query.until))
    return statement.select_from(_joined).where(*wanted)


def _rates(account_id: str, by: str, query: MessageQuery) -> Select[Any]:
    def having(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    asked = select(
        m[by].label("key"),
        func.count(),
        having(_sent),
        having(d.status == "delivered"),
        having(d.status == "undelivered"),
        having(d.status == "failed"),
        having(d.status == "blocked"),
        having((d.status == "pending") & d.reason.is_not(None)),
        having(d.status == "unknown"),
        having(m.replied_at.is_not(None)),
        having(m.opted_out_at.is_not(None)),
        func.coalesce(func.sum(case((_sent, m.segments), else_=0)), 0),
    )
    return _filtered(asked, account_id, query).where(m.is_test.is_(False)).group_by(m[by]).order_by(m[by])


def _row(row: Any) -> MessageRow:
    own = row[_OWN:]
    return MessageRow(
        delivery=delivery(row),
        connection_id=own[0],
        rule_id=own[1],
        template_id=own[2],
        sender=own[3],
        address=own[4],
        segments=own[5],
        submitted_at=moment_or_none(own[6]),
        replied_at=moment_or_none(own[7]),
        opted_out_at=moment_or_none(own[8]),
        deferred=bool(own[9]),
        progress=_decode_progress(own[10]),
        decision=own[11].encode(),
    )
