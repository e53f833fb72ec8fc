# Does each question go straight to its rows? Asked of the databases themselves: of the engine's statements while
# the tables are empty (plans made then are kept), of the logs' with a hundred thousand calls.

import re
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import msgspec
import pytest
from sqlalchemy import event

from aftercall.domain.call import Call
from aftercall.domain.delivery import Delivery
from aftercall.engine.rows import CallQuery, CallRow, DeliveryQuery
from aftercall.store import (
    call_log,
    contacts,
    delivery_log,
    holding,
    inputs,
    messages,
    nodes,
    queue,
    receipts,
    setup,
    suppressions,
    work,
)
from aftercall.store.link import Link, SqliteLink
from aftercall.store.postgres import Postgres
from aftercall.store.sqlite import Sqlite
from aftercall.store.statement import Query
from aftercall.store.store import SqlStore
from tests.store import make
from tests.store.make import ACCOUNT, later

CALLS, BATCH = 100_000, 5_000
BIG = {"calls", "facts", "events", "deliveries", "attempts", "aliases", "merged_calls", "inputs", "traffic",
       "contacts", "suppressions", "messages", "provider_ids", "receipts", "texts"}  # fmt: skip

# What each statement of the engine reads, by the index it must take.
EXPECTED: list[tuple[ModuleType, str, str]] = [
    (work, "_BY_KEY", "calls_by_key"),
    (work, "_BY_ID", "calls_pkey"),
    (work, "_UPDATE_CALLS", "calls_pkey"),
    (work, "_DUE", "calls_due"),
    (work, "_KNOWN", "facts_pkey"),
    (work, "_FACTS", "facts_pkey"),
    (work, "_SPOKEN", "events_pkey"),
    (work, "_DROP_FACTS", "facts_pkey"),
    (inputs, "_GET", "inputs_pkey"),
    (inputs, "_DROP", "inputs_by_age"),
    (inputs, "_TRAFFIC", "traffic_pkey"),
    (inputs, "_LAST", "traffic_pkey"),
    (work, "_ALIASES", "aliases_pkey"),
    (work, "FIND_CONTACTS", "contacts_by_number"),
    (contacts, "_GET", "contacts_pkey"),
    (contacts, "_DELETE", "contacts_pkey"),
    (suppressions, "_FIND", "suppressions_pkey"),
    (suppressions, "_FIND_TO_CLEAR", "suppressions_pkey"),
    (messages, "_DECIDE", "deliveries_pkey"),
    (messages, "_IN_HAND", "deliveries_pkey"),
    (messages, "_RECENT", "messages_by_address"),
    (messages, "_TODAY", "messages_by_sender"),
    (messages, "_DUPLICATE", "deliveries_by_key"),
    (messages, "_GET", "messages_pkey"),
    (messages, "_OF_CALLS", "deliveries_by_key"),
    (messages, "WAKE", "calls_pkey"),
    (receipts, "_SUBMITTED", "messages_pkey"),
    (receipts, "_EARLY", "receipts_early"),
    (receipts, "_EARLY_BY_REFERENCE", "receipts_early_by_reference"),
    (receipts, "_FOUND", "receipts_pkey"),
    (receipts, "_BY_PROVIDER", "provider_ids_pkey"),
    (receipts, "_STATE", "messages_pkey"),
    (receipts, "_STATUS", "deliveries_pkey"),
    (receipts, "_OF_DELIVERY", "receipts_by_delivery"),
    (receipts, "_DROP_EARLY", "receipts_early_by_age"),
    (receipts, "_LATEST", "messages_by_address"),
    (receipts, "_DOUBTS", "messages_in_doubt"),
    (receipts, "_RESOLVE", "deliveries_pkey"),
    (setup, "_FIND", "setup_by_id"),
    (setup, "_ALL", "setup_pkey"),
    (queue, "_LANES", "deliveries_waiting"),
    (queue, "_OLDEST", "deliveries_waiting"),
    (queue, "_TAKE", "deliveries_pkey"),
    (queue, "_GIVE_BACK", "deliveries_pkey"),
    (queue, "_OWNED", "deliveries_in_hand"),
    (queue, "_SETTLE", "deliveries_pkey"),
    (nodes, "_RELEASE_ORPHANS", "deliveries_in_hand"),
    (holding, "_RELEASE", "deliveries_held"),
    (call_log, "_GET", "calls_pkey"),
    (call_log, "_FACTS", "facts_pkey"),
    (call_log, "_EVENTS", "events_pkey"),
    (call_log, "_EVENT", "events_pkey"),
    (call_log, "_SILENT", "calls_due"),
    (delivery_log, "_GET", "deliveries_pkey"),
    (delivery_log, "_ATTEMPTS", "attempts_pkey"),
    (delivery_log, "_TRIED", "deliveries_by_destination"),
    (delivery_log, "_TRIED", "attempts_pkey"),
    (receipts, "_PROGRESS", "messages_pkey"),
    (setup, "_GET", "setup_by_id"),
]


@pytest.fixture
def explain(store: SqlStore) -> Callable[[Query], Awaitable[str]]:
    """The plan of one of the engine's statements, made without knowing its values."""

    def explained(link: Link, query: Query) -> str:
        compiled = query.compiled(link.kind)
        if isinstance(link, SqliteLink):
            return sqlite_plan(link, compiled.sql, [None] * len(compiled.names))
        nothing = ", ".join(["NULL"] * len(compiled.names))
        link._connection.exec_driver_sql(f"PREPARE asked AS {compiled.sql}")
        execute = f"EXECUTE asked ({nothing})" if nothing else "EXECUTE asked"
        rows = link._connection.exec_driver_sql(f"EXPLAIN {execute}").all()
        link._connection.exec_driver_sql("DEALLOCATE asked")
        return "\n".join(row[0] for row in rows)

    return lambda query: store._database.read(explained, query)


def sqlite_plan(link: SqliteLink, sql: str, values: Any) -> str:
    """With the names that PostgreSQL gives the index of a primary key."""
    rows = link.driver.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    plan = re.sub(r"sqlite_autoindex_(\w+)_1", r"\1_pkey", "\n".join(row[3] for row in rows))
    return re.sub(r"(SEARCH|SCAN) (\w+) USING PRIMARY KEY", r"\1 \2 USING INDEX \2_pkey", plan)


def read_whole(plan: str) -> set[str]:
    """The big tables that are read from one end to the other."""
    names = re.findall(r"SCAN (\w+)$|SCAN (\w+) (?!USING)|Seq Scan on (\w+)", plan, re.MULTILINE)
    return {name for found in names for name in found} & BIG


@pytest.mark.parametrize(("module", "name", "index"), EXPECTED)
async def test_the_engine_takes_the_right_index_even_of_empty_tables(
    explain: Callable[[Query], Awaitable[str]], module: ModuleType, name: str, index: str
) -> None:
    plan = await explain(getattr(module, name))
    assert re.search(rf"\b{index}\b", plan), plan
    assert not read_whole(plan), plan


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (holding._HOLD[0], "waiting"),
        (holding._HOLD[1], "in_hand"),
        (holding._CANCEL[0], "waiting"),
        (holding._CANCEL[1], "in_hand"),
        (holding._CANCEL[2], "held"),
    ],
)
async def test_holding_reads_what_is_open_not_all_the_webhook_ever_got(
    explain: Callable[[Query], Awaitable[str]], query: Query, index: str
) -> None:
    assert f"deliveries_{index}" in await explain(query)


@pytest.mark.parametrize("kind", ["waiting", "in_hand", "held"])
async def test_counting_reads_the_small_indexes(
    explain: Callable[[Query], Awaitable[str]], kind: str
) -> None:
    for query in (delivery_log._COUNT[kind], delivery_log._COUNT_ALL[kind]):
        assert f"deliveries_{kind}" in await explain(query)


def a_call(i: int) -> CallRow:
    call = Call(
        source_call_key=f"key-{i}",
        started_at=later(i),
        direction="inbound",
        from_=f"+4930{i:07}",
        did="+49800",
        status="missed" if i % 20 == 0 else "answered",
    )
    return make.call_row(f"cl_{i:026}", call_key=f"key-{i}", call=call)


def a_delivery(i: int) -> Delivery:
    status = "failed" if i % 20 == 0 else "delivered"
    return make.delivery(
        f"dl_{i:026}", status=status, due_at=None, destination_id=f"wb_{i % 10}", body=b"x" * 100
    )


async def fill(store: SqlStore) -> None:
    await store.add_source(make.source())
    for start in range(0, CALLS, BATCH):
        async with store.begin() as accepting:
            await accepting.add_calls([a_call(i) for i in range(start, start + BATCH)])
            deliveries = [a_delivery(i) for i in range(start, start + BATCH)]
            await accepting.add_deliveries(deliveries, [None] * BATCH)


async def plans(store: SqlStore, ask: Callable[[], Awaitable[Any]]) -> str:
    """The plans of what `ask` makes the store run, with its values."""
    database = store._database
    assert isinstance(database, Sqlite | Postgres)
    engine = database._readers if isinstance(database, Sqlite) else database._engine.sync_engine
    run: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            run.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    await ask()
    event.remove(engine, "before_cursor_execute", note)

    def explained(link: Link) -> str:
        if isinstance(link, SqliteLink):
            return "\n".join(sqlite_plan(link, *one) for one in run)
        rows = [
            row for sql, values in run for row in link._connection.exec_driver_sql(f"EXPLAIN {sql}", values)
        ]
        return "\n".join(row[0] for row in rows)

    return await database.read(explained)


@pytest.mark.slow
@pytest.mark.parametrize("statistics", [False, True])  # when a database gathers them is its own business
async def test_the_logs_are_quick_with_a_hundred_thousand_calls(store: SqlStore, *, statistics: bool) -> None:
    await fill(store)
    if statistics:
        await store._database.write(lambda link: link._connection.exec_driver_sql("ANALYZE"))
    calls = [
        (CallQuery(), "calls_by_start"),
        (CallQuery(status=("missed",)), "calls_by_start"),
        (CallQuery(since=later(1000), until=later(2000)), "calls_by_start"),
        (CallQuery(number="0001234"), "calls_by_customer"),
        (CallQuery(number="123"), "calls_by_customer"),
        (CallQuery(number="12"), "calls_by_start"),
        (CallQuery(call_key="key-500"), "calls_by_key"),
        (CallQuery(call_key="key-500", source_id="src_1"), "calls_by_key"),
    ]
    for query, index in calls:
        plan = await plans(store, lambda query=query: store.list_calls(ACCOUNT, query))  # type: ignore[misc]
        assert index in plan, (query, plan)
        assert index == "calls_by_start" or "calls_by_start" not in plan, (query, plan)
        assert not read_whole(plan), (query, plan)
    rare = CallQuery(status=("missed",), did="+49800", source_id="src_1")  # any index: all must be looked at
    assert not read_whole(await plans(store, lambda: store.list_calls(ACCOUNT, rare)))
    first = await store.list_calls(ACCOUNT, CallQuery())
    following = CallQuery(cursor=first.next_cursor)
    assert "calls_by_start" in await plans(store, lambda: store.list_calls(ACCOUNT, following))
    deliveries = [
        (DeliveryQuery(), "deliveries_pkey"),
        (DeliveryQuery(status=("failed",)), "deliveries_pkey"),
        (DeliveryQuery(destination_id="wb_3"), "deliveries_by_destination"),
        (DeliveryQuery(call_id=f"cl_{77:026}"), "deliveries_by_key"),
        (DeliveryQuery(call_id=f"cl_{77:026}", destination_id="wb_7"), "deliveries_by_key"),
    ]
    for asked, index in deliveries:
        plan = await plans(store, lambda asked=asked: store.list_deliveries(ACCOUNT, asked))  # type: ignore[misc]
        assert index in plan, (asked, plan)
        assert not read_whole(plan), (asked, plan)
    page = await store.list_calls(ACCOUNT, CallQuery(number="123", limit=3))
    expected = [a_call(i) for i in (99_123, 98_123, 97_123)]
    assert [row.id for row in page.items] == [row.id for row in expected]
    assert msgspec.structs.replace(page.items[0], call=expected[0].call) == page.items[0]
