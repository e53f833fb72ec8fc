"""Entries of the suppression list that providers and mail servers cause (S5)."""

from datetime import datetime

from aftercall.domain.connection import Connection
from aftercall.domain.contact import Suppression


def provider_says(
    connection: Connection, address: str, reason: str, delivery_id: str | None, now: datetime
) -> Suppression:
    """The recipient wants no more, or does not exist: by a code of the provider, or the answer of a mail server."""
    return Suppression(
        account_id=connection.account_id,
        address=address.casefold(),
        channel=connection.channel,
        source="provider" if connection.channel == "sms" else "bounce",
        reason=reason,
        delivery_id=delivery_id,
        created_at=now,
        created_by=connection.type,
    )
