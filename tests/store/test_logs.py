# The call log and the delivery log: filters, pages, health.

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aftercall.domain.breaker import LaneState
from aftercall.domain.call import AgentLeg, Call
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Agent, Named
from aftercall.engine.ids import new_id
from aftercall.engine.rows import CallQuery, CallRow, DeliveryQuery
from aftercall.store.store import SqlStore
from tests.store import make
from tests.store.make import ACCOUNT, NOW, OTHER, later


def called(key: str, at: float = 0, account_id: str = ACCOUNT, **more: Any) -> CallRow:
    return make.call_row(
        call_key=key, account_id=account_id, call=Call(source_call_key=key, started_at=later(at), **more)
    )


async def add(store: SqlStore, *rows: CallRow) -> None:
    async with store.begin() as work:
        await work.add_calls(rows)


async def found(store: SqlStore, **query: Any) -> list[str]:
    return [row.call_key for row in (await store.list_calls(ACCOUNT, CallQuery(**query))).items]


ADA, GRACE = Agent(id="ag_1", name="Ada", number="101"), Agent(id="ag_2", name="Grace")
CALLS = (
    called(
        "in",
        1,
        direction="inbound",
        from_="+49 30 1234567",
        did="+49800",
        queue=Named(id="q_1", name="Sales"),
    ),
    called("out", 2, direction="outbound", from_="+49800", to="+15551234", agent=ADA, duration_seconds=30),
    called(
        "missed", 3, status="missed", agents=(AgentLeg(agent=ADA), AgentLeg(agent=GRACE)), from_="sip:x@y"
    ),
    called("tagged", 4, tags=("VIP", "a%b_c"), duration_seconds=0, call_type="dialer", from_="+4934567"),
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["tagged", "missed", "out", "in"]),
        ({"direction": "inbound"}, ["in"]),
        ({"status": ("missed", "abandoned")}, ["missed"]),
        ({"call_type": "dialer"}, ["tagged"]),
        ({"did": "+49800"}, ["in"]),
        ({"queue": "sales"}, ["in"]),
        ({"queue": "q_1"}, ["in"]),
        ({"queue": "sale"}, []),
        ({"agent": "ADA"}, ["missed", "out"]),
        ({"agent": "ag_2"}, ["missed"]),
        ({"agent": "101"}, ["missed", "out"]),
        ({"tag": "vip"}, ["tagged"]),
        ({"tag": "a%b_c"}, ["tagged"]),
        ({"tag": "%"}, []),
        ({"source_id": "src_1", "call_key": "out"}, ["out"]),
        ({"source_id": "src_1", "direction": "outbound"}, ["out"]),
        ({"call_key": "out"}, ["out"]),
        ({"source_id": "src_2"}, []),
        ({"since": later(2), "until": later(4)}, ["missed", "out"]),
        ({"min_duration_seconds": 1}, ["out"]),
        ({"max_duration_seconds": 0}, ["tagged"]),
        ({"number": "567"}, ["tagged", "in"]),
        ({"number": "+49 (30) 1234567"}, ["in"]),
        ({"number": "1234"}, ["out"]),
        ({"number": "4"}, ["out"]),
        ({"number": "800"}, []),  # ours, not the customer's
        ({"number": "abc"}, []),
        ({"number": "567", "direction": "inbound"}, ["in"]),
    ],
)
async def test_calls_are_found_by_what_is_asked(
    store: SqlStore, query: dict[str, Any], expected: list[str]
) -> None:
    await store.add_source(make.source())
    await store.delete_source(ACCOUNT, "src_1", NOW)  # its calls stay
    await add(store, *CALLS, called("foreign", 2, OTHER, tags=("vip",), from_="+4934567"))
    assert await found(store, **query) == expected


async def test_a_call_is_found_by_what_it_has_become(store: SqlStore) -> None:
    row = called("one", status="missed")
    await add(store, row)
    changed = msgspec.structs.replace(
        row, version=2, call=msgspec.structs.replace(row.call, status="answered")
    )
    async with store.begin() as work:
        await work.update_calls([changed])
    assert await found(store, status=("missed",)) == []
    assert await found(store, status=("answered",)) == ["one"]


@hypothesis_settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(st.integers(0, 3), max_size=12), limit=st.integers(1, 5), number=st.booleans())
async def test_pages_hold_every_call_once_and_in_order(
    store: SqlStore, times: list[int], limit: int, number: bool
) -> None:
    account = new_id("ac")
    rows = [called(str(i), at, account, from_="+4930123") for i, at in enumerate(times)]
    random.Random(1).shuffle(rows)
    await add(store, *rows)
    seen: list[CallRow] = []
    query = CallQuery(limit=limit, number="0123" if number else None)
    while True:
        page = await store.list_calls(account, query)
        assert len(page.items) <= limit
        seen += page.items
        if page.next_cursor is None:
            break
        query = msgspec.structs.replace(query, cursor=page.next_cursor)
    assert seen == sorted(rows, key=lambda r: (r.call.started_at, r.id), reverse=True)


async def test_a_call_log_cursor_of_another_kind_is_refused(store: SqlStore) -> None:
    await add(store, *CALLS)
    cursor = (await store.list_calls(ACCOUNT, CallQuery(limit=1))).next_cursor
    with pytest.raises(Invalid):
        await store.list_deliveries(ACCOUNT, DeliveryQuery(cursor=cursor))
    with pytest.raises(Invalid):
        await store.list_calls(ACCOUNT, CallQuery(cursor="x"))


async def test_get_call_keeps_to_the_account(store: SqlStore) -> None:
    await add(store, CALLS[0])
    assert await store.get_call(ACCOUNT, CALLS[0].id) == CALLS[0]
    assert await store.get_call(OTHER, CALLS[0].id) is None


async def test_deliveries_are_found_by_what_is_asked(store: SqlStore) -> None:
    one = make.delivery(call_id="cl_01AAA", event="call.ended", created_at=later(0))
    two = make.delivery(
        call_id="cl_01AAA", destination_id="wb_2", status="failed", reason="gone", created_at=later(10)
    )
    three = make.delivery(call_id="cl_01AAAB", status="held", due_at=None, created_at=later(20))
    await store.add_resends([one, two, three, make.delivery(account_id=OTHER, call_id="cl_01AAA")])

    async def ask(**query: Any) -> list[str]:
        return [d.id for d in (await store.list_deliveries(ACCOUNT, DeliveryQuery(**query))).items]

    assert await ask() == [three.id, two.id, one.id]
    assert await ask(call_id="cl_01AAA") == [two.id, one.id]
    assert await ask(event_id=three.event_id) == [three.id]
    assert await ask(event="call.ended") == [one.id]
    assert await ask(destination_id="wb_2") == [two.id]
    assert await ask(destination_id="wb_2", call_id="cl_01AAAB") == []
    assert await ask(status=("failed", "held")) == [three.id, two.id]
    assert await ask(since=later(10), until=later(20)) == [two.id]


async def test_delivery_pages_go_back_in_time(store: SqlStore) -> None:
    made = [make.delivery() for _ in range(5)]
    await store.add_resends(made)
    first = await store.list_deliveries(ACCOUNT, DeliveryQuery(limit=3))
    second = await store.list_deliveries(ACCOUNT, DeliveryQuery(limit=3, cursor=first.next_cursor))
    assert (*first.items, *second.items) == tuple(reversed(made))
    assert second.next_cursor is None


async def test_only_what_nobody_has_in_hand_is_cancelled(store: SqlStore) -> None:
    waiting, held = make.delivery(), make.delivery(status="held", due_at=None)
    in_hand, sent = make.delivery(), make.delivery(status="delivered", due_at=None)
    await store.add_resends([waiting, held, sent])
    await store.add_resends([in_hand], owner="n1")
    assert await store.cancel_delivery(OTHER, waiting.id) is False
    results = [await store.cancel_delivery(ACCOUNT, d.id) for d in (waiting, held, in_hand, sent)]
    assert results == [True, True, False, False]
    await store.unclaim([in_hand], "n1")
    assert await store.cancel_delivery(ACCOUNT, in_hand.id)
    assert await store.backlog() == {"pending": 0, "held": 0}


async def test_health_of_a_webhook_that_was_never_tried(store: SqlStore) -> None:
    health = await store.health(ACCOUNT, "wb_1")
    assert (health.attempts, health.success_rate, health.latency_p50_ms, health.lane) == (0, None, None, None)


async def test_health_is_read_from_the_latest_attempts(store: SqlStore) -> None:
    made = [make.delivery() for _ in range(20)]
    await store.add_resends([*made, make.delivery(destination_id="wb_2"), make.delivery(account_id=OTHER)])
    await store.add_resends([make.delivery(status="held", due_at=None)])
    failed = Outcome(ok=False, error="status", detail="HTTP 500", latency=0.5)
    done = [
        make.finished(
            msgspec.structs.replace(d, status="delivered", attempts=1),
            Outcome(ok=True, latency=(i + 1) / 1000),
        )
        for i, d in enumerate(made[:19])
    ]
    done.append(make.finished(msgspec.structs.replace(made[19], attempts=1, due_at=later(5)), failed))
    lane = LaneState(account_id=ACCOUNT, destination_id="wb_1", failures=1)
    await store.record(done, [lane])
    health = await store.health(ACCOUNT, "wb_1")
    assert (health.attempts, health.delivered, health.failed, health.success_rate) == (20, 19, 1, 0.95)
    assert (health.latency_p50_ms, health.latency_p95_ms) == (10.0, 19.0)
    assert (health.delay_p50_ms, health.delay_p95_ms) == (
        10.0,
        19.0,
    )  # they were tried the moment they were due
    assert (health.pending, health.held, health.lane) == (1, 1, lane)
    assert (health.last_error, health.last_attempt_at) == ("HTTP 500", NOW)
    assert (await store.health(OTHER, "wb_1")).attempts == 0
