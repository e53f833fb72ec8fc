"""Entries of the suppression list that providers and mail servers cause (S5)."""

from datetime import datetime
from typing import Literal

from aftercall.domain.contact import Suppression


def provider_says(
    account_id: str,
    channel: Literal["sms", "email"],
    address: str,
    reason: str,
    delivery_id: str,
    now: datetime,
    by: str = "provider",
) -> Suppression:
    """The recipient wants no more, or does not exist: by a code of the provider, or the answer of a mail server."""
    return Suppression(
        account_id=account_id,
        address=address.casefold(),
        channel=channel,
        source="provider" if channel == "sms" else "bounce",
        reason=reason,
        delivery_id=delivery_id,
        created_at=now,
        created_by=by,
    )
