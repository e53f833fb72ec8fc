"""An account and what it owns besides webhooks and calls: keys, sources, directory (D1-D3). Values only."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Scope = Literal[
    "events:write", "calls:read", "calls:write", "webhooks:read", "webhooks:write",
    "deliveries:read", "deliveries:write", "directory:read", "directory:write", "keys:write", "accounts:write",
]  # fmt: skip
SCOPES: tuple[Scope, ...] = (
    "events:write", "calls:read", "calls:write", "webhooks:read", "webhooks:write",
    "deliveries:read", "deliveries:write", "directory:read", "directory:write", "keys:write",
)  # fmt: skip  # what an account's owner may do; `accounts:write` is the operator's


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
    """Where call events come from. `time_zone` reads times without a zone; `token` in memory only."""

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
    token: str = ""
    created_at: datetime
    updated_at: datetime
    version: int = 1


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
