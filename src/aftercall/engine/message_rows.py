"""What passes between the engine and the store about messages: rows and queries. Values only."""

from datetime import datetime
from typing import Any

import msgspec

from aftercall.domain.delivery import Delivery, DeliveryStatus
from aftercall.domain.message import Message, Receipt, Text
from aftercall.domain.progress import Progress


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what the guard said of it. `delivery` is as it is from now on; `goes`: its attempt begins.

    `deferred`: it has had to wait, now or before; its delay is not ours.
    """

    delivery: Delivery
    message: Message
    connection_id: str | None
    sender: str | None
    segments: int
    decision: Any  # domain.guard.Decision, as stored
    goes: bool
    deferred: bool = False


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is a message, with what was decided and what has become of it."""

    delivery: Delivery
    connection_id: str | None
    rule_id: str | None
    template_id: str | None
    sender: str | None
    address: str
    segments: int
    submitted_at: datetime | None
    replied_at: datetime | None
    opted_out_at: datetime | None
    deferred: bool  # it had to wait, for a window or because its connection was paused
    progress: Progress
    decision: bytes  # JSON of domain.guard.Decision


class MessageQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of messages, newest first. `address` is E.164 or a mail address."""

    channel: str | None = None
    rule_id: str | None = None
    template_id: str | None = None
    sender: str | None = None
    connection_id: str | None = None
    call_id: str | None = None
    address: str | None = None
    status: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 50


class Lately(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent lately that bears on whether another message may go."""

    recent: tuple[datetime, ...]  # to this address, oldest first: as many as any cap asks for
    sent_today: int  # by this sender, where that is asked for
    duplicate_of: str | None  # for this call, rule, role and address


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that was new, and the message it is about; None: not known yet."""

    receipt: Receipt
    delivery_id: str | None = None
    address: str | None = None
    status: DeliveryStatus | None = None  # the message's, where the receipt changed it
    call_id: str | None = None


class StoredReceipt(msgspec.Struct, frozen=True, kw_only=True):
    receipt: Receipt
    received_at: datetime


class StoredText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that came in, with the message it answers."""

    id: str
    account_id: str
    connection_id: str
    text: Text
    received_at: datetime
    delivery_id: str | None = None
    keyword: str | None = None  # what it means to the guard


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """How messages of one rule, template or sender fared (S6). Rates are shares of what was sent; None of nothing."""

    key: str | None
    messages: int
    sent: int
    delivered: int
    undelivered: int
    failed: int
    blocked: int
    deferred: int
    unknown: int
    replied: int
    opted_out: int
    segments: int

    @property
    def delivery_rate(self) -> float | None:
        known = self.delivered + self.undelivered
        return self.delivered / known if known else None

    @property
    def reply_rate(self) -> float | None:
        return self.replied / self.sent if self.sent else None

    @property
    def opt_out_rate(self) -> float | None:
        return self.opted_out / self.sent if self.sent else None
