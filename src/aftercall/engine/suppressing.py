"""Entries of the suppression list that providers and mail servers cause (S5)."""

from datetime import datetime
from typing import Literal

from aftercall.domain.connection import Connection
from aftercall.domain.contact import Suppression
from aftercall.domain.delivery import Attempt
from aftercall.engine.ports import Store


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


async def suppress(store: Store, connection: Connection, attempt: Attempt, now: datetime) -> None:
    """Enter the recipient of an attempt after which nothing more is to be sent there. Raises Unavailable."""
    found = await store.get_message(connection.account_id, attempt.delivery_id)
    if found is not None:
        reason = attempt.outcome.provider_code or str(attempt.outcome.error)
        of = (connection.account_id, connection.channel, found.address)
        entry = provider_says(*of, reason, attempt.delivery_id, now, connection.type)
        await store.add_suppressions([entry])
