"""Setting up contacts: the rules for what may stand in one, by API and by import (D1)."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.domain.contact import Consent, Contact
from aftercall.domain.errors import Invalid
from aftercall.domain.phone import normalise
from aftercall.engine.ids import new_id
from aftercall.engine.setup import check_texts, check_zone

MAX_NAME = 200
MAX_TAGS = 50
MAX_TAG = 100
MAX_DETAILS = 50
MAX_DETAIL = 100  # characters of a detail's name

# One @ between what mail servers take, no more: whether anybody is there only a mail tells. 254: RFC 5321, 4.5.3.1.3.
_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\[\]\\,;:\"]+\.[^\s@<>()\[\]\\,;:\".]+")
_URI = re.compile(r"\s*(sips?|tel):", re.IGNORECASE)


def check_number(number: str, country: str | None, field: str = "number") -> str:
    """Its E.164 form."""
    e164 = normalise(number, country).e164
    if e164 is None:
        raise Invalid.field(field, "must be a phone number, best in E.164 form such as +14085551234")
    return e164


def check_email(email: str, field: str = "email") -> str:
    if len(email) > 254 or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise Invalid.field(field, "must be a mail address, such as ada@example.com")
    return email


def check_address(address: str, country: str | None) -> tuple[str, Literal["sms", "email"]]:
    """What the suppression list knows it by, and the channel it is an address of."""
    if "@" in address and not _URI.match(address):
        return check_email(address.strip(), "address").lower(), "email"
    return check_number(address, country, "address"), "sms"


def new_contact(account_id: str, number: str, now: datetime, **fields: Any) -> Contact:
    """`number` is E.164. Raises Invalid."""
    made = Contact(id=new_id("ct"), account_id=account_id, number=number, created_at=now, updated_at=now)
    return changed_contact(made, now, **fields)


def changed_contact(contact: Contact, now: datetime, **fields: Any) -> Contact:
    """The contact with these fields; the same one when that changes nothing. Raises Invalid."""
    if fields.get("time_zone") is not None:
        fields["time_zone"] = check_zone(fields["time_zone"])
    if fields.get("email") is not None:
        fields["email"] = check_email(fields["email"])
    if "tags" in fields:
        fields["tags"] = _tags(fields["tags"])
    if "consents" in fields:
        fields["consents"] = _consents(fields["consents"])
    if len(fields.get("details", ())) > MAX_DETAILS:
        raise Invalid.field("details", f"may not be more than {MAX_DETAILS}")
    if any(len(name) > MAX_DETAIL for name in fields.get("details", ())):
        raise Invalid.field("details", f"a name may have at most {MAX_DETAIL} characters")
    changed = msgspec.structs.replace(contact, **fields)
    check_texts(name=changed.name)
    if len(changed.name) > MAX_NAME:
        raise Invalid.field("name", f"may not be longer than {MAX_NAME} characters")
    return contact if changed == contact else msgspec.structs.replace(changed, updated_at=now)


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(found) > MAX_TAGS or any(len(tag) > MAX_TAG or not tag.isprintable() for tag in found):
        raise Invalid.field("tags", f"at most {MAX_TAGS} of at most {MAX_TAG} characters, on one line each")
    return found


def _consents(consents: Iterable[Consent]) -> tuple[Consent, ...]:
    found = tuple(consents)
    if len({consent.category for consent in found}) < len(found):
        raise Invalid.field("consents", "a category may be named once only")
    return found
