"""Customers' names come from the contacts (D1), and cost those nothing who have none."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aftercall.domain.contact import Contact
from aftercall.domain.fact import Data, Kind
from aftercall.engine.ids import new_id
from aftercall.engine.rebuild import rebuild
from aftercall.engine.rows import CallRow
from aftercall.store.sqlite import Sqlite
from tests.support.house import House, house
from tests.support.receiver import Receiver
from tests.support.wait import until

CUSTOMER = "+14085551234"


async def add(home: House, number: str = CUSTOMER, name: str = "Ada Lovelace") -> Contact:
    now = home.clock.now()
    made = Contact(
        id=new_id("ct"), account_id=home.account_id, number=number, name=name, created_at=now, updated_at=now
    )
    await home.app.store.put_contacts([made])
    return made


async def call_of(home: House, call_id: str) -> CallRow:
    row = await home.app.store.get_call(home.account_id, call_id)
    assert row is not None
    return row


@pytest.mark.parametrize("told", [{}, {"direction": "outbound", "from_": "+14085559876", "to": CUSTOMER}])
async def test_the_customers_name_is_in_the_record_and_the_body(
    database_url: str, tmp_path: Path, told: dict[str, Any]
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        contact = await add(home)
        await home.webhook(receiver.url("/hook"))
        (taken,) = await home.post(home.finished("c1", **told))
        (request,) = await receiver.wait(1)
        assert json.loads(request.body)["contact"] == {"id": contact.id, "name": "Ada Lovelace"}
        known = (await call_of(home, taken.call_id)).call.contact
        assert known is not None
        assert (known.id, known.name) == (contact.id, contact.name)


async def test_a_template_has_the_name_unless_the_source_gave_one(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await add(home)
        await home.webhook(receiver.url("/hook"), format="custom", template={"name": "{{ customer.name }}"})
        await home.post(home.finished("c1"))
        await home.post(home.finished("c2", from_name="A. L."))
        names = {json.loads(request.body)["name"] for request in await receiver.wait(2)}
        assert names == {"Ada Lovelace", "A. L."}


async def test_who_is_no_contact_stays_without_name(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await add(home)
        await home.webhook(receiver.url("/hook"))
        (other,) = await home.post(home.finished("c1", from_="+14085550000"))
        (withheld,) = await home.post(home.finished("c2", from_=None, from_presentation="anonymous"))
        bodies = [json.loads(request.body) for request in await receiver.wait(2)]
        assert all("contact" not in body for body in bodies)
        for taken in (other, withheld):
            assert (await call_of(home, taken.call_id)).call.contact is None


async def test_a_contact_that_is_new_or_gone_makes_no_revision(database_url: str, tmp_path: Path) -> None:
    """The record follows when the call is next heard of; nobody is told for that alone."""
    async with house(database_url, tmp_path) as home:
        (taken,) = await home.post(home.finished("c1"))
        contact = await add(home)
        await home.post(home.fact(Kind.NOTED, "c1", Data()))
        await home.forward(5)
        row = await call_of(home, taken.call_id)
        assert (row.call.contact is not None, row.speech.revision, row.speech.update_due_at) == (
            True,
            1,
            None,
        )
        await home.app.store.delete_contact(home.account_id, contact.id)
        await home.post(home.fact(Kind.NOTED, "c1", Data()))
        await home.forward(5)
        row = await call_of(home, taken.call_id)
        assert (row.call.contact, row.speech.revision, row.speech.update_due_at) == (None, 1, None)


async def test_a_call_whose_end_never_came_keeps_the_name(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        await add(home)
        start = home.clock.now() - timedelta(hours=10)
        said = Data(direction="inbound", from_=CUSTOMER)
        (taken,) = await home.post(home.fact(Kind.RECEIVED, "c1", said, at=start))
        await home.forward(13 * 3600)

        async def ended() -> CallRow | None:
            row = await call_of(home, taken.call_id)
            return row if "end_missing" in row.call.data_quality else None

        assert (await until(ended)).call.contact is not None


async def test_rebuilding_leaves_the_name_alone(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        await add(home)
        (taken,) = await home.post(home.finished("c1"))
        calls = [(home.account_id, taken.call_id)]
        assert await rebuild(home.app.store, calls, home.clock.now(), write=True) == []


@pytest.mark.parametrize("contacts", [0, 1])
async def test_contacts_are_asked_for_only_by_accounts_that_have_some(tmp_path: Path, contacts: int) -> None:
    """Seen from the database: one statement for a whole batch, or none at all."""
    async with house(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}", tmp_path) as home:
        for _ in range(contacts):
            await add(home)
        await home.post(home.finished("c0"))  # settings are in memory from here on
        database = home.app.store._database  # type: ignore[attr-defined]
        assert isinstance(database, Sqlite)
        run: list[str] = []
        database._link.driver.set_trace_callback(run.append)
        await home.post(*(home.finished(f"c{n}") for n in range(1, 20)))
        database._link.driver.set_trace_callback(None)
        assert any("INSERT INTO calls" in sql for sql in run)
        assert len([sql for sql in run if "contacts" in sql]) == contacts


async def test_the_first_contact_and_the_end_of_the_last_count_at_once(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as home:
        seen = []
        for n in range(2):
            (taken,) = await home.post(home.finished(f"a{n}"))
            seen.append((await call_of(home, taken.call_id)).call.contact is not None)
            contact = await add(home)
            (taken,) = await home.post(home.finished(f"b{n}"))
            seen.append((await call_of(home, taken.call_id)).call.contact is not None)
            await home.app.store.delete_contact(home.account_id, contact.id)
        assert seen == [False, True, False, True]
