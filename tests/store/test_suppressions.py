# The suppression list (S5): what every store must do with it.

import asyncio
from typing import Any

import msgspec
import pytest

from aftercall.domain.contact import Suppression
from aftercall.domain.errors import Invalid
from aftercall.engine.contacts import Clearance, SuppressionQuery
from aftercall.store.store import SqlStore
from tests.store.make import ACCOUNT, NOW, OTHER, later

ADA, BEN = "+4930123451", "ben@example.com"


def stop(address: str = ADA, account_id: str = ACCOUNT, **more: Any) -> Suppression:
    channel = "email" if "@" in address else "sms"
    more = {"source": "keyword", "channel": channel, "created_at": NOW, **more}
    return Suppression(account_id=account_id, address=address, **more)


async def found(store: SqlStore, address: str = ADA) -> list[Suppression]:
    return (await store.find_suppressions(ACCOUNT, [address])).get(address, [])


async def clear(store: SqlStore, **more: Any) -> list[Suppression]:
    asked = {"address": ADA, "by": "admin", "reason": "asked to", "at": later(60), **more}
    return await store.clear_suppressions(ACCOUNT, Clearance(**asked))


async def test_addresses_that_are_suppressed_are_found_with_the_reasons(store: SqlStore) -> None:
    one, two = (
        stop(reason="STOP", delivery_id="dl_1"),
        stop(source="manual", scope="sn_1", created_by="admin"),
    )
    mail = stop(BEN, source="bounce", category="promotional")
    assert await store.add_suppressions([one, two, mail, stop(account_id=OTHER)]) == 4
    told = await store.find_suppressions(ACCOUNT, [ADA, BEN, "+4930999"])
    assert {address: sorted(rows, key=lambda r: r.source) for address, rows in told.items()} == {
        ADA: [one, two], BEN: [mail]
    }  # fmt: skip
    assert await store.find_suppressions(ACCOUNT, []) == {}


async def test_adding_twice_keeps_the_first(store: SqlStore) -> None:
    first = stop(reason="STOP")
    assert await store.add_suppressions([first, stop(reason="again")]) == 1
    assert await store.add_suppressions([stop(reason="again", created_at=later(9))]) == 0
    assert await found(store) == [first]


async def test_what_is_about_more_replaces_what_is_about_less_and_never_the_other_way(
    store: SqlStore,
) -> None:
    less, more = stop(category="promotional"), stop(created_at=later(5))
    await store.add_suppressions([less])
    assert await store.add_suppressions([more]) == 1
    assert await store.add_suppressions([less]) == 0
    assert await found(store) == [more]
    await store.add_suppressions([stop(BEN, category="promotional"), stop(BEN)])
    assert [row.category for row in await found(store, BEN)] == ["all"]


async def test_at_the_same_time_the_one_about_more_stays(store: SqlStore) -> None:
    rows = [stop(category="promotional"), stop(), stop(category="promotional"), stop()]
    await asyncio.gather(*(store.add_suppressions([row]) for row in rows))
    assert [row.category for row in await found(store)] == ["all"]


async def test_what_is_cleared_counts_no_more_and_says_who_and_why(store: SqlStore) -> None:
    await store.add_suppressions(
        [stop(), stop(source="review"), stop(source="complaint"), stop(scope="sn_1")]
    )
    lifted = await clear(store, sources=("keyword", "review"), scopes=("all",))
    assert {(row.source, row.scope) for row in lifted} == {("keyword", "all"), ("review", "all")}
    assert {(row.cleared_at, row.cleared_by, row.cleared_reason) for row in lifted} == {
        (later(60), "admin", "asked to")
    }
    assert {(row.source, row.scope) for row in await found(store)} == {
        ("complaint", "all"),
        ("keyword", "sn_1"),
    }
    kept = await store.list_suppressions(ACCOUNT, SuppressionQuery(cleared=True))
    assert {row.source for row in kept.items} == {"keyword", "review"}
    assert len(await clear(store)) == 2
    assert await clear(store) == []
    assert await found(store) == []


async def test_clearing_reaches_no_other_account(store: SqlStore) -> None:
    await store.add_suppressions([stop(account_id=OTHER)])
    assert await clear(store) == []
    assert await store.find_suppressions(OTHER, [ADA]) == {ADA: [stop(account_id=OTHER)]}


async def test_what_was_cleared_counts_again_when_it_is_added_again(store: SqlStore) -> None:
    await store.add_suppressions([stop()])
    await clear(store)
    again = stop(created_at=later(90), category="promotional")
    assert await store.add_suppressions([again]) == 1
    assert await found(store) == [again]


async def test_the_list_is_newest_first_page_by_page_and_filtered(store: SqlStore) -> None:
    rows = [stop(f"+49301{n}0000", created_at=later(n // 2)) for n in range(6)]
    mail = stop(BEN, source="bounce", created_at=later(9))
    await store.add_suppressions([*rows, mail, stop(account_id=OTHER)])
    first = await store.list_suppressions(ACCOUNT, SuppressionQuery(limit=4))
    rest = await store.list_suppressions(ACCOUNT, SuppressionQuery(limit=4, cursor=first.next_cursor))
    assert [*first.items, *rest.items] == [mail, *rows[::-1]]
    assert rest.next_cursor is None

    async def listed(**query: Any) -> list[Suppression]:
        return list((await store.list_suppressions(ACCOUNT, SuppressionQuery(**query))).items)

    assert (
        await listed(channel="email")
        == await listed(source=("bounce",))
        == await listed(address=BEN)
        == [mail]
    )
    assert await listed(cleared=True) == []
    with pytest.raises(Invalid):
        await listed(cursor="?")
    assert msgspec.json.decode(msgspec.json.encode(mail), type=Suppression) == mail
