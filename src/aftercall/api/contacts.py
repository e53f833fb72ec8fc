"""/v1/contacts: people by number, so that names resolve and consent is known (D1)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.api.operation import TRIES, Ask, Listing, PageQuery, operation
from aftercall.domain.contact import Consent, Contact
from aftercall.domain.errors import Conflict, NotFound
from aftercall.domain.message import Category
from aftercall.engine.contacts import ContactQuery, Known
from aftercall.engine.setup_contact import changed_contact, check_number, new_contact

TAG = "Contacts"
READ, WRITE = "contacts:read", "contacts:write"
EXAMPLE = {"number": "+14085551234", "name": "Ada Lovelace", "time_zone": "America/Los_Angeles", "tags": ["vip"],
           "consents": [{"category": "promotional", "source": "web form"}]}  # fmt: skip

Number = Annotated[str, Meta(min_length=1, max_length=100)]
Name = Annotated[str, Meta(max_length=200)]
Email = Annotated[str, Meta(max_length=254)]
Zone = Annotated[str, Meta(max_length=100, description="IANA name; goes before what the number says.")]
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=50)]
Details = Annotated[dict[str, Any], Meta(max_length=50, description="Anything else, each under its name.")]
Word = Annotated[str, Meta(min_length=1, max_length=200)]


class ConsentForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`source` is how you know of it, in your words; `at` is now unless given."""

    category: Category | Literal["all"] = "all"
    status: Literal["granted", "withdrawn"] = "granted"
    source: Annotated[str, Meta(max_length=500)] = ""
    at: Annotated[datetime, Meta(tz=True)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


Consents = Annotated[list[ConsentForm], Meta(max_length=10, description="Each category once.")]


class ContactForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    number: Number | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    time_zone: Zone | UnsetType | None = UNSET
    consents: Consents | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    details: Details | UnsetType = UNSET


class NumberedForm(ContactForm, kw_only=True, forbid_unknown_fields=True):
    """`number` is read in the account's country where it is written the national way."""

    number: Number


class ConsentOut(msgspec.Struct, frozen=True, kw_only=True):
    category: str
    status: Literal["granted", "withdrawn"]
    source: str
    at: datetime
    expires_at: datetime | None


class ContactOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    number: str
    name: str
    email: str | None
    time_zone: str | None
    consents: tuple[ConsentOut, ...]
    tags: tuple[str, ...]
    details: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ContactsQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """`name` is how the name or a word of it begins; `number` the end of the number, or with `+` its beginning."""

    name: Word | None = None
    number: Annotated[str, Meta(pattern=r"^\+?[0-9]{1,15}$")] | None = None
    tag: Word | None = None


@operation("POST", "/v1/contacts", WRITE, "Add a contact", tag=TAG, status=201, example=EXAMPLE)
async def create_contact(ask: Ask, data: NumberedForm) -> ContactOut:
    """409 when a contact of the account has this number: PUT changes that one."""
    now = ask.now
    number, fields = await _read(ask, data, now)

    def change(known: Known) -> Sequence[Contact]:
        if number in known:
            raise Conflict("Another contact has this number.")
        return [new_contact(ask.account_id, number, now, **fields)]

    return await _made(ask, number, change)


@operation("PUT", "/v1/contacts", WRITE, "Add a contact, or change the one with this number", tag=TAG,
           example=EXAMPLE)  # fmt: skip
async def put_contact(ask: Ask, data: NumberedForm) -> ContactOut:
    """What is left out stays as it is."""
    now = ask.now
    number, fields = await _read(ask, data, now)
    told: list[Contact] = []

    def change(known: Known) -> Sequence[Contact]:
        before = known.get(number) or new_contact(ask.account_id, number, now)
        told[:] = [changed_contact(before, now, **fields)]
        return told

    return await _made(ask, number, change)


@operation("GET", "/v1/contacts", READ, "List contacts, by name", tag=TAG)
async def list_contacts(ask: Ask, query: ContactsQuery) -> Listing[ContactOut]:
    asked = ContactQuery(**msgspec.structs.asdict(query))
    page = await ask.app.store.list_contacts(ask.account_id, asked)
    return Listing(tuple(shown(contact) for contact in page.items), page.next_cursor)


@operation("GET", "/v1/contacts/{contact_id}", READ, "Read a contact", tag=TAG)
async def get_contact(ask: Ask, contact_id: str) -> ContactOut:
    return shown(await _find(ask, contact_id))


@operation("PATCH", "/v1/contacts/{contact_id}", WRITE, "Change a contact", tag=TAG,
           example={"tags": ["vip"], "consents": [{"category": "promotional", "status": "withdrawn"}]})  # fmt: skip
async def change_contact(ask: Ask, contact_id: str, data: ContactForm) -> ContactOut:
    """`consents`, `tags` and `details` are replaced as a whole."""
    now = ask.now
    given, fields = await _read(ask, data, now)
    if given is not None:
        fields["number"] = given
    for _ in range(TRIES):
        number = (await _find(ask, contact_id)).number

        def change(known: Known, number: str = number) -> Sequence[Contact]:
            found = known.get(number)
            if found is None or found.id != contact_id:
                return ()  # it has another number by now, or is gone
            return [changed_contact(found, now, **fields)]

        changed = await ask.app.store.change_contacts(ask.account_id, [number], change)
        if changed:
            return shown(changed[0])
    raise Conflict("Somebody else is changing this contact.")


@operation("DELETE", "/v1/contacts/{contact_id}", WRITE, "Delete a contact", tag=TAG, status=204)
async def delete_contact(ask: Ask, contact_id: str) -> None:
    """Calls keep the name they had; suppressions of the number stay."""
    if not await ask.app.store.delete_contact(ask.account_id, contact_id):
        raise NotFound("There is no such contact.")


async def _find(ask: Ask, contact_id: str) -> Contact:
    contact = await ask.app.store.get_contact(ask.account_id, contact_id)
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


async def _made(ask: Ask, number: str, change: Any) -> ContactOut:
    return shown((await ask.app.store.change_contacts(ask.account_id, [number], change))[0])


async def _read(ask: Ask, form: ContactForm, now: datetime) -> tuple[Any, dict[str, Any]]:
    """The number as E.164, None where none was given, and the other fields that were."""
    fields = {name: value for name, value in msgspec.structs.asdict(form).items() if value is not UNSET}
    if "consents" in fields:
        fields["consents"] = tuple(_consent(consent, now) for consent in fields["consents"])
    number = fields.pop("number", None)
    return number and check_number(number, (await ask.account()).country), fields


def _consent(form: ConsentForm, now: datetime) -> Consent:
    return Consent(**{**msgspec.structs.asdict(form), "at": form.at or now})


def shown(contact: Contact) -> ContactOut:
    fields = {name: getattr(contact, name) for name in ContactOut.__struct_fields__}
    consents = tuple(ConsentOut(**msgspec.structs.asdict(consent)) for consent in contact.consents)
    return ContactOut(**fields | {"consents": consents})


OPERATIONS = (create_contact, put_contact, list_contacts, get_contact, change_contact, delete_contact)
