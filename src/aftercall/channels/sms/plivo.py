"""Plivo Messaging (S3, S5, S6). https://docs.plivo.com/docs/messaging/api/message/send-a-message

Plivo has no idempotency key, so a server's error is in doubt. Its list of messages knows neither text nor
reference: a submit without an answer cannot be looked up, but its receipt finds it by the callback URL.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.channels.sms.answers import failed, money, probed_object, taken, told, unreadable
from aftercall.channels.sms.callbacks import (
    Keyword,
    explained,
    fields,
    in_utc,
    international,
    keyword,
    reference_of,
    with_reference,
)
from aftercall.channels.sms.plivo_errors import ERRORS, WORDS
from aftercall.channels.sms.settings import ProviderSettings, Secret, basic, keys
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Category, Receipt, ReceiptStatus, Text
from aftercall.domain.phone import digits
from aftercall.engine import vendor_signatures
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.taking import integer, many, text, word
from aftercall.engine.upstream import Question, Reply, Request

API = "https://api.plivo.com"
VALIDITY = (5, 10_800)  # seconds
SILENCE = Reply(200, b"<Response/>", "text/xml")  # XML that says nothing: Plivo sends nothing in our name
CURRENCY = "USD"  # what Plivo charges is in US dollars; callbacks do not say so

STATUSES: dict[str, ReceiptStatus] = {
    "queued": "queued", "sent": "sent", "delivered": "delivered", "read": "delivered",
    "undelivered": "undelivered", "failed": "failed", "rejected": "rejected",
}  # fmt: skip
# MessageIntent of an incoming message: docs.plivo.com, messaging/api/message/handling-incoming
KEYWORDS: dict[str, Keyword] = {"optout": "stop", "optin": "start", "help": "help"}
CATEGORIES: dict[Category, str] = {
    "otp": "transactional", "transactional": "transactional", "service_implicit": "service_implicit",
    "conversational": "service_implicit", "service_explicit": "service_explicit", "promotional": "promotional",
}  # fmt: skip
# When a status came about, in UTC: messaging/api/message/message-status-callbacks
TIMES = {"sent": "SentTime", "queued": "QueuedTime"}


class PlivoSettings(ProviderSettings, frozen=True, kw_only=True):
    auth_id: Annotated[
        str,
        Meta(
            title="Auth ID",
            description="On the first page of the Plivo console; of an account or a subaccount.",
            pattern="^[A-Za-z0-9]{10,40}$",
            examples=["MAXXXXXXXXXXXXXXXXXX"],
        ),
    ]
    auth_token: Annotated[
        Secret, Meta(title="Auth token", description="Beside the auth ID. It signs the callbacks, too.")
    ]
    powerpack_uuid: Annotated[
        str,
        Meta(
            title="Powerpack",
            description="Its pool of numbers is used where there is no sender.",
            pattern="^([0-9A-Fa-f-]{36})?$",
        ),
    ] = ""
    log_texts: Annotated[
        bool,
        Meta(
            title="Keep texts at Plivo",
            description="If not, Plivo's log shows neither text nor whole number.",
        ),
    ] = True


class Plivo:
    title: str = "Plivo"
    traits: Traits = Traits(dlt=True, keywords=True, signs=True)
    Settings: type[msgspec.Struct] = PlivoSettings
    secrets: frozenset[str] = frozenset({"auth_token"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        settings: PlivoSettings = submission.settings
        sms = submission.sms
        body: dict[str, Any] = {"dst": digits(sms.to), "text": sms.text, "type": "sms"}
        sender = sms.sender or settings.sender
        if sms.sender_kind == "pool" and sms.sender:
            body["powerpack_uuid"] = sms.sender
        elif sender:
            body["src"] = digits(sender)
        elif settings.powerpack_uuid:
            body["powerpack_uuid"] = settings.powerpack_uuid
        if submission.callback_url is not None:
            body |= {"url": with_reference(submission.callback_url, submission.reference), "method": "POST"}
        if sms.validity_seconds is not None:
            body["message_expiry"] = max(VALIDITY[0], min(sms.validity_seconds, VALIDITY[1]))
        if not settings.log_texts:
            body["log"] = "false"
        if sms.dlt is not None:
            body |= {
                "dlt_entity_id": sms.dlt.entity_id,
                "dlt_template_id": sms.dlt.template_id,
                "dlt_template_category": CATEGORIES[sms.category],
            }
        headers = (basic(settings.auth_id, settings.auth_token), ("Content-Type", "application/json"))
        return Question(
            method="POST",
            url=f"{_account(settings)}/Message/",
            headers=headers,
            body=msgspec.json.encode(body),
        )

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        found = told(answer)
        ids = [word(id_) for id_ in many(found.get("message_uuid"))]
        if 200 <= answer.status < 300 and any(ids):
            return taken(answer, ids)
        if many(found.get("invalid_number")):  # taken for the others, and there are no others
            return failed(self, submission, answer, code="50", said="invalid_number")
        said = text(found.get("error"))
        if said is None:
            return unreadable(self, submission, answer)
        code = next((code for words, code in WORDS.items() if words in said.casefold()), None)
        return failed(self, submission, answer, code=code, said=said)

    def verify(self, settings: Any, request: Request) -> None:
        """V3, which covers the fields, where Plivo sends it; texts have V2, which covers the URL alone."""
        secrets = keys(settings.auth_token)
        if "x-plivo-signature-v3" in request.headers:
            vendor_signatures.plivo(secrets, request)
        else:
            vendor_signatures.plivo_of_texts(secrets, request)

    def hear(self, settings: Any, request: Request) -> Heard:
        params = fields(request)
        if status := params.get("Status"):
            return Heard(
                receipts=(explained(self, _receipt(params, status, request), settings),), reply=SILENCE
            )
        said = params.get("Text", params.get("Body"))  # a picture's caption is a body
        if not params.get("From") or said is None:
            raise Unreadable("It is neither a status callback nor an incoming message.")
        came = Text(
            provider_id=word(params.get("MessageUUID")),
            from_=international(params["From"][:50]),
            to=international(params.get("To", "")[:50]),
            text=said,
            keyword=keyword(params.get("MessageIntent"), KEYWORDS),
        )
        return Heard(texts=(came,), reply=SILENCE)

    def probe(self, settings: Any) -> Question:
        return Question(url=f"{_account(settings)}/", headers=(basic(settings.auth_id, settings.auth_token),))

    def probed(self, answer: Answer) -> str:
        credits_ = money(probed_object(self.title, answer).get("cash_credits"))
        return (
            f"Plivo takes the login. Credit: {credits_ or 'not told'} {CURRENCY if credits_ else ''}".rstrip()
        )


def _receipt(params: Mapping[str, str], status: str, request: Request) -> Receipt:
    code = word(params.get("ErrorCode"))
    expired = code == "420"
    time = params.get(TIMES.get(status, "DeliveryReportTime"))
    return Receipt(
        provider_id=word(params.get("MessageUUID")),
        reference=reference_of(request),
        status="expired" if expired else STATUSES.get(status, "queued"),
        provider_status=status[:50],
        provider_code=None if code == "000" else code,
        at=in_utc(time, "%Y-%m-%d %H:%M:%S.%f") or in_utc(time, "%Y-%m-%d %H:%M:%S"),
        segments=integer(params.get("Units")) or None,
        price=(price := money(params.get("TotalAmount"))),
        currency=CURRENCY if price is not None else None,
    )


def _account(settings: PlivoSettings) -> str:
    return f"{settings.address(API)}/v1/Account/{settings.auth_id}"


plivo = Plivo()
