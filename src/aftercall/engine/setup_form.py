"""What may be asked for when a webhook is set up, as it stands in a request. The rules are in setup_webhook.py."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.domain.webhook import Filters


class AuthForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How AfterCall proves itself to the receiver. `type` may be left out: the other members tell it."""

    type: Literal["none", "basic", "header", "bearer"] | None = None
    header: (
        Annotated[str, Meta(description="Custom header: its name.", examples=["X-Webhook-Token"])] | None
    ) = None
    secret: Annotated[str, Meta(max_length=1000, description="Custom header: its value.")] | None = None
    username: Annotated[str, Meta(max_length=255)] | None = None
    password: Annotated[str, Meta(max_length=1000)] | None = None
    token: Annotated[str, Meta(max_length=4000, description="The bearer token.")] | None = None


Trigger = Annotated[str, Meta(max_length=100, examples=["call.completed"])]


class WebhookForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be set of a webhook. What is left out stays as it is, or takes its default."""

    type: (
        Annotated[
            Literal["after_call", "call_event"],
            Meta(
                description="after_call: the finished call and its revisions. call_event: `triggers` chooses."
            ),
        ]
        | UnsetType
    ) = UNSET
    name: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    url: (
        Annotated[str, Meta(min_length=1, max_length=2000, examples=["https://example.com/hook"])] | UnsetType
    ) = UNSET
    status: Literal["enabled", "paused", "disabled"] | UnsetType = UNSET
    release_held: (
        Annotated[bool, Meta(description="When a disabled webhook is enabled: send what was held meanwhile.")]
        | UnsetType
    ) = UNSET
    auth: AuthForm | UnsetType | None = UNSET
    events: (
        Annotated[
            list[Annotated[str, Meta(max_length=50)]],
            Meta(
                max_length=20,
                description="Outcomes: answered, missed, abandoned, voicemail. `missed` without `abandoned` means "
                "both; `missed_only` does not.",
                examples=[["answered", "missed", "voicemail"]],
            ),
        ]
        | UnsetType
    ) = UNSET
    trigger: (
        Annotated[str, Meta(max_length=100, description="The same as `triggers` with one.")] | UnsetType
    ) = UNSET
    triggers: (
        Annotated[list[Trigger], Meta(max_length=100, description="Names from GET /v1/triggers.")] | UnsetType
    ) = UNSET
    filters: Filters | UnsetType | None = UNSET
    format: (
        Annotated[
            Literal["json", "standard", "classic", "custom"], Meta(description="json and standard are one.")
        ]
        | UnsetType
    ) = UNSET
    template: (
        Annotated[
            Any, Meta(description="Format custom: a JSON value whose strings may hold {{ path | filter }}.")
        ]
        | UnsetType
    ) = UNSET
    method: Literal["POST", "GET"] | UnsetType = UNSET
    content_type: Literal["application/json", "application/x-www-form-urlencoded"] | UnsetType = UNSET
    call_id_style: Literal["call_id", "source"] | UnsetType = UNSET
    notes_alias: bool | UnsetType = UNSET
    headers: (
        Annotated[dict[str, Annotated[str, Meta(max_length=4000)]], Meta(max_length=50)] | UnsetType | None
    ) = UNSET
    body: (
        Annotated[dict[str, Any], Meta(max_length=100, description="Extra values beside the body's own.")]
        | UnsetType
        | None
    ) = UNSET
    date_format: Literal["default", "epoch", "iso8601"] | UnsetType = UNSET
    time_zone: Annotated[str, Meta(max_length=100, examples=["UTC", "Asia/Kolkata"])] | UnsetType = UNSET
    rate_limit: (
        Annotated[float, Meta(ge=0, le=10_000, description="Requests a second; 0: no limit.")] | UnsetType
    ) = UNSET
    max_in_flight: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    timeout_seconds: Annotated[float, Meta(ge=1, le=30)] | UnsetType = UNSET
    retry_schedule: (
        Annotated[
            list[Annotated[int, Meta(ge=1, le=604_800)]],
            Meta(max_length=20, description="Seconds after each failed attempt; null: the account's."),
        ]
        | UnsetType
        | None
    ) = UNSET
    fail_fast: bool | UnsetType = UNSET
    hold_for: (
        Annotated[list[Literal["wrap_up", "analysis", "recording"]], Meta(max_length=10)] | UnsetType
    ) = UNSET
    hold_seconds: Annotated[int, Meta(ge=0, le=120)] | UnsetType = UNSET
    rotate_signing_secret: bool | UnsetType = UNSET
    overlap_seconds: (
        Annotated[int, Meta(ge=0, le=2_592_000, description="How long rotated secrets stay valid.")]
        | UnsetType
    ) = UNSET


class NewWebhookForm(WebhookForm, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[str, Meta(min_length=1, max_length=2000, examples=["https://example.com/hook"])]
