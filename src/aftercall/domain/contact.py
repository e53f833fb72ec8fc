"""Contacts: people by number, and whom nothing may be sent to (D1, S5). Values only."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.domain.message import Category


class Consent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Permission to write for a purpose, and how we know of it."""

    category: Category | Literal["all"] = "all"
    status: Literal["granted", "withdrawn"] = "granted"
    source: str = ""  # a form, a call, a contract: the admin's words
    at: datetime
    expires_at: datetime | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who calls or is called. `number` is E.164 and the account's only contact with it."""

    id: str
    account_id: str
    number: str
    name: str = ""
    email: str | None = None
    time_zone: str | None = None  # IANA; goes before what the number says
    consents: tuple[Consent, ...] = ()
    tags: tuple[str, ...] = ()
    details: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime


# keyword: the recipient wrote STOP; review: wrote something like it, to be read by a person; provider: the provider
# says so; unsubscribe: the link in a mail; bounce: the address does not exist; complaint: reported as spam.
SuppressionSource = Literal[
    "keyword", "review", "provider", "manual", "unsubscribe", "bounce", "complaint", "dnd"
]


class Suppression(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing is sent to `address` (E.164 or mail address, in lower case) from `scope`, as long as it is not cleared.

    `scope` is `all`, a sender's value, or a connection's id. Unique: (account, address, scope, source).
    """

    account_id: str
    address: str
    channel: Literal["sms", "email"]
    source: SuppressionSource
    scope: str = "all"
    category: Literal["all", "promotional"] = "all"
    reason: str = ""  # which text, which code, which note
    delivery_id: str | None = None  # the message it came after
    created_at: datetime
    created_by: str = ""
    cleared_at: datetime | None = None
    cleared_by: str = ""
    cleared_reason: str = ""
