import asyncio

import msgspec
import pytest

from aftercall.domain.call import Call
from aftercall.domain.plan import Skipped
from aftercall.engine.ports import Collision
from aftercall.engine.rows import CallQuery, CallRow
from aftercall.store.store import SqlStore
from tests.store import make
from tests.store.make import ACCOUNT, NOW, OTHER, later


async def add_calls(store: SqlStore, *rows: CallRow) -> None:
    async with store.begin() as work:
        await work.add_calls(rows)


async def test_calls_come_back_as_they_were_stored(store: SqlStore) -> None:
    row = make.call_row(fold=b"\0\xff", due_at=make.later(1.5), generation=2, facts=7)
    await add_calls(store, row)
    async with store.begin() as work:
        assert await work.find_calls([(ACCOUNT, "src_1", "key-1")]) == [row]
    assert await store.get_call(ACCOUNT, row.id) == row


async def test_find_calls_gives_all_generations_of_the_asked_keys_in_order(store: SqlStore) -> None:
    rows = [make.call_row(call_key=key, generation=g) for key in ("b", "a", "c") for g in (1, 0)]
    await add_calls(store, *rows, make.call_row(account_id=OTHER, call_key="a"))
    async with store.begin() as work:
        found = await work.find_calls(
            [(ACCOUNT, "src_1", "b"), (ACCOUNT, "src_1", "a"), (ACCOUNT, "src_2", "c")]
        )
    assert [(r.call_key, r.generation) for r in found] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert {r.account_id for r in found} == {ACCOUNT}


async def test_lock_calls_keeps_to_the_account(store: SqlStore) -> None:
    row = make.call_row()
    await add_calls(store, row)
    async with store.begin() as work:
        assert await work.lock_calls([(OTHER, row.id), (ACCOUNT, "cl_none")]) == []
        assert await work.lock_calls([(ACCOUNT, row.id)]) == [row]


async def test_nothing_asked_nothing_found(store: SqlStore) -> None:
    async with store.begin() as work:
        assert await work.find_calls([]) == []
        assert await work.settings_versions([]) == {}
        assert await work.known_facts([]) == set()
        assert await work.load_facts([]) == {}
        assert await work.spoken([]) == set()
        assert await work.find_aliases([]) == {}
        await work.add_aliases([])
        await work.hide_merged([])
        await work.add_facts([])
        await work.add_calls([])
        await work.update_calls([])
        await work.add_events([])
        await work.add_deliveries([], [])


async def test_the_same_call_again_collides(store: SqlStore) -> None:
    await add_calls(store, make.call_row())
    with pytest.raises(Collision):
        await add_calls(store, make.call_row())


async def test_update_replaces_the_call_when_the_version_follows(store: SqlStore) -> None:
    row = make.call_row()
    await add_calls(store, row)
    changed = msgspec.structs.replace(row, version=2, facts=5, due_at=NOW, updated_at=make.later(1))
    async with store.begin() as work:
        await work.update_calls([changed])
    assert await store.get_call(ACCOUNT, row.id) == changed


async def test_update_of_many_collides_when_one_version_does_not_follow(store: SqlStore) -> None:
    one, two = make.call_row(), make.call_row(call_key="key-2")
    await add_calls(store, one, two)
    with pytest.raises(Collision):
        async with store.begin() as work:
            await work.update_calls(
                [msgspec.structs.replace(one, version=2), msgspec.structs.replace(two, version=3)]
            )
    assert await store.get_call(ACCOUNT, one.id) == one  # undone as a whole


async def test_due_calls_are_those_whose_time_has_come_oldest_first(store: SqlStore) -> None:
    keys = {"late": -1.0, "later": -2.0, "future": 1.0, "never": None}
    rows = {
        key: make.call_row(call_key=key, due_at=None if at is None else make.later(at))
        for key, at in keys.items()
    }
    await add_calls(store, *rows.values())
    async with store.begin() as work:
        assert [r.call_key for r in await work.due_calls(NOW, 10)] == ["later", "late"]
        assert [r.call_key for r in await work.due_calls(NOW, 1)] == ["later"]


async def test_facts_are_known_and_loaded_by_call_within_the_account(store: SqlStore) -> None:
    one, two = make.fact("f1"), make.fact("f2 ü\U0001f600\"'")
    async with store.begin() as work:
        await work.add_facts(
            [(ACCOUNT, "cl_1", one), (ACCOUNT, "cl_1", two), (OTHER, "cl_1", make.fact("f3"))]
        )
        asked = [(ACCOUNT, "cl_1", two.natural_id), (ACCOUNT, "cl_1", "f3"), (ACCOUNT, "cl_2", "f1")]
        assert await work.known_facts(asked) == {("cl_1", two.natural_id)}
        loaded = await work.load_facts([(ACCOUNT, "cl_1"), (ACCOUNT, "cl_2")])
    assert sorted(loaded["cl_1"], key=lambda f: f.natural_id) == [one, two]
    assert loaded["cl_2"] == []
    assert await store.call_facts(OTHER, "cl_1") == [make.fact("f3")]


async def test_the_same_fact_again_collides(store: SqlStore) -> None:
    with pytest.raises(Collision):
        async with store.begin() as work:
            await work.add_facts([(ACCOUNT, "cl_1", make.fact())] * 2)


async def test_events_are_spoken_once_and_keep_who_was_skipped(store: SqlStore) -> None:
    event = make.spoken("cl_1", skipped=(Skipped("wb_9", "filter"),), details={"x": [1, None]})
    async with store.begin() as work:
        await work.add_events([event, make.spoken("cl_1", "call.ended", sequence=0)])
        asked = [(ACCOUNT, "cl_1", event.event.event_id), (OTHER, "cl_1", event.event.event_id)]
        assert await work.spoken(asked[:1]) == {event.event.event_id}
        assert await work.spoken(asked[1:]) == set()
    assert await store.get_event(ACCOUNT, event.event.event_id) == event
    assert await store.get_event(OTHER, event.event.event_id) is None
    assert [e.event.sequence for e in await store.call_events(ACCOUNT, "cl_1")] == [0, 1]
    assert await store.call_events(OTHER, "cl_1") == []
    with pytest.raises(Collision):
        async with store.begin() as work:
            await work.add_events([event])


async def test_a_name_belongs_to_one_call_of_an_account(store: SqlStore) -> None:
    async with store.begin() as work:
        await work.add_aliases([(ACCOUNT, "twilio:CA1", "cl_1"), (OTHER, "twilio:CA1", "cl_2")])
        asked = [(ACCOUNT, "twilio:CA1"), (OTHER, "twilio:CA1"), (ACCOUNT, "twilio:CA2")]
        assert await work.find_aliases(asked) == {
            (ACCOUNT, "twilio:CA1"): "cl_1", (OTHER, "twilio:CA1"): "cl_2"
        }  # fmt: skip
    with pytest.raises(Collision):
        async with store.begin() as work:
            await work.add_aliases([(ACCOUNT, "twilio:CA1", "cl_3")])


async def test_a_merged_call_is_read_but_not_listed(store: SqlStore) -> None:
    call = Call(source_call_key="key-1", direction="inbound", from_="+14085551234", started_at=NOW)
    kept, merged = make.call_row(call=call), make.call_row(call=call, call_key="key-2")
    elsewhere = make.call_row(call=call, account_id=OTHER)
    await add_calls(store, kept, merged, elsewhere)
    async with store.begin() as work:
        for _ in range(2):
            await work.hide_merged([(ACCOUNT, merged.id), (ACCOUNT, elsewhere.id)])
    assert await store.get_call(ACCOUNT, merged.id) == merged
    for query in (CallQuery(), CallQuery(number="5551234"), CallQuery(source_id="src_1")):
        assert [r.id for r in (await store.list_calls(ACCOUNT, query)).items] == [kept.id]
    by_key = CallQuery(source_id="src_1", call_key="key-2")
    assert [r.id for r in (await store.list_calls(ACCOUNT, by_key)).items] == [merged.id]
    assert (await store.list_calls(OTHER, CallQuery())).items == (elsewhere,)
    still_open = await store.open_calls(ACCOUNT, "src_1", NOW)
    assert sorted(still_open) == [("key-1", kept.id), ("key-2", merged.id)]


async def test_silent_calls_are_the_open_ones_that_are_due_soon(store: SqlStore) -> None:
    started = Call(source_call_key="key", started_at=NOW)
    over = Call(source_call_key="key", started_at=NOW, ended_at=NOW, status="missed")
    soon = make.call_row(call=started, call_key="soon", due_at=later(60))
    sooner = make.call_row(call=started, call_key="sooner", due_at=later(30), account_id=OTHER)
    await add_calls(
        store, soon, sooner,
        make.call_row(call=started, call_key="now", due_at=NOW),
        make.call_row(call=started, call_key="later", due_at=later(61)),
        make.call_row(call=started, call_key="never"),
        make.call_row(call=over, call_key="over", due_at=later(60)),
    )  # fmt: skip
    found = await store.silent_calls(NOW, later(60), 10)
    assert [(call.id, call.account_id, call.source_id, call.call_key, call.due_at) for call in found] == [
        (row.id, row.account_id, "src_1", row.call_key, row.due_at) for row in (sooner, soon)
    ]
    assert [call.id for call in await store.silent_calls(NOW, later(60), 1)] == [sooner.id]


async def test_a_delivery_is_planned_once(store: SqlStore) -> None:
    one = make.delivery(key="evt_1:wb_1")
    async with store.begin() as work:
        await work.add_deliveries([one], ["node"])
    with pytest.raises(Collision):
        async with store.begin() as work:
            await work.add_deliveries([make.delivery(key="evt_1:wb_1")], [None])
    assert await store.get_delivery(ACCOUNT, one.id) == one


async def test_settings_versions_are_of_those_accounts_that_exist(store: SqlStore) -> None:
    await store.add_account(make.account())
    async with store.begin() as work:
        assert await work.settings_versions([ACCOUNT, OTHER]) == {ACCOUNT: 1}


async def test_an_exception_undoes_everything(store: SqlStore) -> None:
    row = make.call_row()

    async def fail() -> None:
        async with store.begin() as work:
            await work.add_calls([row])
            await work.add_facts([(ACCOUNT, row.id, make.fact())])
            await work.add_deliveries([make.delivery()], [None])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await store.get_call(ACCOUNT, row.id) is None
    assert await store.call_facts(ACCOUNT, row.id) == []
    assert await store.backlog() == {"pending": 0, "held": 0}


async def test_a_cancelled_transaction_undoes_everything_and_lets_the_next_one_in(store: SqlStore) -> None:
    row, begun = make.call_row(), asyncio.Event()

    async def work_for_ever() -> None:
        async with store.begin() as work:
            await work.add_calls([row])
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work_for_ever())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add_calls(store, row)
    assert await store.get_call(ACCOUNT, row.id) == row


async def test_what_is_not_committed_is_not_seen(store: SqlStore) -> None:
    row = make.call_row()
    async with store.begin() as work:
        await work.add_calls([row])
        assert await store.get_call(ACCOUNT, row.id) is None
    assert await store.get_call(ACCOUNT, row.id) == row


async def test_a_batch_of_thousands_is_one_statement_a_table(store: SqlStore) -> None:
    rows = [make.call_row(call_key=f"key-{i}") for i in range(3000)]
    await add_calls(store, *rows)
    async with store.begin() as work:
        found = await work.find_calls([(r.account_id, r.source_id, r.call_key) for r in rows])
        await work.update_calls([msgspec.structs.replace(r, version=2) for r in rows])
    assert len(found) == len(rows)
