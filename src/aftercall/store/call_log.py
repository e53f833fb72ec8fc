"""The call log: calls, their facts and what was said about them (L1, L2)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, literal, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from aftercall.domain.event import Event
from aftercall.domain.fact import Fact
from aftercall.domain.plan import Skipped
from aftercall.engine.rows import CallQuery, CallRow, Page, SilentCall, SpokenEvent
from aftercall.store.call_rows import CALL_COLUMNS, call_row, reversed_digits
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import calls, events, facts, merged_calls, sources
from aftercall.store.statement import Query, within
from aftercall.store.values import micros, moment, searchable

c = calls.c

AFTER_ANY = "\x7f"  # sorts after whatever ids and digits are made of
SELECTIVE = 3  # digits: fewer match so much that going through the log by time is quicker

_GET = Query(
    select(*CALL_COLUMNS).where(c.id == bindparam("id"), within(c.account_id, bindparam("account_id")))
)
_FACTS = Query(
    select(facts.c.body).where(
        facts.c.account_id == bindparam("account_id"), facts.c.call_id == bindparam("call_id")
    )
)
_SILENT = Query(
    select(c.id, c.account_id, c.source_id, c.call_key, c.due_at)
    .where(c.due_at > bindparam("after"), c.due_at <= bindparam("until"), c.status.is_(None))
    .order_by(c.due_at)
    .limit(bindparam("limit"))
)
_EVENT_COLUMNS = (events.c.account_id, events.c.document, events.c.skipped)
_EVENTS = Query(
    select(*_EVENT_COLUMNS).where(
        events.c.account_id == bindparam("account_id"),
        events.c.event_id >= bindparam("first"),
        events.c.event_id < bindparam("last"),
    )
)
_EVENT = Query(
    select(*_EVENT_COLUMNS).where(
        events.c.account_id == bindparam("account_id"), events.c.event_id == bindparam("event_id")
    )
)

_decode_fact = msgspec.json.Decoder(Fact).decode
_decode_event = msgspec.json.Decoder(Event).decode
_decode_skipped = msgspec.json.Decoder(tuple[Skipped, ...]).decode


class SqlCallLog(Part):
    async def get_call(self, account_id: str, call_id: str) -> CallRow | None:
        rows = await self._database.read(Link.rows, _GET, account_id=account_id, id=call_id)
        return call_row(rows[0]) if rows else None

    async def list_calls(self, account_id: str, query: CallQuery) -> Page[CallRow]:
        """Newest first, by the time the call started."""
        rows = await self._database.read(_list, account_id, query)
        return page(rows, query.limit, call_row, lambda row: (row.started_at, row.id))

    async def open_calls(self, account_id: str, source_id: str, since: datetime) -> list[tuple[str, str]]:
        query = CallQuery(source_id=source_id, since=since, merged=True)
        wanted = _filtered(account_id, query).where(c.status.is_(None)).with_only_columns(c.call_key, c.id)
        return [(row.call_key, row.id) for row in await self._database.read(Link.all, wanted)]

    async def silent_calls(self, after: datetime, until: datetime, limit: int) -> list[SilentCall]:
        given = {"after": micros(after), "until": micros(until), "limit": limit}
        return [
            SilentCall(id=row[0], account_id=row[1], source_id=row[2], call_key=row[3], due_at=moment(row[4]))
            for row in await self._database.read(Link.rows, _SILENT, **given)
        ]

    async def call_facts(self, account_id: str, call_id: str) -> list[Fact]:
        given = {"account_id": account_id, "call_id": call_id}
        return [_decode_fact(row[0]) for row in await self._database.read(Link.rows, _FACTS, **given)]

    async def call_events(self, account_id: str, call_id: str) -> list[SpokenEvent]:
        """In the order they were spoken."""
        prefix = events_prefix(call_id)
        given = {"account_id": account_id, "first": prefix, "last": prefix + AFTER_ANY}
        spoken = [_spoken(row) for row in await self._database.read(Link.rows, _EVENTS, **given)]
        return sorted(spoken, key=lambda s: s.event.sequence)

    async def get_event(self, account_id: str, event_id: str) -> SpokenEvent | None:
        rows = await self._database.read(Link.rows, _EVENT, account_id=account_id, event_id=event_id)
        return _spoken(rows[0]) if rows else None


def events_prefix(call_id: str) -> str:
    """What the ids of a call's events start with: see `domain.event.event_id`."""
    return f"evt_{call_id.removeprefix('cl_')}"


def _list(link: Link, account_id: str, query: CallQuery) -> Any:
    wanted = _filtered(account_id, query).order_by(c.started_at.desc(), c.id.desc()).limit(query.limit + 1)
    if not _by_number(query):
        return link.all(wanted.with_only_columns(*CALL_COLUMNS, c.started_at))
    # The index holds all that is needed to find the page; only the page's own rows are read whole.
    ids = [row.id for row in link.all(wanted.with_only_columns(c.id))]
    whole = select(*CALL_COLUMNS, c.started_at).where(
        c.id.in_(ids), within(c.account_id, literal(account_id))
    )
    return link.all(whole.order_by(c.started_at.desc(), c.id.desc())) if ids else []


def _by_number(query: CallQuery) -> bool:
    return len(reversed_digits(query.number) or "") >= SELECTIVE


def _filtered(account_id: str, query: CallQuery) -> Select[Any]:
    wanted = [*_leading(account_id, query), *_equal(query), *_between(query)]
    if query.call_key is None and not query.merged:  # who asks for a key gets its record
        merged = select(merged_calls.c.call_id).where(
            merged_calls.c.call_id == c.id, merged_calls.c.account_id == account_id
        )
        wanted.append(~merged.exists())
    if query.number is not None:
        wanted += _number(query)
    if query.cursor is not None:
        place = read_cursor(query.cursor, tuple[int, str])
        wanted.append(tuple_(c.started_at, c.id) < tuple_(*place))
    return select().select_from(calls).where(*wanted)


def _leading(account_id: str, query: CallQuery) -> Iterator[ColumnElement[bool]]:
    """The narrowest of what is asked picks the index; the rest is in a form for which none is taken."""
    if query.call_key is not None:
        yield c.call_key == query.call_key
        yield within(c.account_id, literal(account_id))
        all_sources = select(sources.c.id).where(sources.c.account_id == account_id)
        yield c.source_id.in_(all_sources if query.source_id is None else [query.source_id])
        return
    yield c.account_id == account_id
    if query.source_id is not None:
        yield within(c.source_id, literal(query.source_id))


def _equal(query: CallQuery) -> Iterator[ColumnElement[bool]]:
    for name in ("direction", "call_type", "did"):
        if (value := getattr(query, name)) is not None:
            yield c[name] == value
    for column, word in ((c.queue, query.queue), (c.agent, query.agent), (c.tags, query.tag)):
        if word is not None:
            yield column.contains(searchable([word]) or "", autoescape=True)
    if query.status:
        yield c.status.in_(query.status)


def _between(query: CallQuery) -> Iterator[ColumnElement[bool]]:
    if query.since is not None:
        yield c.started_at >= micros(query.since)
    if query.until is not None:
        yield c.started_at < micros(query.until)
    if query.min_duration_seconds is not None:
        yield c.duration_seconds >= query.min_duration_seconds
    if query.max_duration_seconds is not None:
        yield c.duration_seconds <= query.max_duration_seconds


def _number(query: CallQuery) -> list[ColumnElement[bool]]:
    digits = reversed_digits(query.number)
    if digits is None:
        return [c.customer.is_(None), c.customer.is_not(None)]  # no digits: no number ends so
    customer: ColumnElement[str] = c.customer if _by_number(query) else c.customer.concat("")
    return [customer >= digits, customer < digits + AFTER_ANY]


def _spoken(row: Any) -> SpokenEvent:
    skipped = _decode_skipped(row[2]) if row[2] else ()
    return SpokenEvent(account_id=row[0], event=_decode_event(row[1]), skipped=skipped)
