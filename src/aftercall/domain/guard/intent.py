"""What the guard is asked about: a message that is to be sent, and what is known of its circumstances."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from aftercall.domain.connection import Connection
from aftercall.domain.contact import Contact, Suppression
from aftercall.domain.message import Category, Email, Override, Role, Sms
from aftercall.domain.sender import Sender


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A message somebody wants sent: one of `sms` and `email`. `raw` is the recipient as the call had it.

    `answers`: it is the one answer to a text in which the recipient wrote a keyword.
    """

    delivery_id: str
    account_id: str
    call_id: str | None = None
    rule_id: str | None = None
    role: Role = "caller"
    sms: Sms | None = None
    email: Email | None = None
    raw: str | None = None
    anonymous: bool = False
    created_at: datetime  # when the event happened
    max_age: timedelta = timedelta(hours=24)
    is_test: bool = False
    dry_run: bool = False
    override: Override | None = None
    answers: str | None = None

    @property
    def channel(self) -> Literal["sms", "email"]:
        return "sms" if self.email is None else "email"

    @property
    def message(self) -> Sms | Email:
        message = self.sms if self.email is None else self.email
        if message is None:
            raise ValueError("an intent has a text or a mail")
        return message

    @property
    def category(self) -> Category:
        return self.message.category

    @property
    def to(self) -> str:
        return self.message.to


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked up for an intent. The guard asks nobody; what is not here is not known."""

    contact: Contact | None = None
    suppressions: tuple[Suppression, ...] = ()  # of the recipient's address
    recent: tuple[datetime, ...] = ()  # messages to this recipient lately, oldest first; 31 days are enough
    sent_today: int = 0  # by this sender, in the account's day
    duplicate_of: str | None = None  # the delivery that was sent for this call, action and recipient
    sender: Sender | None = None
    connection: Connection | None = None
    rule_enabled: bool | None = None  # None: no action is behind it
    account_country: str | None = None
    account_zone: str = "UTC"
    dlt_route: bool = False  # the connection leads to India's operators by a domestic route
    dlt_problem: tuple[str, str] | None = None  # a reason of dlt.template or dlt.variables, and the details
    longest: int | None = None  # characters, as the provider takes them
    price: str | None = None  # of one segment or mail, a decimal number; None: the connection's
    currency: str | None = None
