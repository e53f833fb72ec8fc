import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from aftercall.domain.breaker import LaneState
from aftercall.domain.delivery import Delivery, Outcome
from aftercall.engine.ports import Collision
from aftercall.engine.rows import bucket_of
from aftercall.store.database import open_store
from aftercall.store.store import SqlStore
from aftercall.store.vault import Vault
from tests.store import make
from tests.store.make import ACCOUNT, NOW, OTHER, later

FAILED = Outcome(ok=False, error="timeout", detail="no answer in 5 s", latency=5.0)


async def add(store: SqlStore, *deliveries: Delivery, owner: str | None = None) -> None:
    async with store.begin() as work:
        await work.add_deliveries(deliveries, [owner] * len(deliveries))


async def claim(
    store: SqlStore,
    node: str = "n1",
    *,
    buckets: Sequence[int] | None = None,
    full: Sequence[str] = (),
    limit: int = 100,
) -> list[Delivery]:
    return await store.claim(node, NOW, buckets, full, limit)


def after(delivery: Delivery, **changes: Any) -> Delivery:
    return msgspec.structs.replace(delivery, **changes)


def ids(deliveries: Sequence[Delivery]) -> set[str]:
    return {d.id for d in deliveries}


async def test_claim_gives_what_is_due_and_nobody_has_once(store: SqlStore) -> None:
    due = [make.delivery(due_at=later(-s)) for s in (1, 3, 2)]
    await add(store, *due, make.delivery(due_at=later(1)), make.delivery(status="held", due_at=None))
    await add(store, make.delivery(), owner="n2")
    assert await claim(store) == sorted(due, key=lambda d: d.due_at or NOW)
    assert await claim(store) == []


async def test_claim_shares_its_limit_among_lanes_oldest_first(store: SqlStore) -> None:
    flood = [make.delivery(destination_id="wb_flood", due_at=later(-100 + i)) for i in range(20)]
    few = [make.delivery(destination_id="wb_few", due_at=later(-1))]
    await add(store, *flood, *few)
    claimed = await claim(store, limit=6)
    assert ids(claimed) == ids(few) | ids(flood[:3])
    assert len(await claim(store, limit=100)) == 17


async def test_claim_uses_what_one_lane_leaves_for_the_next(store: SqlStore) -> None:
    await add(store, make.delivery(destination_id="wb_a", due_at=later(-10)))
    await add(store, *(make.delivery(destination_id="wb_b", due_at=later(-5)) for _ in range(9)))
    assert len(await claim(store, limit=8)) == 8


async def test_claim_leaves_out_full_lanes_and_the_buckets_of_others(store: SqlStore) -> None:
    mine, theirs, full = "wb_1", "wb_2", "wb_3"
    assert len({bucket_of(w) for w in (mine, theirs, full)}) == 3
    await add(store, *(make.delivery(destination_id=w) for w in (mine, theirs, full)))
    buckets = [bucket_of(mine), bucket_of(full)]
    assert [d.destination_id for d in await claim(store, buckets=buckets, full=[full])] == [mine]
    assert await claim(store, buckets=[]) == []
    assert {d.destination_id for d in await claim(store)} == {theirs, full}


async def test_what_is_unclaimed_can_be_claimed_again(store: SqlStore) -> None:
    await add(store, make.delivery())
    claimed = await claim(store)
    await store.unclaim(claimed, "n1")
    assert await claim(store, "n2") == claimed


async def test_next_due_looks_at_the_same_lanes_as_claim(store: SqlStore) -> None:
    assert await store.next_due(None, []) is None
    await add(store, make.delivery(destination_id="wb_1", due_at=later(5)))
    await add(
        store,
        make.delivery(destination_id="wb_2", due_at=later(3)),
        make.delivery(destination_id="wb_2"),
        owner="n1",
    )
    await add(store, make.delivery(destination_id="wb_2", due_at=later(9)))
    assert await store.next_due(None, []) == later(5)
    assert await store.next_due(None, ["wb_1"]) == later(9)
    assert await store.next_due([bucket_of("wb_2")], []) == later(9)
    assert await store.next_due([], []) is None


async def test_a_delivered_one_is_settled_with_its_attempt(store: SqlStore) -> None:
    one = make.delivery()
    await add(store, one, owner="n1")
    done = make.finished(after(one, status="delivered", attempts=1, due_at=None))
    await store.record([done], [])
    assert await store.get_delivery(ACCOUNT, one.id) == done.delivery
    assert await store.delivery_attempts(ACCOUNT, one.id) == [done.attempt]
    assert await store.delivery_attempts(OTHER, one.id) == []
    assert await store.backlog() == {"pending": 0, "held": 0}


async def test_a_failed_one_waits_in_the_queue_for_its_next_attempt(store: SqlStore) -> None:
    one = make.delivery()
    await add(store, one, owner="n1")
    again = after(one, attempts=1, due_at=later(-1))
    await store.record([make.finished(again, FAILED)], [])
    assert await claim(store) == [again]


async def test_what_was_cancelled_meanwhile_stays_cancelled(store: SqlStore) -> None:
    one = make.delivery()
    await add(store, one)
    assert await store.cancel_delivery(ACCOUNT, one.id)
    await store.record([make.finished(after(one, attempts=1, due_at=later(5)), FAILED)], [])
    found = await store.get_delivery(ACCOUNT, one.id)
    assert found is not None
    assert (found.status, found.due_at) == ("cancelled", None)
    assert len(await store.delivery_attempts(ACCOUNT, one.id)) == 1


@pytest.mark.parametrize(
    ("outcome", "status", "expected"),
    [(None, "delivered", "delivered"), (FAILED, "pending", "held"), (FAILED, "failed", "failed")],
)
async def test_what_was_held_in_flight_stays_held_unless_it_is_settled(
    store: SqlStore, outcome: Outcome | None, status: str, expected: str
) -> None:
    one = make.delivery()
    await add(store, one, owner="n1")
    assert await store.hold(ACCOUNT, "wb_1", "paused") == 1
    due = later(5) if status == "pending" else None
    await store.record([make.finished(after(one, status=status, attempts=1, due_at=due), outcome)], [])
    found = await store.get_delivery(ACCOUNT, one.id)
    assert found is not None
    assert (found.status, found.attempts, found.due_at) == (expected, 1, None)
    assert found.reason == ("paused" if expected == "held" else None)


async def test_the_same_attempt_recorded_by_two_nodes_is_one(store: SqlStore) -> None:
    one = make.delivery()
    await add(store, one)
    done = make.finished(after(one, status="delivered", attempts=1, due_at=None))
    await store.record([done], [])
    await store.record([done], [])
    assert await store.delivery_attempts(ACCOUNT, one.id) == [done.attempt]


async def test_lane_states_are_replaced(store: SqlStore) -> None:
    first = LaneState(
        account_id=ACCOUNT, destination_id="wb_1", failures=3, failing_since=NOW, last_error="dns"
    )
    second = LaneState(account_id=ACCOUNT, destination_id="wb_1", last_success_at=NOW)
    await store.record([], [first])
    await store.record([], [second])
    assert await store.lane_states() == [second]


async def test_hold_and_release_keep_to_the_webhook_and_the_account(store: SqlStore) -> None:
    mine = [make.delivery(), make.delivery(due_at=later(60))]
    others = [make.delivery(destination_id="wb_2"), make.delivery(account_id=OTHER)]
    await add(store, mine[0], owner="n1")
    await add(store, mine[1], *others)
    assert await store.hold(ACCOUNT, "wb_1", "paused") == 2
    held = await store.get_delivery(ACCOUNT, mine[0].id)
    assert held == after(mine[0], status="held", reason="paused", due_at=None)
    assert await store.backlog() == {"pending": 2, "held": 2}
    assert await store.release(OTHER, "wb_1", NOW) == 0
    assert await store.release(ACCOUNT, "wb_1", NOW) == 2
    assert ids(await claim(store)) == ids([*mine, *others])
    assert (await store.get_delivery(ACCOUNT, mine[0].id)) == mine[0]


async def test_disabling_a_webhook_holds_its_deliveries_and_raises_the_version(store: SqlStore) -> None:
    webhook = make.webhook(signing_secret="whsec_x")
    await store.add_account(make.account())
    await store.add_webhook(webhook)
    await add(store, make.delivery())
    before = await store.settings_version(ACCOUNT)
    assert before is not None
    assert await store.disable_webhook(OTHER, "wb_1", "gone", later(1)) is False
    assert await store.disable_webhook(ACCOUNT, "wb_1", "gone", later(1))
    assert await store.disable_webhook(ACCOUNT, "wb_1", "gone", later(2)) is False
    assert await store.get_webhook(ACCOUNT, "wb_1") == msgspec.structs.replace(
        webhook, status="disabled", status_reason="gone", updated_at=later(1), version=2
    )
    assert await store.backlog() == {"pending": 0, "held": 1}
    assert await store.settings_version(ACCOUNT) == before + 1


async def test_a_new_incarnation_takes_over_at_once_from_its_dead_predecessor(store: SqlStore) -> None:
    await store.join("node", "first", NOW)
    await add(store, make.delivery(), owner="first")
    await store.join("node", "second", NOW)
    assert len(await claim(store, "second")) == 1
    assert await store.beat("second", NOW) == ["second"]


async def test_leaving_gives_everything_back(store: SqlStore) -> None:
    await store.join("node", "n1", NOW)
    await add(store, make.delivery(), owner="n1")
    await store.leave("n1")
    assert len(await claim(store, "n2")) == 1


async def test_a_node_thought_dead_is_counted_again_when_it_beats(store: SqlStore) -> None:
    await store.join("a", "n1", NOW)
    await store.leave("n1")
    assert await store.beat("n1", NOW) == ["n1"]


@pytest.fixture
async def two(postgres_database: str, vault: Vault) -> AsyncIterator[list[SqlStore]]:
    stores = await asyncio.gather(*(open_store(postgres_database, vault=vault) for _ in range(2)))
    yield stores
    for store in stores:
        await store.close()


@pytest.mark.postgres
async def test_another_node_takes_over_after_fifteen_silent_seconds(two: list[SqlStore]) -> None:
    one, other = two
    await one.join("a", "n1", NOW)
    await other.join("b", "n2", NOW)
    await add(one, make.delivery(), owner="n1")
    assert await other.beat("n2", later(14)) == ["n1", "n2"]
    assert await claim(other, "n2") == []
    assert await other.beat("n2", later(16)) == ["n2"]
    assert len(await claim(other, "n2")) == 1


@pytest.mark.postgres
async def test_work_committed_by_a_node_after_it_was_thought_dead_is_not_lost(two: list[SqlStore]) -> None:
    one, other = two
    await one.join("a", "n1", NOW)
    await other.join("b", "n2", NOW)
    await other.beat("n2", later(16))
    await add(one, make.delivery(), owner="n1")
    await other.beat("n2", later(19))
    assert len(await claim(other, "n2")) == 1


@pytest.mark.postgres
async def test_two_nodes_never_claim_the_same(two: list[SqlStore]) -> None:
    made = [make.delivery(destination_id=f"wb_{i % 7}") for i in range(400)]
    await add(two[0], *made)

    async def take_all(store: SqlStore, node: str) -> list[Delivery]:
        taken: list[Delivery] = []
        while claimed := await claim(store, node, limit=20):
            taken += claimed
        return taken

    taken = await asyncio.gather(*(take_all(store, f"n{i}") for i in range(4) for store in two))
    everything = [d.id for some in taken for d in some]
    assert len(everything) == len(set(everything))
    rest = await claim(two[0], limit=400)  # what each left because the other was just looking at it
    assert {*everything, *ids(rest)} == ids(made)


@pytest.mark.postgres
async def test_of_two_nodes_that_open_the_same_call_one_collides(two: list[SqlStore]) -> None:
    async def open_call(store: SqlStore) -> None:
        async with store.begin() as work:
            assert await work.find_calls([(ACCOUNT, "src_1", "key-1")]) == []
            await asyncio.sleep(0.05)
            await work.add_calls([make.call_row()])

    results = await asyncio.gather(*map(open_call, two), return_exceptions=True)
    assert [type(r) for r in results if r is not None] == [Collision]


@pytest.mark.postgres
async def test_calls_another_node_holds_are_left_out(two: list[SqlStore]) -> None:
    row = make.call_row(due_at=NOW)
    async with two[0].begin() as work:
        await work.add_calls([row])
    async with two[0].begin() as work:
        assert await work.due_calls(NOW, 1) == [row]
        async with two[1].begin() as other:
            assert await other.due_calls(NOW, 1) == []
            assert await other.lock_calls([(ACCOUNT, row.id)]) == []


@pytest.mark.postgres
async def test_idle_nodes_hear_of_work_nobody_has_in_hand(two: list[SqlStore]) -> None:
    one, other = two
    heard: asyncio.Queue[None] = asyncio.Queue()
    listening = asyncio.create_task(other.listen(lambda: heard.put_nowait(None)))
    await asyncio.wait_for(heard.get(), 10)  # it is listening now
    await add(one, make.delivery(), owner="n1")
    await add(one, make.delivery(status="held", due_at=None))
    assert heard.empty()
    await add(one, make.delivery())
    await asyncio.wait_for(heard.get(), 10)
    listening.cancel()
