"""Twilio Programmable Messaging (S3, S5, S6). https://www.twilio.com/docs/messaging/api/message-resource

Twilio has no idempotency key: a server's error is in doubt, and its list of messages says later what became of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from aftercall.channels.sms.answers import failed, money, probed_object, taken, told, unreadable
from aftercall.channels.sms.callbacks import (
    Keyword,
    explained,
    fields,
    in_utc,
    keyword,
    reference_of,
    with_reference,
)
from aftercall.channels.sms.settings import basic, keys
from aftercall.channels.sms.twilio_errors import ERRORS
from aftercall.channels.sms.twilio_settings import TwilioSettings
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Category, Receipt, ReceiptStatus, Sms, Text
from aftercall.engine import vendor_signatures
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.taking import Object, integer, many, text, word
from aftercall.engine.upstream import Question, Reply, Request

API = "https://api.twilio.com"
LONGEST_VALIDITY = 36_000  # seconds; what is more is refused
SEVERAL = 100  # messages of one page of the list
CLOCKS = timedelta(seconds=30)  # by which Twilio's clock and ours may differ
SILENCE = Reply(200, b"<Response/>", "text/xml")  # TwiML that says nothing: Twilio answers nobody in our name

# The statuses a message can have. `read` is of WhatsApp and RCS; a group's message may be delivered to some.
STATUSES: dict[str, ReceiptStatus] = {
    "accepted": "queued", "scheduled": "queued", "queued": "queued", "sending": "queued", "sent": "sent",
    "delivered": "delivered", "read": "delivered", "partially_delivered": "sent",
    "undelivered": "undelivered", "failed": "failed", "canceled": "failed",
}  # fmt: skip
KEYWORDS: dict[str, Keyword] = {
    "stop": "stop",
    "start": "start",
    "help": "help",
}  # OptOutType, Advanced Opt-Out
INTENTS: dict[Category, str] = {
    "otp": "otp", "promotional": "marketing", "conversational": "customercare", "transactional": "notifications",
    "service_implicit": "notifications", "service_explicit": "notifications",
}  # fmt: skip


class Twilio:
    title: str = "Twilio"
    traits: Traits = Traits(looks_up=True, keywords=True, signs=True)
    Settings: type[msgspec.Struct] = TwilioSettings
    secrets: frozenset[str] = frozenset({"auth_token", "api_key_secret", "signing_secret"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        settings: TwilioSettings = submission.settings
        sms = submission.sms
        form = {"To": sms.to, **_sender(sms, settings), "Body": sms.text}
        if submission.callback_url is not None:
            form["StatusCallback"] = with_reference(submission.callback_url, submission.reference)
        if sms.validity_seconds is not None:
            form["ValidityPeriod"] = str(max(1, min(sms.validity_seconds, LONGEST_VALIDITY)))
        if settings.smart_encoded:
            form["SmartEncoded"] = "true"
        if settings.say_intent:
            form["MessageIntent"] = INTENTS[sms.category]
        headers = (_login(settings), ("Content-Type", "application/x-www-form-urlencoded"))
        url = f"{_account(settings)}/Messages.json"
        return Question(method="POST", url=url, headers=headers, body=urlencode(form).encode())

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        message = told(answer)
        if 200 <= answer.status < 300:
            return self._outcome(submission, answer, message)
        code, said = word(message.get("code")), text(message.get("message"))
        return failed(self, submission, answer, code=code, said=said)

    def verify(self, settings: Any, request: Request) -> None:
        vendor_signatures.twilio(keys(settings.auth_token, settings.signing_secret), request)

    def hear(self, settings: Any, request: Request) -> Heard:
        params = fields(request)
        status = params.get("MessageStatus") or params.get("SmsStatus", "")
        if status in ("received", "receiving") or (not status and "Body" in params):
            return Heard(texts=(_text(params),), reply=SILENCE)
        if not status:
            raise Unreadable("It is neither a status callback nor an incoming message.")
        code = word(params.get("ErrorCode"))
        raw = Receipt(
            provider_id=word(params.get("MessageSid") or params.get("SmsSid")),
            reference=reference_of(request),
            # A status that came into the world later changes nothing: `queued` is the lowest.
            status="expired" if code == "30036" else STATUSES.get(status, "queued"),
            provider_status=status[:50],
            provider_code=None if code == "0" else code,
            at=in_utc(params.get("RawDlrDoneDate"), "%y%m%d%H%M"),
        )
        told_of = explained(self, raw, settings, params.get("ErrorMessage"))
        return Heard(receipts=(told_of,), reply=SILENCE)

    def look_up(self, submission: Submission, since: datetime) -> Question:
        """The messages to this number since then, the newest first."""
        settings: TwilioSettings = submission.settings
        after = (since - CLOCKS).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = urlencode({"To": submission.sms.to, "DateSent>": after, "PageSize": SEVERAL})
        return Question(url=f"{_account(settings)}/Messages.json?{query}", headers=(_login(settings),))

    def looked_up(self, submission: Submission, answer: Answer) -> Outcome | None:
        """The one with this text; the first, where there are more: a later one is another delivery's."""
        listed = told(answer).get("messages")
        if answer.status != 200 or type(listed) is not list:
            raise Unreadable(f"Twilio answered {answer.status} when it was asked for the message.")
        same = [one for one in many(listed) if type(one) is dict and _is_it(one, submission)]
        return self._outcome(submission, answer, same[-1]) if same else None

    def probe(self, settings: Any) -> Question:
        return Question(url=f"{_account(settings)}/Balance.json", headers=(_login(settings),))

    def probed(self, answer: Answer) -> str:
        found = probed_object(self.title, answer)
        amount, currency = word(found.get("balance")), word(found.get("currency")) or ""
        return f"Twilio takes the login. Balance: {amount or 'not told'} {currency}".rstrip()

    def _outcome(self, submission: Submission, answer: Answer, message: Object) -> Outcome:
        """Of a message as the API shows it, new or found."""
        sid, code = word(message.get("sid")), word(message.get("error_code"))
        if STATUSES.get(str(message.get("status"))) in ("failed", "undelivered") or (code and code != "0"):
            said = text(message.get("error_message")) or text(message.get("status"))
            return failed(self, submission, answer, code=code, said=said)
        if sid is None:
            return unreadable(self, submission, answer)
        price, currency = money(message.get("price")), word(message.get("price_unit"))
        segments = integer(
            message.get("num_segments")
        )  # 0 while a messaging service has not chosen the sender
        return taken(answer, [sid], segments=segments, price=price, currency=currency)


def _sender(sms: Sms, settings: TwilioSettings) -> dict[str, str]:
    sender = sms.sender or settings.sender
    if sms.sender_kind == "pool" and sms.sender:
        return {"MessagingServiceSid": sms.sender}
    service = (
        {"MessagingServiceSid": settings.messaging_service_sid} if settings.messaging_service_sid else {}
    )
    return service | ({"From": sender} if sender else {})


def _account(settings: TwilioSettings) -> str:
    return f"{settings.address(API)}/2010-04-01/Accounts/{settings.account_sid}"


def _login(settings: TwilioSettings) -> tuple[str, str]:
    if settings.api_key_sid and settings.api_key_secret:
        return basic(settings.api_key_sid, settings.api_key_secret)
    return basic(settings.account_sid, settings.auth_token)


def _text(params: Mapping[str, str]) -> Text:
    if not params.get("From"):
        raise Unreadable("The incoming message does not say who sent it.")
    return Text(
        provider_id=word(params.get("MessageSid") or params.get("SmsSid")),
        from_=params["From"][:50],
        to=params.get("To", "")[:50],
        text=params.get("Body", ""),
        keyword=keyword(params.get("OptOutType"), KEYWORDS),
    )


def _is_it(message: Object, submission: Submission) -> bool:
    outbound = str(message.get("direction")).startswith("outbound")
    return outbound and (message.get("to"), message.get("body")) == (submission.sms.to, submission.sms.text)


twilio = Twilio()
