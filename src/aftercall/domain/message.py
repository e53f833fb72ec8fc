"""Messages to people, by SMS and email: what is sent, and what comes back about it (S1-S8). Values only.

A message is the body of a delivery (`Sms` or `Email` as JSON); what was found out about it later is a `Receipt`,
what a person answers a `Text`.
"""

from datetime import datetime
from typing import Literal

import msgspec

# What kind of message it is, in the eyes of the law: India's DLT categories, with those that carriers ask for.
Category = Literal[
    "otp", "transactional", "service_implicit", "service_explicit", "promotional", "conversational"
]
SenderKind = Literal["long_code", "short_code", "toll_free", "alphanumeric", "dlt_header", "pool"]
Role = Literal["caller", "user", "fixed"]  # who a message is for
Encoding = Literal["gsm7", "ucs2"]

# Why a provider or a carrier did not take or deliver a message; each provider's table maps its codes to these.
ErrorClass = Literal[
    "invalid_recipient",  # no such number, or not one that can have texts
    "unreachable",  # switched off, out of coverage, a landline
    "opted_out",
    "blocked",  # by the carrier or the recipient
    "filtered",  # taken for spam, or against a policy on content
    "content",  # empty, too long, characters that cannot be sent
    "template",  # DLT: no such template, or the text does not match it
    "registration",  # the sender is not registered for what it sends
    "sender",  # the sender does not belong to us, or may not write to this country
    "window",  # not at this time of day
    "expired",  # not delivered within its validity
    "throttled",
    "unavailable",  # the provider has a problem of its own
    "credentials",
    "credit",
    "config",  # anything else that the admin has to put right
    "unknown",
]


class Dlt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What India's registry (DLT) knows a text by. Ids are up to 19 digits, written as text."""

    entity_id: str
    template_id: str
    chain: tuple[
        str, ...
    ] = ()  # telemarketers' ids, from the entity to the operator, where a route asks for them


class Sms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One text to one number. `to` is E.164, or empty where there is nobody to send it to."""

    to: str
    sender: str = ""  # number, header or pool id; empty: the provider's default
    sender_kind: SenderKind = "long_code"
    text: str
    encoding: Encoding = "gsm7"
    segments: int = 1
    category: Category
    template_id: str | None = None
    dlt: Dlt | None = None
    variables: tuple[
        str, ...
    ] = ()  # what stands in the template's `{#var#}`, in order: some gateways fill it in
    validity_seconds: int | None = None
    missing: tuple[str, ...] = ()  # placeholders that had no value: such a text is not sent


class Attachment(msgspec.Struct, frozen=True):
    name: str
    content_type: str
    content: str


class Email(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mail to one address. The sender's address and name are the connection's unless given."""

    to: str
    to_name: str = ""
    subject: str
    text: str
    html: str = ""
    from_: str | None = msgspec.field(default=None, name="from")
    from_name: str | None = None
    reply_to: str | None = None
    category: Category
    template_id: str | None = None
    call_id: str | None = None  # mails of one call make one thread
    attachments: tuple[Attachment, ...] = ()
    missing: tuple[str, ...] = ()


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that a message goes all the same, as far as the policies let it."""

    by: str
    reason: str
    at: datetime


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a delivery that is a message: one of `sms` and `email`, and where it came from.

    `given` is the recipient as the call had it, before it was read as a number. `expires_at`: too late after that.
    `answers` is the id of the text with a keyword (STOP, START, HELP) that this is our one answer to.
    """

    role: Role
    sms: Sms | None = None
    email: Email | None = None
    rule_id: str | None = None
    sender_id: str | None = None
    given: str | None = None
    anonymous: bool = False
    expires_at: datetime
    override: Override | None = None
    answers: str | None = None

    @property
    def to(self) -> str:
        return self.sms.to if self.sms is not None else self.email.to if self.email is not None else ""

    @property
    def template_id(self) -> str | None:
        made = self.sms or self.email
        return made.template_id if made is not None else None


ReceiptStatus = Literal["queued", "sent", "delivered", "undelivered", "expired", "rejected", "failed"]


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a provider says has become of a message (a DLR). Found by its id, or by our reference where it has that.

    Providers send them in any order, twice, and before they have answered the submit.
    """

    provider_id: str | None = None
    reference: str | None = None  # the delivery's id
    status: ReceiptStatus
    provider_status: str = ""  # in the provider's own word
    provider_code: str | None = None
    error: ErrorClass | None = None
    detail: str = ""  # readable by an admin
    suppress: bool = False  # the recipient wants no more texts
    at: datetime | None = None  # when it happened, as the provider says
    segments: int | None = None
    price: str | None = None  # a decimal number, of the whole message
    currency: str | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text that came in. `keyword` is what the provider itself made of it, where it does that."""

    provider_id: str | None = None
    from_: str = msgspec.field(name="from")
    to: str = ""
    text: str
    keyword: Literal["stop", "start", "help"] | None = None
    at: datetime | None = None
