"""Deliveries: one message to one destination, its attempts, and the one retry policy (W6, W8, W12).

`settle` is the only place that decides what an attempt's outcome means for its delivery.
"""

from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from aftercall.domain.message import ErrorClass

# `sent`: a provider or mail server has taken it; `unknown`: it may have; `blocked`: the guard did not let it go.
DeliveryStatus = Literal[
    "pending", "held", "delivered", "failed", "cancelled", "sent", "undelivered", "blocked", "unknown"
]
Channel = Literal["webhook", "sms", "email"]
TransportError = Literal[
    "invalid_url", "dns", "address_refused", "connect", "tls", "timeout", "protocol", "status", "gone", "config"
]  # fmt: skip
ErrorCode: TypeAlias = TransportError | ErrorClass

LOOK_UPS = (30, 120, 600)  # seconds: when a provider is asked for a submit that has had no answer
SCHEDULE = (5, 30, 120, 600, 3600, 21600)  # seconds after each failed attempt: six retries (W6)
JITTER = 0.2
RETRY_AFTER_CAP = 3600  # seconds


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be sent. The body is fixed when planned; secrets are resolved when sent (promise 13)."""

    id: str
    account_id: str
    destination_id: str  # the webhook, or the connection a message goes by (its rule where there is none)
    channel: Channel = "webhook"
    key: str  # unique: event and destination, plus the trigger in classic style; of a message, event, rule and role
    event_id: str
    event: str
    trigger: str
    call_id: str | None
    body: bytes
    content_type: str
    query: str = ""  # GET: the raw query string
    created_at: datetime
    occurred_at: datetime
    status: DeliveryStatus = "pending"
    reason: str | None = None  # why held, failed or cancelled
    attempts: int = 0
    started: int = 0  # the attempt whose start was committed; more than `attempts`: nobody knows how it ended
    due_at: datetime | None = None
    resend_of: str | None = None  # a manual resend is a delivery of its own
    is_test: bool = False

    @property
    def put_off(self) -> bool:
        """Whether its first attempt had to wait: for a window, or because its destination was paused."""
        return self.attempts == 0 and self.due_at is not None and self.due_at > self.created_at


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of one attempt. The channel says whether trying again makes sense; it decides nothing."""

    ok: bool
    error: ErrorCode | None = None
    detail: str = ""  # readable by an admin, without secrets
    retry: bool = True
    retry_after: float | None = None  # seconds, as the receiver asked
    gone: bool = False  # 410: the receiver wants no more
    status_code: int | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: str = ""  # the head of it
    request_url: str = ""
    request_headers: tuple[tuple[str, str], ...] = ()  # secrets masked
    address: str | None = None
    latency: float = 0.0  # seconds
    # Of messages:
    in_doubt: bool = False  # it may have been taken: not to be repeated
    provider_ids: tuple[str, ...] = ()  # one, or one a segment
    provider_code: str | None = None
    suppress: bool = False  # the recipient wants no more
    segments: int | None = None  # as the provider counts
    price: str | None = None  # a decimal number, of the whole message
    currency: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try, as the delivery log shows it (W10)."""

    delivery_id: str
    number: int
    started_at: datetime
    outcome: Outcome
    next_at: datetime | None = None
    manual: bool = False


class Settled(msgspec.Struct, frozen=True):
    """What an outcome makes of its delivery."""

    status: DeliveryStatus
    due_at: datetime | None = None
    reason: str | None = None


def settle(
    outcome: Outcome,
    attempts: int,
    now: datetime,
    schedule: tuple[int, ...] = SCHEDULE,
    jitter: float = 0.0,
    channel: Channel = "webhook",
) -> Settled:
    """The delivery's new state after its `attempts`-th attempt (1 for the first).

    `jitter` is a number in [-1, 1] drawn by the caller; it moves the wait by at most 20 %. A message that may have
    been taken is never repeated (promise 12): its `due_at` is when to look it up.
    """
    if outcome.ok:
        return Settled("delivered" if channel == "webhook" else "sent")
    if outcome.in_doubt:
        return Settled("unknown", due_at=now + timedelta(seconds=LOOK_UPS[0]), reason="in_doubt")
    if outcome.gone:
        return Settled("failed", reason="gone")
    if not outcome.retry:
        return Settled("failed", reason=outcome.error or "refused")
    if attempts > len(schedule):
        return Settled("failed", reason="exhausted")
    wait = schedule[attempts - 1] * (1 + JITTER * jitter)
    if outcome.retry_after is not None:
        wait = max(0.0, min(outcome.retry_after, RETRY_AFTER_CAP))
    return Settled("pending", due_at=now + timedelta(seconds=wait))
