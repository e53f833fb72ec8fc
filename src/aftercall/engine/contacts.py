"""What the engine needs of a store of contacts and of the suppression list (D1, S5): Protocols and queries."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from aftercall.domain.contact import Contact, Suppression, SuppressionSource
from aftercall.engine.rows import Page

Known = Mapping[str, Contact]  # by number
Change = Callable[[Known], Sequence[Contact]]


class ContactQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the contacts, by name. `name` is how the name or a word of it begins, in any case.

    `number` is the end of the number, or its beginning where it begins with `+`.
    """

    name: str | None = None
    number: str | None = None
    tag: str | None = None
    cursor: str | None = None
    limit: int = 50


class SuppressionQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the suppression list, newest first: what counts now, or with `cleared` what counts no more."""

    address: str | None = None
    channel: Literal["sms", "email"] | None = None
    source: tuple[SuppressionSource, ...] = ()
    cleared: bool = False
    cursor: str | None = None
    limit: int = 50


class Clearance(msgspec.Struct, frozen=True, kw_only=True):
    """Which suppressions of an address are lifted, by whom and why. Nothing named: all of them."""

    address: str
    sources: Collection[SuppressionSource] | None = None
    scopes: Collection[str] | None = None
    by: str
    reason: str
    at: datetime


class Contacts(Protocol):
    """An account's first contact and the end of its last one raise its settings version: `Settings.has_contacts`."""

    async def put_contacts(self, contacts: Sequence[Contact]) -> None:
        """Add or replace these, by id. Raises Conflict when another contact of the account has one's number."""
        ...

    async def change_contacts(
        self, account_id: str, numbers: Collection[str], change: Change
    ) -> Sequence[Contact]:
        """Put what `change` makes of the contacts with these numbers, without another change coming between.

        `change` may be called more than once; what it raises undoes all. Raises Conflict like `put_contacts`.
        """
        ...

    async def get_contact(self, account_id: str, contact_id: str) -> Contact | None: ...
    async def find_contacts(self, account_id: str, numbers: Collection[str]) -> dict[str, Contact]:
        """Those there are, by number."""
        ...

    async def list_contacts(self, account_id: str, query: ContactQuery) -> Page[Contact]: ...
    async def count_contacts(self, account_id: str) -> int: ...
    async def delete_contact(self, account_id: str, contact_id: str) -> bool: ...


class Suppressions(Protocol):
    """Addresses are E.164 or mail addresses in lower case."""

    async def add_suppressions(self, rows: Sequence[Suppression]) -> int:
        """How many are new, about more than before, or count again after they were cleared. The others stay."""
        ...

    async def clear_suppressions(self, account_id: str, clearance: Clearance) -> list[Suppression]:
        """Those that were lifted now."""
        ...

    async def find_suppressions(
        self, account_id: str, addresses: Collection[str]
    ) -> dict[str, list[Suppression]]:
        """What counts now, of those of the addresses of which something does."""
        ...

    async def list_suppressions(self, account_id: str, query: SuppressionQuery) -> Page[Suppression]: ...
