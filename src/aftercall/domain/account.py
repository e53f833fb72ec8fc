"""An account and what it owns besides webhooks and calls: keys, sources, directory (D1-D3). Values only."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Scope = Literal[
    "events:write", "calls:read", "calls:write", "webhooks:read", "webhooks:write",
    "deliveries:read", "deliveries:write", "directory:read", "directory:write", "keys:write", "accounts:write",
    "contacts:read", "contacts:write", "messages:read", "messages:write", "messages:override",
]  # fmt: skip
SCOPES: tuple[Scope, ...] = (
    "events:write", "calls:read", "calls:write", "webhooks:read", "webhooks:write",
    "deliveries:read", "deliveries:write", "directory:read", "directory:write", "keys:write",
    "contacts:read", "contacts:write", "messages:read", "messages:write", "messages:override",
)  # fmt: skip  # what an account's owner may do; `accounts:write` is the operator's


KEEP_RAW_HOURS = 72


class Account(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A tenant. `country` (ISO 3166 alpha-2) reads national numbers; `retry_schedule` in seconds."""

    id: str
    name: str
    status: Literal["active", "suspended"] = "active"
    country: str | None = None
    time_zone: str = "UTC"
    retry_schedule: tuple[int, ...] | None = None
    features: tuple[str, ...] = ()
    max_events_per_second: int | None = None  # None: the server's limit
    closed_after_days: int = 7
    created_at: datetime
    version: int = 1


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key as stored: never the key itself, only its SHA-256 and its first characters."""

    id: str
    account_id: str
    name: str
    scopes: tuple[str, ...]
    digest: str
    hint: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class Timing(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a source's calls may speak (calls.md C4.1, C4.3). All in seconds."""

    gate: float = 0.3
    quiet: float = 2.0
    settle_max: float = 10.0
    watchdog: float = 4 * 3600.0
    update_quiet: float = 2.0


class Source(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where call events come from. `time_zone` reads times without a zone; tokens in memory only.

    `old_token` is good until `old_token_until`. `clock_skew` is how far the source's clock is found to be
    behind ours, in seconds, where that is more than can be delay; see `domain/skew.py`.
    """

    id: str
    account_id: str
    type: str = "http"
    name: str = ""
    status: Literal["enabled", "paused"] = "enabled"
    direction: Literal["inbound", "outbound"] | None = None
    time_zone: str | None = None
    fields: dict[str, str] = {}  # custom-field mapping: name at the source -> our name (D2)
    settings: dict[str, Any] = {}
    timing: Timing | None = None  # None: the type's
    max_events_per_second: int | None = None  # None: the account's limit
    keep_raw_hours: int | None = None  # None: the type's, see `raw_hours`
    clock: Literal["auto", "trust"] | None = None  # None: the type's, see `corrects_clock`
    clock_skew: float = 0.0
    token: str = ""
    old_token: str = ""
    old_token_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def raw_hours(self) -> int:
        """How long what it sent is kept as it was sent. Facts of type `http` hold everything it said."""
        if self.keep_raw_hours is not None:
            return self.keep_raw_hours
        return 0 if self.type == "http" else KEEP_RAW_HOURS

    @property
    def corrects_clock(self) -> bool:
        """Whether its times are put right by its clock's skew. Events of type `http` may tell of old calls."""
        return (self.clock or ("trust" if self.type == "http" else "auto")) == "auto"

    def as_of(self, now: datetime) -> "Source":
        """The source without an old token that is good no more."""
        if self.old_token_until is None or now < self.old_token_until:
            return self
        return msgspec.structs.replace(self, old_token="", old_token_until=None)


DirectoryKind = Literal["number", "agent", "queue", "menu", "disposition"]


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One directory entry. `key` is what sources call it: an E.164 number, an extension, a queue's name."""

    id: str
    account_id: str
    kind: DirectoryKind
    key: str
    name: str = ""
    aliases: tuple[str, ...] = ()  # other names sources use: more extensions, phone numbers
    details: dict[str, Any] = {}  # agent: number, email, extension; number: capabilities; disposition: subs
    created_at: datetime
    updated_at: datetime
