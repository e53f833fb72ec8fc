"""One transaction of accept. Each method is one statement per table, whatever the number of rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Executable, bindparam, delete, literal_column, select, update

from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Delivery
from aftercall.domain.fact import Fact
from aftercall.engine.input_rows import Input
from aftercall.engine.ports import Collision
from aftercall.engine.rows import CallRow, SpokenEvent
from aftercall.store.call_rows import CALL_COLUMNS, call_rows, call_values
from aftercall.store.contacts import FIND_CONTACTS, read_contact
from aftercall.store.delivery_rows import delivery_values
from aftercall.store.inputs import ADD_INPUTS, REPLACE_INPUTS, input_values
from aftercall.store.link import Link
from aftercall.store.messages import action_deliveries
from aftercall.store.schema import accounts, aliases, calls, deliveries, events, facts, merged_calls
from aftercall.store.statement import Columns, Insert, Keyed, Many, Query, Rows, types, within
from aftercall.store.transaction import Transaction
from aftercall.store.values import document, micros

DUE = "aftercall_due"  # the PostgreSQL channel on which idle nodes are told of work

_decode_fact = msgspec.json.Decoder(Fact).decode

_VERSIONS = Keyed(
    ("id",), lambda k: select(accounts.c.id, accounts.c.version).where(accounts.c.id == k["id"])
)
_BY_KEY = Keyed(
    ("account_id", "source_id", "call_key"),
    lambda k: (
        select(*CALL_COLUMNS)
        .where(
            calls.c.source_id == k["source_id"],
            calls.c.call_key == k["call_key"],
            within(calls.c.account_id, k["account_id"]),
        )
        .order_by(calls.c.source_id, calls.c.call_key, calls.c.generation)
        .with_for_update(of=calls)
    ),
)
_BY_ID = Keyed(
    ("account_id", "id"),
    lambda k: (
        select(*CALL_COLUMNS)
        .where(calls.c.id == k["id"], within(calls.c.account_id, k["account_id"]))
        .order_by(calls.c.id)
        .with_for_update(of=calls, skip_locked=True)
    ),
)
_DUE = Query(
    select(*CALL_COLUMNS)
    .where(calls.c.due_at <= bindparam("now"))
    .order_by(calls.c.due_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_KNOWN = Keyed(
    ("account_id", "call_id", "natural_id"),
    lambda k: select(facts.c.call_id, facts.c.natural_id).where(*(facts.c[name] == k[name] for name in k)),
)
_FACTS = Keyed(
    ("account_id", "call_id"),
    lambda k: select(facts.c.call_id, facts.c.body).where(*(facts.c[name] == k[name] for name in k)),
)
_SPOKEN = Keyed(
    ("account_id", "event_id"),
    lambda k: select(events.c.event_id).where(*(events.c[name] == k[name] for name in k)),
)
_DROP_FACTS = Many(
    types(facts.c.account_id, facts.c.call_id, facts.c.natural_id),
    lambda k: delete(facts).where(*(facts.c[name] == k[name] for name in k)),
)
_ALIASES = Keyed(
    ("account_id", "name"),
    lambda k: select(aliases.c.account_id, aliases.c.name, aliases.c.call_id).where(
        *(aliases.c[name] == k[name] for name in k)
    ),
)


def _update_call(new: Columns) -> Executable:
    fixed = {"account_id", "id", "source_id", "call_key", "generation", "created_at"}
    return (
        update(calls)
        .where(
            calls.c.id == new["id"],
            within(calls.c.account_id, new["account_id"]),
            calls.c.version == new["version"] - literal_column("1"),
        )
        .values({name: new[name] for name in new if name not in fixed})
    )


_ADD_FACTS = Insert(facts)
_ADD_CALLS = Insert(calls)
_UPDATE_CALLS = Many(types(*calls.columns), _update_call)
_ADD_ALIASES = Insert(aliases)
_MERGED = Insert(merged_calls, conflict="keep")
_ADD_EVENTS = Insert(events)
_ADD_DELIVERIES = Insert(deliveries)
_OWNER, _STATUS = (list(deliveries.c.keys()).index(name) for name in ("owner", "status"))


class SqlWork:
    """See `ports.Work`."""

    def __init__(self, transaction: Transaction) -> None:
        self._run = transaction.run

    async def settings_versions(self, account_ids: Iterable[str]) -> dict[str, int]:
        return dict(await self._run(Link.keyed, _VERSIONS, [(id_,) for id_ in account_ids]))

    async def find_calls(self, keys: Sequence[tuple[str, str, str]]) -> list[CallRow]:
        return call_rows(await self._run(Link.keyed, _BY_KEY, keys))

    async def lock_calls(self, ids: Sequence[tuple[str, str]]) -> list[CallRow]:
        return call_rows(await self._run(Link.keyed, _BY_ID, ids))

    async def due_calls(self, now: datetime, limit: int) -> list[CallRow]:
        return call_rows(await self._run(Link.rows, _DUE, now=micros(now), limit=limit))

    async def known_facts(self, facts: Sequence[tuple[str, str, str]]) -> set[tuple[str, str]]:
        return {(row[0], row[1]) for row in await self._run(Link.keyed, _KNOWN, facts)}

    async def load_facts(self, calls: Sequence[tuple[str, str]]) -> dict[str, list[Fact]]:
        found: dict[str, list[Fact]] = {call_id: [] for _, call_id in calls}
        for call_id, body in await self._run(Link.keyed, _FACTS, calls):
            found[call_id].append(_decode_fact(body))
        return found

    async def spoken(self, events: Sequence[tuple[str, str, str]]) -> set[str]:
        keys = [(account_id, event_id) for account_id, _, event_id in events]
        return {row[0] for row in await self._run(Link.keyed, _SPOKEN, keys)}

    async def sent_by_rules(self, calls: Sequence[tuple[str, str]]) -> dict[str, list[Delivery]]:
        found: dict[str, list[Delivery]] = {call_id: [] for _, call_id in calls}
        for row in await self._run(action_deliveries, calls):
            found[row.call_id or ""].append(row)
        return found

    async def add_facts(self, rows: Sequence[tuple[str, str, Fact]]) -> None:
        values = [
            (call_id, fact.natural_id, account_id, document(fact)) for account_id, call_id, fact in rows
        ]
        await self._run(Link.many, _ADD_FACTS, values)

    async def add_calls(self, rows: Sequence[CallRow]) -> None:
        await self._run(Link.many, _ADD_CALLS, [call_values(row) for row in rows])

    async def find_aliases(self, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        rows = await self._run(Link.keyed, _ALIASES, names)
        return {(account_id, name): call_id for account_id, name, call_id in rows}

    async def find_contacts(self, numbers: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Contact]:
        rows = await self._run(Link.keyed, FIND_CONTACTS, numbers)
        return {(account_id, number): read_contact(told) for account_id, number, told in rows}

    async def add_aliases(self, rows: Sequence[tuple[str, str, str]]) -> None:
        await self._run(Link.many, _ADD_ALIASES, sorted(rows))

    async def hide_merged(self, calls: Sequence[tuple[str, str]]) -> None:
        await self._run(Link.many, _MERGED, sorted((call_id, account_id) for account_id, call_id in calls))

    async def update_calls(self, rows: Sequence[CallRow]) -> None:
        changed = await self._run(Link.many, _UPDATE_CALLS, [call_values(row) for row in rows])
        if changed != len(rows):
            raise Collision("a call was changed meanwhile")

    async def add_events(self, rows: Sequence[SpokenEvent]) -> None:
        values = [
            (r.event.event_id, r.account_id, document(r.event), document(r.skipped) if r.skipped else None)
            for r in rows
        ]
        await self._run(Link.many, _ADD_EVENTS, values)

    async def add_deliveries(self, rows: Sequence[Delivery], owners: Sequence[str | None]) -> None:
        values = [delivery_values(row, owner) for row, owner in zip(rows, owners, strict=True)]
        await self._run(add_deliveries, values)

    async def add_inputs(self, rows: Sequence[Input]) -> None:
        await self._run(Link.many, ADD_INPUTS, [input_values(row) for row in rows])

    async def replace_inputs(self, rows: Sequence[Input]) -> None:
        await self._run(Link.many, REPLACE_INPUTS, [input_values(row) for row in rows])

    async def drop_facts(self, facts: Sequence[tuple[str, str, str]]) -> None:
        await self._run(Link.many, _DROP_FACTS, facts)


def add_deliveries(link: Link, values: Rows) -> None:
    link.many(_ADD_DELIVERIES, values)
    if any(row[_OWNER] is None and row[_STATUS] == "pending" for row in values):
        link.notify(DUE)
