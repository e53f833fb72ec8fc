"""A connection: an account's way out to people, with an SMS provider or a mail server (S3, S7). Values only."""

from datetime import datetime
from typing import Any, Literal

import msgspec


class Connection(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One login at one provider. `settings` are the type's own; the secret ones stand in `secrets`, in memory only.

    `token` is part of the address that the provider calls back. Prices are for one segment or mail, a decimal number.
    """

    id: str
    account_id: str
    channel: Literal["sms", "email"]
    type: str
    name: str = ""
    status: Literal["enabled", "paused", "disabled"] = "enabled"
    status_reason: str | None = None
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    token: str = ""
    rate_limit: float = 10.0  # messages/s; 0: no limit
    max_in_flight: int = 10
    timeout_seconds: float = 15.0
    retry_schedule: tuple[int, ...] | None = None  # seconds; None: the account's
    keyword_replies: Literal["provider", "aftercall", "off"] = "provider"  # who answers STOP and HELP
    price: str | None = None
    currency: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1
