"""Telnyx Messaging, API v2 (S3, S5, S6). https://developers.telnyx.com/api-reference/messages/send-a-message

The API documents no idempotency key and no list of messages: a server's error is in doubt, and only the webhook,
which comes to an address with our reference, tells what became of it. A text's validity cannot be set either.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.channels.sms.answers import failed, money, probed_object, taken, told, unreadable
from aftercall.channels.sms.callbacks import Keyword, explained, keyword, reference_of, with_reference
from aftercall.channels.sms.settings import ProviderSettings, Secret, keys
from aftercall.channels.sms.telnyx_errors import ERRORS, NOT_FROM
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Receipt, ReceiptStatus, Text
from aftercall.engine import vendor_signatures
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.taking import Object, inner, integer, many, record, text, word, written
from aftercall.engine.upstream import Question, Reply, Request

API = "https://api.telnyx.com"

# https://developers.telnyx.com/docs/messaging/messages/message-detail-records/index
STATUSES: dict[str, ReceiptStatus] = {
    "queued": "queued", "sending": "queued", "sent": "sent", "delivered": "delivered",
    "delivery_unconfirmed": "sent", "expired": "expired", "sending_failed": "failed",
    "delivery_failed": "undelivered", "gw_timeout": "failed", "dlr_timeout": "sent",
}  # fmt: skip
TIMES = {"message.sent": "sent_at", "message.finalized": "completed_at"}
KEYWORDS: dict[str, Keyword] = {
    "opt_out": "stop", "stop": "stop", "opt_in": "start", "start": "start", "help": "help", "info": "help",
}  # fmt: skip


class TelnyxSettings(ProviderSettings, frozen=True, kw_only=True):
    api_key: Annotated[
        Secret, Meta(title="API key", description="Portal, Account, Keys & Credentials, API Keys (V2).")
    ]
    public_key: Annotated[
        str,
        Meta(
            title="Public key",
            description="Portal, Account, Keys & Credentials, Public Key: webhooks are checked with it.",
            pattern="^[A-Za-z0-9+/]{43}=$",
            examples=["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
        ),
    ]
    messaging_profile_id: Annotated[
        str,
        Meta(
            title="Messaging profile",
            description="Needed for its pool of numbers and for sender names.",
            pattern="^([0-9A-Fa-f-]{36})?$",
        ),
    ] = ""


class Telnyx:
    title: str = "Telnyx"
    traits: Traits = Traits(keywords=True, signs=True)
    Settings: type[msgspec.Struct] = TelnyxSettings
    secrets: frozenset[str] = frozenset({"api_key"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        settings: TelnyxSettings = submission.settings
        sms = submission.sms
        body: dict[str, Any] = {"to": sms.to, "text": sms.text, "type": "SMS"}
        profile, sender = settings.messaging_profile_id, sms.sender or settings.sender
        if sms.sender_kind == "pool" and sms.sender:
            profile, sender = sms.sender, ""
        if sender:
            body["from"] = sender
        if profile:
            body["messaging_profile_id"] = profile
        if submission.callback_url is not None:
            body["webhook_url"] = with_reference(submission.callback_url, submission.reference)
        headers = (_login(settings), ("Content-Type", "application/json"))
        url = f"{settings.address(API)}/v2/messages"
        return Question(method="POST", url=url, headers=headers, body=msgspec.json.encode(body))

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        found = told(answer)
        data = inner(found, "data")
        refusal = _error(found) or _error(data)
        if refusal is not None:
            code, said, known = refusal
            return failed(self, submission, answer, code=code, said=said, known=known)
        id_ = word(data.get("id"))
        if not 200 <= answer.status < 300 or id_ is None:
            return unreadable(self, submission, answer)
        cost = inner(data, "cost")
        price, currency = money(cost.get("amount")), word(cost.get("currency"))
        return taken(answer, [id_], segments=integer(data.get("parts")), price=price, currency=currency)

    def verify(self, settings: Any, request: Request) -> None:
        vendor_signatures.telnyx(keys(settings.public_key), request)

    def hear(self, settings: Any, request: Request) -> Heard:
        data = inner(record(request.body), "data")
        payload, event = inner(data, "payload"), data.get("event_type")
        if event == "message.received":
            return Heard(texts=(_text(payload),), reply=Reply(200))
        if event in TIMES:
            raw, said, known = _receipt(data, payload, request)
            return Heard(receipts=(explained(self, raw, settings, said, known),), reply=Reply(200))
        if type(event) is not str or not payload:
            raise Unreadable("It is no webhook of Telnyx.")
        return Heard(reply=Reply(200))  # an event that says nothing of a text

    def probe(self, settings: Any) -> Question:
        return Question(url=f"{settings.address(API)}/v2/balance", headers=(_login(settings),))

    def probed(self, answer: Answer) -> str:
        data = inner(probed_object(self.title, answer), "data")
        amount, currency = money(data.get("available_credit")), word(data.get("currency")) or ""
        return f"Telnyx takes the login. Credit: {amount or 'not told'} {currency if amount else ''}".rstrip()


def _error(holder: Object) -> tuple[str | None, str | None, Known | None] | None:
    """Code, words and meaning of the first of the errors; None where there are none."""
    errors = [one for one in many(holder.get("errors")) if type(one) is dict]
    if not errors:
        return None
    code, title, detail = (text(errors[0].get(name)) for name in ("code", "title", "detail"))
    words = ", ".join(part for part in (title, detail) if part)
    about_sender = code == "40300" and bool(words) and "stop" not in words.casefold()
    return code, words or None, NOT_FROM if about_sender else None


def _receipt(data: Object, payload: Object, request: Request) -> tuple[Receipt, str | None, Known | None]:
    recipient = inner(next(iter(many(payload.get("to"))), None))
    status = word(recipient.get("status")) or ""
    code, said, known = _error(payload) or (None, None, None)
    cost = inner(payload, "cost")
    made = Receipt(
        provider_id=word(payload.get("id")),
        reference=reference_of(request),
        status=STATUSES.get(status, "queued"),
        provider_status=status[:50],
        provider_code=code,
        at=written(payload.get(TIMES[str(data.get("event_type"))])) or written(data.get("occurred_at")),
        segments=integer(payload.get("parts")) or None,
        price=(price := money(cost.get("amount"))),
        currency=word(cost.get("currency")) if price is not None else None,
    )
    return made, said, known


def _text(payload: Object) -> Text:
    from_ = word(inner(payload, "from").get("phone_number"))
    if from_ is None:
        raise Unreadable("The incoming message does not say who sent it.")
    return Text(
        provider_id=word(payload.get("id")),
        from_=from_[:50],
        to=(word(inner(next(iter(many(payload.get("to"))), None)).get("phone_number")) or "")[:50],
        text=text(payload.get("text")) or "",
        keyword=keyword(word(payload.get("autoresponse_type")), KEYWORDS),
        at=written(payload.get("received_at")),
    )


def _login(settings: TelnyxSettings) -> tuple[str, str]:
    return "Authorization", f"Bearer {settings.api_key}"


telnyx = Telnyx()
