# Raw input and traffic: what every store must do with them.

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from aftercall.domain.errors import Invalid
from aftercall.engine.ids import new_id
from aftercall.engine.input_rows import Counts, Given, Hour, HourRow, Input, InputQuery
from aftercall.engine.ports import Collision
from aftercall.store.store import SqlStore
from tests.store import make
from tests.store.make import ACCOUNT, NOW, OTHER, later

HOUR = int(NOW.timestamp()) // 3600


def sent(account_id: str = ACCOUNT, **more: Any) -> Input:
    known: dict[str, Any] = {
        "source_id": "src_1", "received_at": NOW, "expires_at": later(60), "result": "taken",
        "body": b'{"a":"\xc3\xa9"}\x00\xff', "size": 12,
    }  # fmt: skip
    return Input(id=new_id("in"), account_id=account_id, **(known | more))


async def listed(store: SqlStore, **query: Any) -> list[Input]:
    asked = InputQuery(source_id="src_1", bodies=True, **query)
    return list((await store.list_inputs(ACCOUNT, asked)).items)


async def test_an_input_comes_back_byte_for_byte(store: SqlStore) -> None:
    kept = sent(path="cdr", query="a=1&token=***", headers={"content-type": "text/plain"}, error="why",
                shifted=3.25, given=(Given("key", "n1"),), call_ids=("cl_1",))  # fmt: skip
    await store.add_inputs([kept])
    assert await store.get_input(ACCOUNT, "src_1", kept.id) == kept
    assert await store.get_input(OTHER, "src_1", kept.id) is None
    assert await store.get_input(ACCOUNT, "src_2", kept.id) is None


async def test_inputs_are_listed_newest_first_page_by_page(store: SqlStore) -> None:
    kept = [sent(received_at=later(n)) for n in range(5)]
    await store.add_inputs([*kept, sent(OTHER), sent(source_id="src_2")])
    bare = [msgspec.structs.replace(one, body=b"") for one in kept]
    first = await store.list_inputs(ACCOUNT, InputQuery(source_id="src_1", limit=3))
    second = await store.list_inputs(
        ACCOUNT, InputQuery(source_id="src_1", limit=3, cursor=first.next_cursor)
    )
    assert [*first.items, *second.items] == bare[::-1]
    assert second.next_cursor is None
    with pytest.raises(Invalid):
        await listed(store, cursor="?")


async def test_inputs_are_found_by_result_and_time(store: SqlStore) -> None:
    good, bad, odd = sent(), sent(result="unparsable"), sent(result="ignored", received_at=later(9))
    await store.add_inputs([good, bad, odd])
    assert await listed(store, result=("unparsable",)) == [bad]
    assert await listed(store, result=("unparsable", "ignored")) == [odd, bad]
    assert await listed(store, since=later(9)) == [odd]
    assert await listed(store, until=later(9)) == [bad, good]


async def test_inputs_are_dropped_when_they_have_expired_a_few_at_a_time(store: SqlStore) -> None:
    await store.add_inputs([sent(expires_at=later(n)) for n in range(5)])
    assert await store.drop_inputs(later(4), 3) == 3
    assert await store.drop_inputs(later(4), 3) == 1
    assert await store.drop_inputs(later(4), 3) == 0
    assert len(await listed(store)) == 1


async def added(store: SqlStore, *kept: Input) -> None:
    async with store.begin() as work:
        for one in kept:
            await work.add_inputs([one])


async def test_an_input_written_in_a_transaction_that_fails_is_not_there(store: SqlStore) -> None:
    twice = sent()
    with pytest.raises(Collision):
        await added(store, twice, twice)
    async with store.begin() as work:
        await work.add_inputs([kept := sent()])
    assert await listed(store) == [kept]


async def test_facts_are_dropped_by_name(store: SqlStore) -> None:
    async with store.begin() as work:
        rows = [(ACCOUNT, "cl_1", make.fact("f1")), (ACCOUNT, "cl_1", make.fact("f2")),
                (ACCOUNT, "cl_2", make.fact("f1"))]  # fmt: skip
        await work.add_facts(rows)
        await work.drop_facts([(ACCOUNT, "cl_1", "f1"), (OTHER, "cl_2", "f1")])
    assert [f.natural_id for f in await store.call_facts(ACCOUNT, "cl_1")] == ["f2"]
    assert [f.natural_id for f in await store.call_facts(ACCOUNT, "cl_2")] == ["f1"]


def hour(number: int, incarnation: str = "n1", account_id: str = ACCOUNT, taken: int = 1) -> HourRow:
    counted = Hour(number, Counts(taken=taken), [taken, *[0] * 59], NOW)
    return HourRow(account_id=account_id, source_id="src_1", incarnation=incarnation, hour=counted)


async def test_traffic_is_replaced_by_the_node_that_counted(store: SqlStore) -> None:
    await store.put_traffic([hour(HOUR), hour(HOUR, "n2"), hour(HOUR, account_id=OTHER)])
    await store.put_traffic([hour(HOUR, taken=5)])
    found = await store.traffic(ACCOUNT, "src_1", HOUR)
    assert sorted((r.incarnation, r.hour.counts.taken) for r in found) == [("n1", 5), ("n2", 1)]
    assert found[0].hour.last_at == NOW


async def test_traffic_when_it_is_long_ago_is_the_last_there_was(store: SqlStore) -> None:
    await store.put_traffic([hour(HOUR - 90), hour(HOUR - 80)])
    assert [r.hour.number for r in await store.traffic(ACCOUNT, "src_1", HOUR)] == [HOUR - 80]
    assert await store.traffic(ACCOUNT, "src_none", HOUR) == []
    assert await store.drop_traffic(NOW - timedelta(hours=85)) == 1
    assert [r.hour.number for r in await store.traffic(ACCOUNT, "src_1", 0)] == [HOUR - 80]


async def test_a_source_comes_back_with_its_old_token(store: SqlStore) -> None:
    await store.add_account(make.account())
    source = make.source(token="new", old_token="old", old_token_until=later(60), clock_skew=2.5)
    await store.add_source(source)
    assert await store.get_source(ACCOUNT, "src_1") == source
    assert source.as_of(later(59)) == source
    assert source.as_of(later(60)) == msgspec.structs.replace(source, old_token="", old_token_until=None)
