"""A webhook as the admin sets it up: where to, for which calls, in which form (W1-W8, T1-T6). Values only."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.domain.fact import CallType, Direction, Status

Format = Literal["standard", "classic", "custom"]
WebhookStatus = Literal["enabled", "paused", "disabled"]
HoldFor = Literal[
    "wrap_up", "analysis", "recording", "actions"
]  # actions: what became of a call's other actions
DateFormat = Literal["default", "epoch", "iso8601"]

DEFAULT_RATE_LIMIT = 20.0  # requests/s; document 003: "design for bursts of 20 requests/sec"
DEFAULT_MAX_IN_FLIGHT = 32
DEFAULT_TIMEOUT = 5.0  # seconds; document 003
MAX_HOLD_SECONDS = 120
STATUSES: tuple[Status, ...] = ("answered", "missed", "abandoned", "voicemail")


class Filters(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which calls (W3, T3). An empty list means any; all that is set must hold."""

    directions: tuple[Direction, ...] = ()
    call_types: tuple[CallType, ...] = ()  # outbound type: click_to_call, broadcast, dialer
    numbers: tuple[str, ...] = ()  # our numbers (DIDs), E.164
    queues: tuple[str, ...] = ()  # ids or names
    agents: tuple[str, ...] = ()  # ids, names or numbers
    tags: tuple[str, ...] = ()  # any of them
    sources: tuple[str, ...] = ()
    min_duration_seconds: int | None = None
    max_duration_seconds: int | None = None


class Auth(msgspec.Struct, frozen=True, omit_defaults=True):
    """How we prove ourselves to the receiver (W2). Secret values stand here in memory only."""

    type: Literal["none", "basic", "header", "bearer"] = "none"
    header: str | None = None
    secret: str | None = None  # the header's value, or the bearer token
    username: str | None = None
    password: str | None = None


class OldSecret(msgspec.Struct, frozen=True):
    """A signing secret that was rotated out; `webhook-signature` carries it too until `until`."""

    secret: str
    until: datetime


class Webhook(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One destination. `events` are outcomes (W3), `triggers` are moments (T1 and the after-call ones)."""

    id: str
    account_id: str
    name: str = ""
    description: str = ""
    url: str
    method: Literal["POST", "GET"] = "POST"
    content_type: Literal["application/json", "application/x-www-form-urlencoded"] = "application/json"
    status: WebhookStatus = "enabled"
    status_reason: str | None = None
    events: tuple[Status, ...] = STATUSES
    triggers: tuple[str, ...] = ("call.completed",)
    filters: Filters = Filters()
    format: Format = "standard"
    template: Any = None  # custom: a JSON value whose strings may hold {{ path | filter }}
    call_id_style: Literal["call_id", "source"] = "call_id"  # what `call_id` holds in classic bodies
    notes_alias: bool = False  # also send notes as wrap_up_notes (document 003 uses both names)
    auth: Auth = Auth()
    headers: dict[str, str] = {}
    body: dict[str, Any] = {}  # extra values put into the body
    date_format: DateFormat = "default"
    time_zone: str = "UTC"
    rate_limit: float = DEFAULT_RATE_LIMIT  # requests/s; 0: no limit
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    timeout_seconds: float = DEFAULT_TIMEOUT
    retry_schedule: tuple[int, ...] | None = None  # seconds; None: the account's
    fail_fast: bool = False  # 4xx other than 408, 425, 429 are final
    hold_for: tuple[HoldFor, ...] = ()
    hold_seconds: int = MAX_HOLD_SECONDS
    signing_secret: str = ""
    old_secrets: tuple[OldSecret, ...] = ()
    old_auth_secrets: tuple[OldSecret, ...] = ()
    created_at: datetime
    updated_at: datetime
    version: int = 1
