"""The email channel as the dispatcher sees it: one delivery to one mail server (S7)."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from aftercall.channels.email.smtp import Smtp
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Delivery, Outcome
from aftercall.domain.message import Message

_decode = msgspec.json.Decoder(Message).decode


class EmailChannel:
    """`unsubscribe_url` gives the link for a mail's List-Unsubscribe header."""

    def __init__(self, smtp: Smtp, unsubscribe_url: Callable[[str, str], str | None]) -> None:
        self._smtp, self._unsubscribe_url = smtp, unsubscribe_url

    async def send(self, delivery: Delivery, connection: Connection, attempt: int, now: datetime) -> Outcome:  # noqa: ARG002  # as all channels
        email = _decode(delivery.body).email
        if email is None:
            raise ValueError("a delivery of the email channel holds a mail")
        url = self._unsubscribe_url(delivery.account_id, delivery.id)
        return await self._smtp.send(connection, email, delivery.id, url, now)
