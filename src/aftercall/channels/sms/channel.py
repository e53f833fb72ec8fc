"""The SMS channel: one text to one provider, and what came of it (S3, promise 12)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from aftercall.channels.sms.smpp import TYPE as SMPP
from aftercall.channels.sms.smpp import Settings as SmppSettings
from aftercall.channels.sms.smpp import Smpp
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Delivery, ErrorCode, Outcome
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Message, Sms
from aftercall.engine.messaging import Answer, LookedUp, Probed, SmsProvider, Submission
from aftercall.engine.upstream import Question
from aftercall.net.door import Door, NetError, Request, Response

ANSWER_CAP = 256 * 1024  # bytes of a provider's answer that are read: a list of messages is the longest
KEPT = 4_096  # bytes of it that the delivery log shows

# What the door says, in the words of deliveries.
ERRORS: dict[str, ErrorCode] = {
    "invalid_request": "config", "invalid_url": "invalid_url", "dns": "dns", "address_refused": "address_refused",
    "connect": "connect", "tls": "tls", "timeout": "timeout", "protocol": "protocol", "closed": "connect",
}  # fmt: skip
DOUBT = "; it may have been taken, so it is not sent again by itself"

_decode = msgspec.json.Decoder(Message).decode


class SmsChannel:
    """`callback_url` gives the address at which a connection's provider reaches this server, if it can."""

    def __init__(
        self,
        door: Door,
        providers: Mapping[str, SmsProvider],
        smpp: Smpp,
        callback_url: Callable[[Connection], str | None],
    ) -> None:
        self._door, self._providers, self._smpp, self._callback_url = door, providers, smpp, callback_url
        self._settings: dict[tuple[str, int], Any] = {}

    async def send(self, delivery: Delivery, connection: Connection, attempt: int, now: datetime) -> Outcome:  # noqa: ARG002  # as all channels
        try:
            submission = self._submission(delivery, connection, now)
        except Invalid as invalid:
            return Outcome(ok=False, error="config", detail=invalid.message, retry=False)
        if connection.type == SMPP:
            return await self._smpp.submit(connection, submission)
        provider = self._providers[connection.type]
        question = provider.submit(submission)
        try:
            response = await self._ask(question, connection)
        except NetError as error:
            return Outcome(
                ok=False,
                error=ERRORS[error.code],
                detail=error.detail + (DOUBT if error.sent else ""),
                in_doubt=error.sent,
                retry=error.code not in ("invalid_url", "invalid_request"),
                request_url=_shown(question.url),
                latency=error.elapsed,
            )
        outcome = provider.submitted(submission, _answer(response))
        return msgspec.structs.replace(
            outcome,
            status_code=response.status,
            request_url=_shown(question.url),
            response_body=outcome.response_body[:KEPT],
            address=response.address,
            latency=response.elapsed,
        )

    async def look_up(
        self, delivery: Delivery, connection: Connection, since: datetime, now: datetime
    ) -> Outcome | None:
        """What became of a submit without an answer; None where nobody knows yet. Raises NetError, Unreadable."""
        provider = self._providers.get(connection.type)
        if not isinstance(provider, LookedUp):
            return None
        submission = self._submission(delivery, connection, now)
        response = await self._ask(provider.look_up(submission, since), connection)
        return provider.looked_up(submission, _answer(response))

    async def probe(self, connection: Connection) -> str:
        """Whether a provider over HTTP takes our login: a line for the admin. Raises Invalid with what is wrong."""
        settings = self.settings_of(connection)
        provider = self._providers[connection.type]
        if not isinstance(provider, Probed):
            return "saved; this provider can be tried only by sending a text"
        try:
            return provider.probed(_answer(await self._ask(provider.probe(settings), connection)))
        except NetError as error:
            raise Invalid.field("settings", error.detail) from None
        except Unreadable as error:
            raise Invalid.field("settings", error.message) from None

    def settings_of(self, connection: Connection) -> Any:
        """The settings as the provider's own struct. Raises Invalid, naming the setting."""
        key = (connection.id, connection.version)
        found = self._settings.get(key)
        if found is None:
            kind = SmppSettings if connection.type == SMPP else self._providers[connection.type].Settings
            found = read_settings(kind, connection)
            if len(self._settings) > 10_000:
                self._settings.clear()
            self._settings[key] = found
        return found

    def _submission(self, delivery: Delivery, connection: Connection, now: datetime) -> Submission:
        return Submission(
            reference=delivery.id,
            sms=text_of(delivery),
            settings=self.settings_of(connection),
            callback_url=self._callback_url(connection),
            now=now,
        )

    async def _ask(self, question: Question, connection: Connection) -> Response:
        return await self._door.request(
            Request(
                question.method,
                question.url,
                question.headers,
                question.body,
                timeout=connection.timeout_seconds,
                body_cap=ANSWER_CAP,
            )
        )


def read_settings(kind: type[msgspec.Struct], connection: Connection) -> Any:
    """A connection's settings and secrets as one struct. Raises Invalid, without their values."""
    try:
        return msgspec.convert({**connection.settings, **connection.secrets}, kind)
    except msgspec.ValidationError as error:
        raise Invalid.field("settings", str(error)) from None


def text_of(delivery: Delivery) -> Sms:
    sms = _decode(delivery.body).sms
    if sms is None:
        raise ValueError("a delivery of the SMS channel holds a text")
    return sms


def _answer(response: Response) -> Answer:
    return Answer(status=response.status, headers=response.headers, body=response.body)


def _shown(url: str) -> str:
    """Without its query: some gateways take the password there."""
    return url.partition("?")[0]
