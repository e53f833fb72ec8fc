# Contacts (D1): what every store must do with them.

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from aftercall.domain.contact import Consent, Contact
from aftercall.domain.errors import Conflict, Invalid
from aftercall.engine.contacts import ContactQuery, Known
from aftercall.store.store import SqlStore
from tests.store import make
from tests.store.make import ACCOUNT, NOW, OTHER

ADA, BEN = "+4930123451", "+4930123452"


def contact(number: str = ADA, account_id: str = ACCOUNT, **more: Any) -> Contact:
    more = {"id": f"ct_{number[-4:]}", "name": "Ada Lovelace", **more}
    return Contact(account_id=account_id, number=number, created_at=NOW, updated_at=NOW, **more)


@pytest.fixture(autouse=True)
async def accounts(store: SqlStore) -> None:
    await store.add_account(make.account())
    await store.add_account(make.account(OTHER))


async def version(store: SqlStore) -> tuple[int, bool]:
    settings = await store.settings(ACCOUNT)
    assert settings is not None
    return settings.version, settings.has_contacts


async def listed(store: SqlStore, **query: Any) -> list[str]:
    return [found.number for found in (await store.list_contacts(ACCOUNT, ContactQuery(**query))).items]


async def test_a_contact_comes_back_as_it_was_stored(store: SqlStore) -> None:
    kept = contact(email="ada@example.com", time_zone="Europe/Berlin", tags=("VIP", "a\0b"),
                   consents=(Consent(category="promotional", source="form", at=NOW),),
                   details={"crm": {"id": 5}}, name="Ada\0 Lovelace")  # fmt: skip
    await store.put_contacts([kept])
    assert await store.get_contact(ACCOUNT, kept.id) == kept
    assert await store.get_contact(OTHER, kept.id) is None
    assert await store.find_contacts(ACCOUNT, [ADA, BEN]) == {ADA: kept}
    assert await store.find_contacts(OTHER, [ADA]) == {}
    assert await store.find_contacts(ACCOUNT, []) == {}


async def test_contacts_are_found_in_the_accept_transaction_by_account_and_number(store: SqlStore) -> None:
    mine, theirs = contact(), contact(account_id=OTHER, name="Other")
    await store.put_contacts([mine, theirs])
    async with store.begin() as work:
        assert await work.find_contacts([(ACCOUNT, ADA), (OTHER, ADA), (OTHER, BEN)]) == {
            (ACCOUNT, ADA): mine, (OTHER, ADA): theirs
        }  # fmt: skip
        assert await work.find_contacts([]) == {}


async def test_a_number_belongs_to_one_contact_of_the_account(store: SqlStore) -> None:
    await store.put_contacts([contact()])
    with pytest.raises(Conflict):
        await store.put_contacts([contact(BEN), contact(id="ct_other")])
    assert await store.count_contacts(ACCOUNT) == 1
    await store.put_contacts([contact(name="Changed"), contact(BEN)])
    assert await store.count_contacts(ACCOUNT) == 2
    assert (await store.find_contacts(ACCOUNT, [ADA]))[ADA].name == "Changed"


async def test_only_the_first_contact_and_the_end_of_the_last_raise_the_settings_version(
    store: SqlStore,
) -> None:
    assert await version(store) == (1, False)
    await store.put_contacts([contact()])
    assert await version(store) == (2, True)
    await store.put_contacts([contact(BEN)])
    await store.put_contacts([contact(name="Changed")])
    assert await store.delete_contact(ACCOUNT, "ct_3451")
    assert await version(store) == (2, True)
    assert not await store.delete_contact(OTHER, "ct_3452")
    assert not await store.delete_contact(ACCOUNT, "ct_3451")
    assert await store.delete_contact(ACCOUNT, "ct_3452")
    assert await version(store) == (3, False)


async def test_a_change_that_raises_leaves_nothing_behind(store: SqlStore) -> None:
    def refuse(known: Known) -> Sequence[Contact]:
        raise Invalid("no")

    with pytest.raises(Invalid):
        await store.change_contacts(ACCOUNT, [ADA], refuse)
    assert await store.change_contacts(ACCOUNT, [ADA], lambda _: []) == []
    assert await version(store) == (1, False)


async def test_changes_at_the_same_time_lose_nothing(store: SqlStore) -> None:
    await store.put_contacts([contact(tags=())])

    def tagged(tag: str) -> Any:
        def change(known: Known) -> Sequence[Contact]:
            return [msgspec.structs.replace(known[ADA], tags=(*known[ADA].tags, tag))]

        return change

    await asyncio.gather(*(store.change_contacts(ACCOUNT, [ADA], tagged(str(n))) for n in range(8)))
    assert sorted((await store.find_contacts(ACCOUNT, [ADA]))[ADA].tags) == list("01234567")


async def test_the_last_deleted_while_another_comes_in_raises_the_version_for_both_or_for_none(
    store: SqlStore,
) -> None:
    """Else somebody could believe, at the version that stays, that there are no contacts."""
    last, new = ADA, BEN
    await store.put_contacts([contact(last)])
    for _ in range(10):
        before, _ = await version(store)
        await asyncio.gather(
            store.delete_contact(ACCOUNT, f"ct_{last[-4:]}"), store.put_contacts([contact(new)])
        )
        after, has_contacts = await version(store)
        assert (after - before in (0, 2), has_contacts) == (True, True)
        last, new = new, last


async def test_contacts_are_listed_by_name_page_by_page(store: SqlStore) -> None:
    people = [contact(f"+49301{n}0000", id=f"ct_{n}", name=name) for n, name in enumerate("ébcaB")]
    await store.put_contacts([*people, contact(account_id=OTHER)])
    first = await store.list_contacts(ACCOUNT, ContactQuery(limit=3))
    second = await store.list_contacts(ACCOUNT, ContactQuery(limit=3, cursor=first.next_cursor))
    assert [c.name for c in (*first.items, *second.items)] == ["a", "b", "B", "c", "é"]
    assert second.next_cursor is None
    with pytest.raises(Invalid):
        await listed(store, cursor="?")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"name": "LOVE"}, [ADA]), ({"name": "ada l"}, [ADA]), ({"name": "elace"}, []), ({"name": "zoe"}, [BEN]),
        ({"name": "zoë_"}, []), ({"name": "%"}, []), ({"number": "452"}, [BEN]), ({"number": "+4930"}, [ADA, BEN]),
        ({"number": "30123"}, []), ({"tag": "vip"}, [ADA]), ({"tag": "vi"}, []), ({"tag": "VIP", "number": "2"}, []),
    ],
)  # fmt: skip
async def test_contacts_are_searched(store: SqlStore, query: dict[str, str], found: list[str]) -> None:
    await store.put_contacts([contact(tags=("VIP", "x")), contact(BEN, name="Zoë Zebra")])
    assert await listed(store, **query) == found


async def test_many_contacts_are_put_in_one_statement(store: SqlStore) -> None:
    many = [contact(f"+4930{n:07}", id=f"ct_{n:05}") for n in range(1000)]
    await store.put_contacts(many)
    await store.put_contacts([msgspec.structs.replace(c, updated_at=NOW + timedelta(1)) for c in many])
    assert await store.count_contacts(ACCOUNT) == 1000
