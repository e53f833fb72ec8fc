"""Senders: the numbers and headers messages come from, and what each may be used for (S3). Values only."""

from datetime import datetime

import msgspec

from aftercall.domain.message import Category, SenderKind


class A2p(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """US A2P 10DLC: the brand and campaign a long code is registered under, or a toll-free number's verification."""

    registered: bool = False
    brand_id: str | None = None
    campaign_id: str | None = None
    use_case: str | None = None
    verified_at: datetime | None = None


class Sender(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`value` is what recipients see, or a pool's id. Empty `countries` (ISO 3166 alpha-2), `categories`: any."""

    id: str
    account_id: str
    connection_id: str
    value: str
    kind: SenderKind = "long_code"
    name: str = ""
    status: str = "enabled"  # enabled or paused
    countries: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    replies: bool = True  # whether recipients can answer it
    a2p: A2p | None = None
    dlt_entity_id: str | None = None  # India: whose header this is
    daily_cap: int | None = None  # messages a day
    created_at: datetime
    updated_at: datetime
    version: int = 1
