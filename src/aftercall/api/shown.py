"""A webhook as the API shows it: secrets masked, and what a list shows at a glance beside them (T5)."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.domain.trigger import title
from aftercall.domain.webhook import Filters, Webhook
from aftercall.engine.setup_secrets import MASK, SECRET_NAMES
from aftercall.engine.setup_webhook import kind_of


class AuthOut(msgspec.Struct, frozen=True, omit_defaults=True):
    type: Literal["none", "basic", "header", "bearer"]
    header: str | None = None
    secret: str | None = None
    username: str | None = None
    password: str | None = None
    token: str | None = None
    previous_valid_until: datetime | None = None


class TriggerOut(msgspec.Struct, frozen=True):
    name: str
    title: str


class WebhookOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: Literal["after_call", "call_event"]
    name: str
    description: str
    url: str
    status: Literal["enabled", "paused", "disabled"]
    status_reason: str | None
    events: tuple[str, ...]
    triggers: tuple[str, ...]
    trigger_titles: tuple[TriggerOut, ...]
    call_type: Literal["inbound", "outbound", "all"]
    destination: tuple[str, ...]
    filters: Filters
    format: Literal["standard", "classic", "custom"]
    template: Any
    method: Literal["POST", "GET"]
    content_type: str
    auth: AuthOut
    headers: dict[str, str]
    body: dict[str, Any]
    call_id_style: str
    notes_alias: bool
    date_format: str
    time_zone: str
    rate_limit: float
    max_in_flight: int
    timeout_seconds: float
    retry_schedule: tuple[int, ...] | None
    fail_fast: bool
    hold_for: tuple[str, ...]
    hold_seconds: int
    signing_secret_rotating_until: datetime | None
    created_at: datetime
    updated_at: datetime
    notes: tuple[str, ...] = ()


class WebhookCreated(WebhookOut, frozen=True, kw_only=True):
    signing_secret: str | None


SAME = (
    "id", "name", "description", "url", "status", "status_reason", "events", "triggers", "filters", "format",
    "template", "method", "content_type", "body", "call_id_style", "notes_alias", "date_format", "time_zone",
    "rate_limit", "max_in_flight", "timeout_seconds", "retry_schedule", "fail_fast", "hold_for", "hold_seconds",
    "created_at", "updated_at",
)  # fmt: skip


def shown(webhook: Webhook, now: datetime, notes: list[str] | None = None) -> WebhookOut:
    return WebhookOut(**_fields(webhook, now, notes))


def created(webhook: Webhook, now: datetime, notes: list[str]) -> WebhookCreated:
    return WebhookCreated(**_fields(webhook, now, notes), signing_secret=webhook.signing_secret)


def _fields(webhook: Webhook, now: datetime, notes: list[str] | None) -> dict[str, Any]:
    directions = webhook.filters.directions
    rotating = [old.until for old in webhook.old_secrets if old.until > now]
    return {
        **{name: getattr(webhook, name) for name in SAME},
        "type": kind_of(webhook),
        "trigger_titles": tuple(TriggerOut(name, title(name)) for name in webhook.triggers),
        "call_type": directions[0] if len(set(directions)) == 1 else "all",
        "destination": (*webhook.filters.numbers, *webhook.filters.call_types),
        "auth": _auth(webhook, now),
        "headers": {
            name: MASK if SECRET_NAMES.search(name) else value for name, value in webhook.headers.items()
        },
        "signing_secret_rotating_until": max(rotating, default=None),
        "notes": tuple(notes or ()),
    }


def _auth(webhook: Webhook, now: datetime) -> AuthOut:
    auth = webhook.auth
    until = max((old.until for old in webhook.old_auth_secrets if old.until > now), default=None)
    masked = MASK if auth.secret else None
    return AuthOut(
        type=auth.type,
        header=auth.header,
        secret=masked if auth.type == "header" else None,
        token=masked if auth.type == "bearer" else None,
        username=auth.username,
        password=MASK if auth.password else None,
        previous_valid_until=until,
    )
