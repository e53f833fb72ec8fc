"""A post-call action: one "send this after the call" setting (S1, S4). Values only."""

from datetime import datetime
from typing import Literal

import msgspec

from aftercall.domain.fact import Status
from aftercall.domain.webhook import MAX_HOLD_SECONDS, STATUSES, Filters, HoldFor

Recipients = Literal["caller", "user", "both", "fixed"]
MAX_ACTIONS = 10  # of one call; document 001


class Rule(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`events` are outcomes, `triggers` moments, `filters` as webhooks have them. Rules run by `position`.

    SMS and email: `template_id` for the message, `sender_id` for a sender (None: chosen by the recipient's country),
    `to` for fixed recipients. Webhook: `webhook_id` names the webhook that gets the summary of the call.
    """

    id: str
    account_id: str
    name: str = ""
    channel: Literal["sms", "email", "webhook"]
    status: Literal["enabled", "disabled"] = "enabled"
    position: int = 0
    events: tuple[Status, ...] = STATUSES
    triggers: tuple[str, ...] = ("call.completed",)
    filters: Filters = Filters()
    hold_for: tuple[HoldFor, ...] = ()
    hold_seconds: int = MAX_HOLD_SECONDS
    recipients: Recipients = "caller"
    to: tuple[str, ...] = ()  # E.164 or mail addresses
    template_id: str | None = None  # None: the summary of the call
    sender_id: str | None = None
    connection_id: str | None = None  # email: the mail server; None: the account's first
    webhook_id: str | None = None
    include_results: bool = (
        True  # webhook: wait for the other actions of the call and tell what became of them
    )
    max_age_minutes: int = (
        24 * 60
    )  # a message that could not go for so long after the event is not sent any more
    created_at: datetime
    updated_at: datetime
    version: int = 1
