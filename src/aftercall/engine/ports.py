"""What the engine needs from the outside: a clock, a store, channels. Small Protocols, one implementation each."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable
from zlib import crc32

import msgspec

from aftercall.domain.account import Account, ApiKey, DirectoryKind, Entry, Source, Timing
from aftercall.domain.breaker import LaneState
from aftercall.domain.call import Call
from aftercall.domain.delivery import Attempt, Delivery, Outcome
from aftercall.domain.emit import Speech
from aftercall.domain.event import Event
from aftercall.domain.fact import Fact
from aftercall.domain.plan import Skipped
from aftercall.domain.webhook import Webhook

T = TypeVar("T")


class Collision(Exception):
    """Another node was faster with the same call; the transaction is to be tried again."""


class Clock(Protocol):
    def now(self) -> datetime: ...


class Channel(Protocol):
    """A way out. Sends one delivery and says what came of it; decides nothing, raises nothing."""

    async def send(self, delivery: Delivery, webhook: Webhook, attempt: int, now: datetime) -> Outcome: ...


class Parsed(msgspec.Struct, frozen=True):
    """What a source made of a request: its facts, and the items it could not read, each with the reason."""

    facts: tuple[Fact, ...] = ()
    errors: tuple[tuple[int, str], ...] = ()  # (index of the item, what is wrong with it)
    ignored: int = 0


class SourceType(Protocol):
    """One upstream: parse what it sends. No state, no rules. Whoever knows the source's token may send."""

    timing: Timing

    def parse(self, source: Source, path: str, headers: dict[str, str], body: bytes) -> Parsed: ...


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a source sent, as it was sent. `url` is the one its sender was given: what signatures cover."""

    url: str  # public, with the query, byte for byte
    path: str = ""  # what follows the source's id
    query: str = ""
    headers: dict[str, str] = {}  # names in lower case
    body: bytes = b""
    now: datetime


class Reply(msgspec.Struct, frozen=True):
    """What a source wants to hear when its request was taken in."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None


@runtime_checkable
class SignedType(Protocol):
    """An upstream that signs its requests. Its secret is the source's `token`."""

    timing: Timing
    reply: Reply

    def verify(self, source: Source, request: Request) -> None:
        """Raise Unauthenticated unless the request was signed with one of the source's secrets."""
        ...

    def read(self, source: Source, request: Request) -> Parsed:
        """The facts of a verified request. Pure, as `parse` is."""
        ...


class Lost(Exception):
    """A connection that could not be made, or ended. The text is for people and holds no secrets."""


class Refused(Lost):
    """The other side says no: a wrong password, say. Tried again, but slowly."""


class Dial(Protocol):
    """Opens a stream through the door: its rules on addresses apply, its NetError is raised."""

    async def __call__(
        self, host: str, port: int, *, tls: bool, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]: ...


class Upstream(Protocol):
    """What a source that keeps a connection may ask of the engine."""

    dial: Dial
    clock: Clock

    async def open_calls(self) -> dict[str, frozenset[str]]:
        """The source's calls that have not ended as far as we know: by key, their legs that have not."""
        ...

    async def deliver(self, facts: Sequence[Fact]) -> None:
        """Have them committed. Returns at once, but waits while too many are waiting already."""
        ...

    def connected(self) -> None: ...

    def heard(self, events: int) -> None: ...


@runtime_checkable
class LiveType(SignedType, Protocol):
    """An upstream we connect to; requests are refused by its `verify`. Its password is the source's `token`."""

    def check(self, source: Source) -> None:
        """Raise Invalid, naming the setting, unless the source's settings make sense."""
        ...

    async def run(self, source: Source, upstream: Upstream) -> None:
        """One connection, from dialling until it ends. Raises Lost."""
        ...


def bucket_of(id_: str) -> int:
    """The share of the fleet that a webhook's lane or a source's connection belongs to (256 of them)."""
    return crc32(id_.encode()) % 256


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """A call as stored: its record and the state of what has been said about it."""

    id: str
    account_id: str
    source_id: str
    call_key: str
    generation: int
    version: int
    facts: int  # how many are stored
    call: Call
    speech: Speech
    fold: bytes | None = None  # kept for long calls only
    due_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class SpokenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event with the account it belongs to and the webhooks that wanted it but were refused by a filter."""

    account_id: str
    event: Event
    skipped: tuple[Skipped, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about an account that planning and parsing need, at one version."""

    account: Account
    version: int
    webhooks: tuple[Webhook, ...]
    sources: dict[str, Source]
    directory: dict[
        tuple[str, str], tuple[str, str, dict[str, Any]]
    ]  # (kind, key or alias) -> id, name, details


class Work(Protocol):
    """One transaction of accept. Every method is one statement per table, whatever the number of rows."""

    async def settings_versions(self, accounts: Iterable[str]) -> dict[str, int]: ...

    async def find_calls(self, keys: Sequence[tuple[str, str, str]]) -> list[CallRow]:
        """The calls under these (account, source, call key), all generations, locked, in key order."""
        ...

    async def lock_calls(self, ids: Sequence[tuple[str, str]]) -> list[CallRow]:
        """The calls with these (account, id), locked in order; those another node holds are left out."""
        ...

    async def known_facts(self, facts: Sequence[tuple[str, str, str]]) -> set[tuple[str, str]]:
        """Which of these (account, call id, natural id) are stored already, as (call id, natural id)."""
        ...

    async def load_facts(self, calls: Sequence[tuple[str, str]]) -> dict[str, list[Fact]]: ...

    async def spoken(self, events: Sequence[tuple[str, str, str]]) -> set[str]:
        """Which of these (account, call id, event id) have been spoken already."""
        ...

    async def due_calls(self, now: datetime, limit: int) -> list[CallRow]:
        """Calls that have something to say by now, locked; those another node holds are left out."""
        ...

    async def add_facts(self, rows: Sequence[tuple[str, str, Fact]]) -> None: ...

    async def add_calls(self, rows: Sequence[CallRow]) -> None: ...

    async def update_calls(self, rows: Sequence[CallRow]) -> None: ...

    async def add_events(self, rows: Sequence[SpokenEvent]) -> None: ...

    async def add_deliveries(self, rows: Sequence[Delivery], owners: Sequence[str | None]) -> None: ...


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt's result, ready to be recorded."""

    delivery: Delivery  # as it is after the attempt
    attempt: Attempt


class Queue(Protocol):
    """The deliveries' side of the store."""

    async def join(self, node: str, incarnation: str, now: datetime) -> None:
        """Take over from dead predecessors of the same name, at once."""
        ...

    async def beat(self, incarnation: str, now: datetime) -> list[str]:
        """Say that this node lives; release what dead ones owned; the live incarnations."""
        ...

    async def leave(self, incarnation: str) -> None: ...

    async def claim(
        self, incarnation: str, now: datetime, buckets: Sequence[int] | None, full: Sequence[str], limit: int
    ) -> list[Delivery]:
        """Due deliveries nobody owns, oldest first, except of the webhooks in `full`; owned by us from now."""
        ...

    async def unclaim(self, deliveries: Sequence[Delivery]) -> None: ...

    async def next_due(self, buckets: Sequence[int] | None, full: Sequence[str]) -> datetime | None: ...

    async def record(self, finished: Sequence[Finished], lanes: Sequence[LaneState]) -> None: ...

    async def lane_states(self) -> list[LaneState]: ...

    async def hold(self, account_id: str, webhook_id: str, reason: str) -> int:
        """Pending deliveries of a webhook become held."""
        ...

    async def release(self, account_id: str, webhook_id: str, now: datetime) -> int:
        """Held deliveries of a webhook become pending and due."""
        ...

    async def disable_webhook(self, account_id: str, webhook_id: str, reason: str, now: datetime) -> bool:
        """Status disabled, pending deliveries held, settings version raised; False when not enabled."""
        ...

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` when another node left a delivery to claim; returns at once where that cannot be."""
        ...


class CallQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the call log. `number` is a suffix of the customer's number; times are half-open."""

    since: datetime | None = None
    until: datetime | None = None
    status: tuple[str, ...] = ()
    direction: str | None = None
    call_type: str | None = None
    did: str | None = None
    queue: str | None = None
    agent: str | None = None
    tag: str | None = None
    source_id: str | None = None
    call_key: str | None = None
    number: str | None = None
    min_duration_seconds: int | None = None
    max_duration_seconds: int | None = None
    cursor: str | None = None
    limit: int = 50


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the delivery log, newest first."""

    webhook_id: str | None = None
    call_id: str | None = None
    event_id: str | None = None
    event: str | None = None
    status: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 50


class Page(msgspec.Struct, Generic[T], frozen=True):
    items: tuple[T, ...]
    next_cursor: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a webhook's receiver has been doing over its latest deliveries (W12). Latencies in milliseconds.

    `delay` is our own (W11): from the moment an event was due to the receiver's 2xx, whatever it took.
    """

    attempts: int
    delivered: int
    failed: int
    success_rate: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    delay_p50_ms: float | None
    delay_p95_ms: float | None
    pending: int
    held: int
    lane: LaneState | None
    last_error: str | None
    last_attempt_at: datetime | None


class Remembered(msgspec.Struct, frozen=True):
    """An answer given under an Idempotency-Key."""

    request: str
    status: int
    answer: bytes


class Records(Protocol):
    """What the account has set up, and the logs. Every change raises the account's settings version."""

    async def add_account(self, account: Account) -> None: ...
    async def get_account(self, account_id: str) -> Account | None: ...
    async def list_accounts(self, cursor: str | None, limit: int) -> Page[Account]: ...
    async def update_account(self, account: Account) -> None: ...

    async def add_key(self, key: ApiKey) -> None: ...
    async def find_key(self, digest: str) -> ApiKey | None: ...
    async def list_keys(self, account_id: str, cursor: str | None, limit: int) -> Page[ApiKey]: ...
    async def revoke_key(self, account_id: str, key_id: str, now: datetime) -> bool: ...

    async def add_webhook(self, webhook: Webhook) -> None: ...
    async def get_webhook(self, account_id: str, webhook_id: str) -> Webhook | None: ...
    async def list_webhooks(self, account_id: str, cursor: str | None, limit: int) -> Page[Webhook]: ...
    async def update_webhook(self, webhook: Webhook) -> bool:
        """False when another change came first: `webhook.version` must be one more than the stored one."""
        ...

    async def delete_webhook(self, account_id: str, webhook_id: str, now: datetime) -> bool: ...

    async def add_source(self, source: Source) -> None: ...
    async def get_source(self, account_id: str, source_id: str) -> Source | None: ...
    async def find_source(self, source_id: str) -> Source | None:
        """By id alone, for `/in/{source}`, which names no account."""
        ...

    async def list_sources(self, account_id: str, cursor: str | None, limit: int) -> Page[Source]: ...
    async def sources_of(self, types: Sequence[str]) -> list[tuple[str, str]]:
        """The (account, id) of every source of these types, whatever the account."""
        ...

    async def update_source(self, source: Source) -> bool: ...
    async def delete_source(self, account_id: str, source_id: str, now: datetime) -> bool: ...

    async def put_entry(self, entry: Entry) -> None: ...
    async def get_entry(self, account_id: str, kind: DirectoryKind, entry_id: str) -> Entry | None: ...
    async def list_entries(
        self, account_id: str, kind: DirectoryKind, cursor: str | None, limit: int
    ) -> Page[Entry]: ...
    async def delete_entry(self, account_id: str, kind: DirectoryKind, entry_id: str) -> bool: ...

    async def get_call(self, account_id: str, call_id: str) -> CallRow | None: ...
    async def list_calls(self, account_id: str, query: CallQuery) -> Page[CallRow]: ...
    async def open_calls(self, account_id: str, source_id: str, since: datetime) -> list[tuple[str, str]]:
        """The (key, id) of a source's calls that started after `since` and have not ended."""
        ...

    async def call_facts(self, account_id: str, call_id: str) -> list[Fact]: ...
    async def call_events(self, account_id: str, call_id: str) -> list[SpokenEvent]: ...
    async def get_event(self, account_id: str, event_id: str) -> SpokenEvent | None: ...

    async def get_delivery(self, account_id: str, delivery_id: str) -> Delivery | None: ...
    async def list_deliveries(self, account_id: str, query: DeliveryQuery) -> Page[Delivery]: ...
    async def delivery_attempts(self, account_id: str, delivery_id: str) -> list[Attempt]: ...
    async def add_resends(self, deliveries: Sequence[Delivery], owner: str | None = None) -> None: ...
    async def cancel_delivery(self, account_id: str, delivery_id: str, owner: str | None = None) -> bool:
        """Only what is pending or held, and in nobody's hand but the `owner`'s who asks, can be cancelled."""
        ...

    async def health(self, account_id: str, webhook_id: str) -> Health: ...
    async def backlog(self) -> dict[str, int]:
        """Deliveries by state (pending, held), over all accounts."""
        ...

    async def recall(self, account_id: str, key: str) -> Remembered | None: ...
    async def remember(self, account_id: str, key: str, remembered: Remembered, now: datetime) -> None: ...
    async def forget(self, before: datetime) -> int:
        """Drop idempotency keys older than this."""
        ...


class Store(Queue, Records, Protocol):
    """Where everything is kept."""

    def begin(self) -> AbstractAsyncContextManager[Work]: ...

    async def settings(self, account_id: str) -> Settings | None: ...

    async def settings_version(self, account_id: str) -> int | None: ...

    async def close(self) -> None: ...
