"""Contacts (D1): found by number on the way of every call, by name and tag for people."""

import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, exists, func, literal, select, tuple_

from aftercall.domain.contact import Contact
from aftercall.domain.errors import Conflict
from aftercall.engine.contacts import Change, ContactQuery
from aftercall.engine.ports import Collision
from aftercall.engine.rows import Page
from aftercall.store.accounts import raise_version
from aftercall.store.call_rows import reversed_digits
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import accounts, contacts
from aftercall.store.statement import Insert, Keyed, Query, within
from aftercall.store.values import clean, document, micros, searchable

c = contacts.c

AFTER_ANY = "\x7f"  # sorts after whatever numbers are made of

FIND_CONTACTS = Keyed(
    ("account_id", "number"),
    lambda k: select(c.account_id, c.number, c.document).where(
        c.number == k["number"], within(c.account_id, k["account_id"])
    ),
)
_of = (c.account_id == bindparam("account_id"), c.id == bindparam("id"))
_LOCK = Query(select(accounts.c.id).where(accounts.c.id == bindparam("account_id")).with_for_update())
_ANY = Query(select(exists().where(c.account_id == bindparam("account_id"))))
_COUNT = Query(select(func.count()).where(c.account_id == bindparam("account_id")))
_PUT = Insert(contacts, conflict="replace")
_GET = Query(select(c.document).where(*_of))
_DELETE = Query(delete(contacts).where(*_of))

read_contact = msgspec.json.Decoder(Contact).decode


class SqlContacts(Part):
    async def put_contacts(self, contacts: Sequence[Contact]) -> None:
        for account_id in dict.fromkeys(contact.account_id for contact in contacts):
            mine = [contact for contact in contacts if contact.account_id == account_id]
            await self.change_contacts(account_id, (), lambda _, mine=mine: mine)  # type: ignore[misc]

    async def change_contacts(
        self, account_id: str, numbers: Collection[str], change: Change
    ) -> Sequence[Contact]:
        try:
            return await self._database.write(_change, account_id, numbers, change)
        except Collision:
            raise Conflict("Another contact has this number.") from None

    async def get_contact(self, account_id: str, contact_id: str) -> Contact | None:
        rows = await self._database.read(Link.rows, _GET, account_id=account_id, id=contact_id)
        return read_contact(rows[0][0]) if rows else None

    async def find_contacts(self, account_id: str, numbers: Collection[str]) -> dict[str, Contact]:
        return await self._database.read(_find, account_id, numbers)

    async def list_contacts(self, account_id: str, query: ContactQuery) -> Page[Contact]:
        """By name; those without one first."""
        wanted = [c.account_id == account_id]
        if query.name is not None:
            wanted.append(c.name.contains(folded(query.name), autoescape=True))
        if query.number is not None:
            column, begins = _number(query.number)
            wanted += [column >= begins, column < begins + AFTER_ANY]
        if query.tag is not None:
            wanted.append(c.tags.contains(searchable((query.tag,)) or "", autoescape=True))
        if query.cursor is not None:
            place = read_cursor(query.cursor, tuple[str, str])
            wanted.append(tuple_(c.name, c.id) > tuple_(*map(literal, place)))
        asked = select(c.document, c.name, c.id).where(*wanted).order_by(c.name, c.id).limit(query.limit + 1)
        rows = await self._database.read(Link.all, asked)
        return page(rows, query.limit, lambda row: read_contact(row[0]), lambda row: (row[1], row[2]))

    async def count_contacts(self, account_id: str) -> int:
        rows = await self._database.read(Link.rows, _COUNT, account_id=account_id)
        return int(rows[0][0])

    async def delete_contact(self, account_id: str, contact_id: str) -> bool:
        return await self._database.write(_delete, account_id, contact_id)


def any_contacts(link: Link, account_id: str) -> bool:
    return bool(link.rows(_ANY, account_id=account_id)[0][0])


def folded(name: str) -> str:
    """As it is searched for: without case and accents, a space before each word."""
    plain = unicodedata.normalize("NFKD", clean(name).casefold())
    words = "".join(char for char in plain if not unicodedata.combining(char)).split()
    return "".join(f" {word}" for word in words)


def _change(link: Link, account_id: str, numbers: Collection[str], change: Change) -> Sequence[Contact]:
    """The account's row is locked: whoever adds the first contact or deletes the last one must know that it is."""
    link.rows(_LOCK, account_id=account_id)
    changed = change(_find(link, account_id, numbers))
    if changed:
        first = not any_contacts(link, account_id)
        link.many(_PUT, [_values(contact) for contact in changed])
        if first:
            raise_version(link, account_id)
    return changed


def _delete(link: Link, account_id: str, contact_id: str) -> bool:
    link.rows(_LOCK, account_id=account_id)
    if not link.run(_DELETE, account_id=account_id, id=contact_id):
        return False
    if not any_contacts(link, account_id):
        raise_version(link, account_id)
    return True


def _find(link: Link, account_id: str, numbers: Collection[str]) -> dict[str, Contact]:
    rows = link.keyed(FIND_CONTACTS, [(account_id, number) for number in numbers])
    return {number: read_contact(told) for _, number, told in rows}


def _number(asked: str) -> tuple[Any, str]:
    """The column to look in, and how what is looked for begins there."""
    return (c.number, asked) if asked.startswith("+") else (c.ending, reversed_digits(asked) or "")


def _values(contact: Contact) -> tuple[Any, ...]:
    return (
        contact.account_id,
        contact.id,
        contact.number,
        reversed_digits(contact.number) or "",
        folded(contact.name),
        searchable(contact.tags),
        micros(contact.updated_at),
        document(contact),
    )
