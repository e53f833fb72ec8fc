"""What passes between the engine and the store: rows, pages, queries. Values only."""

from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar
from zlib import crc32

import msgspec

from aftercall.domain.account import Account, Source
from aftercall.domain.actions import Office
from aftercall.domain.breaker import LaneState
from aftercall.domain.call import Call
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Attempt, Delivery
from aftercall.domain.emit import Speech
from aftercall.domain.event import Event
from aftercall.domain.guard.changes import AccountPolicies
from aftercall.domain.guard.policy import Policy
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.plan import Skipped
from aftercall.domain.rule import Rule
from aftercall.domain.sender import Sender
from aftercall.domain.trigger import waiting_for
from aftercall.domain.webhook import Webhook
from aftercall.engine.policies import in_force

T = TypeVar("T")
# What an account has set up to write to people.
Setup: TypeAlias = Connection | Sender | MessageTemplate | Rule | AccountPolicies
Destination: TypeAlias = Webhook | Connection


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


class SilentCall(msgspec.Struct, frozen=True, kw_only=True):
    """An open call that is looked at again at `due_at`, if nothing is heard of it until then."""

    id: str
    account_id: str
    source_id: str
    call_key: str
    due_at: datetime


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
    connections: dict[str, Connection] = {}
    senders: tuple[Sender, ...] = ()
    templates: dict[str, MessageTemplate] = {}
    rules: tuple[Rule, ...] = ()  # the enabled ones, in the order they run
    has_contacts: bool = False
    _listening: dict[str, tuple[Webhook, ...]] = {}
    _acting: dict[str, tuple[Rule, ...]] = {}
    changes: AccountPolicies | None = None
    _office: dict[str, Office] = {}
    _policies: dict[str, tuple[Policy, ...]] = {}

    def listening(self, event: str) -> tuple[Webhook, ...]:
        """The webhooks with a trigger that waits for this event."""
        found = self._listening.get(event)
        if found is None:
            found = self._listening[event] = tuple(
                w for w in self.webhooks if waiting_for(w.triggers, event)[0]
            )
        return found

    @property
    def office(self) -> Office:
        """What the account's messages are made with and sent by."""
        found = self._office.get("")
        if found is None:
            found = self._office[""] = Office(
                templates=self.templates,
                senders=self.senders,
                connections=self.connections,
                webhooks={webhook.id: webhook for webhook in self.webhooks},
                directory=self.directory,
                country=self.account.country,
                zone=self.account.time_zone,
            )
        return found

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Those in force for the account's messages."""
        found = self._policies.get("")
        if found is None:
            changes = self.changes.changes if self.changes is not None else ()
            found = self._policies[""] = in_force(changes)
        return found

    def acting(self, event: str) -> tuple[Rule, ...]:
        """The rules with a trigger that waits for this event."""
        found = self._acting.get(event)
        if found is None:
            found = self._acting[event] = tuple(r for r in self.rules if waiting_for(r.triggers, event)[0])
        return found


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt's result, ready to be recorded."""

    delivery: Delivery  # as it is after the attempt
    attempt: Attempt


class CallQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the call log. `number` is a suffix of the customer's number; times are half-open.

    Calls that were merged into others are left out, unless asked for by key or with `merged`.
    """

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
    merged: bool = False
    number: str | None = None
    min_duration_seconds: int | None = None
    max_duration_seconds: int | None = None
    cursor: str | None = None
    limit: int = 50


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the delivery log, newest first."""

    destination_id: str | None = None
    channel: str | None = None
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

    `delay` is our own (W11): from the moment an event was due to the receiver's 2xx, whatever it took; of messages,
    to the provider's or mail server's yes, but for those that had to wait for a window or a paused connection.
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
