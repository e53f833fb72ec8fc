"""What may be asked for when a post-call action is set up. The rules are in setup_rule.py."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.domain.rule import Recipients
from aftercall.domain.webhook import Filters
from aftercall.engine.setup_form import Trigger

Id = Annotated[str, Meta(max_length=200)]


class RuleForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be set of an action. What is left out stays as it is, or takes its default."""

    name: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    status: Literal["enabled", "disabled"] | UnsetType = UNSET
    position: (
        Annotated[int, Meta(ge=0, le=1_000_000, description="Actions run in this order; else the last.")]
        | UnsetType
    ) = UNSET
    events: (
        Annotated[
            list[Annotated[str, Meta(max_length=50)]],
            Meta(
                max_length=20,
                description="Outcomes, as for webhooks: `missed` without `abandoned` means both.",
                examples=[["missed"]],
            ),
        ]
        | UnsetType
    ) = UNSET
    triggers: (
        Annotated[list[Trigger], Meta(max_length=20, description="Names from GET /v1/triggers, about calls.")]
        | UnsetType
    ) = UNSET
    filters: Filters | UnsetType | None = UNSET
    hold_for: (
        Annotated[list[Literal["wrap_up", "analysis", "recording"]], Meta(max_length=10)] | UnsetType
    ) = UNSET
    hold_seconds: Annotated[int, Meta(ge=0, le=120)] | UnsetType = UNSET
    recipients: (
        Annotated[
            Recipients,
            Meta(description="Texts and mails: the caller, the user (agent), both (two messages), or `to`."),
        ]
        | UnsetType
    ) = UNSET
    to: (
        Annotated[
            list[Annotated[str, Meta(min_length=1, max_length=320)]],
            Meta(max_length=20, description="Fixed recipients: numbers, or mail addresses."),
        ]
        | UnsetType
    ) = UNSET
    template_id: Annotated[Id, Meta(description="Null: the summary of the call.")] | UnsetType | None = UNSET
    sender_id: (
        Annotated[Id, Meta(description="Texts; null: chosen by the recipient's country.")] | UnsetType | None
    ) = UNSET
    connection_id: (
        Annotated[Id, Meta(description="Mails, and texts without senders; null: the first there is.")]
        | UnsetType
        | None
    ) = UNSET
    webhook_id: (
        Annotated[Id, Meta(description="Channel webhook: who gets the summary of the call.")] | UnsetType
    ) = UNSET
    include_results: (
        Annotated[
            bool,
            Meta(
                description="Channel webhook: wait for the call's other actions and tell what became of them."
            ),
        ]
        | UnsetType
    ) = UNSET
    max_age_minutes: (
        Annotated[
            int, Meta(ge=1, le=43_200, description="A message that could not go for so long goes no more.")
        ]
        | UnsetType
    ) = UNSET


class NewRuleForm(RuleForm, kw_only=True, forbid_unknown_fields=True):
    channel: Literal["sms", "email", "webhook"]
