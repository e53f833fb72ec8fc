"""Exotel, for India (S3, S5, S6). https://developer.exotel.com/docs/sms-api/api-reference/send-sms

Exotel signs nothing. A submit without an answer cannot be looked up, as its API finds a text by its Sid only; the
receipt finds it by the callback's address and by CustomField.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from aftercall.channels.sms.answers import BY_STATUS, REFUSED, failed, money, taken, told, unreadable
from aftercall.channels.sms.callbacks import explained, fields, reference_of, with_reference, without_numbers
from aftercall.channels.sms.exotel_errors import ERRORS, SENTENCES
from aftercall.channels.sms.settings import ProviderSettings, Secret, basic
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Category, Receipt, ReceiptStatus, Text
from aftercall.domain.phone import normalise
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.taking import inner, integer, text, word
from aftercall.engine.upstream import Question, Reply, Request

REGIONS = {"singapore": "https://api.exotel.com", "mumbai": "https://api.in.exotel.com"}
# Exotel writes its times without a zone: a text that was never sent has 1970-01-01 05:30:00, Indian time.
INDIA = ZoneInfo("Asia/Kolkata")
SILENCE = Reply(
    200, b"", "text/plain"
)  # what an incoming text is answered with is sent to the person: nothing
TYPES: dict[Category, str] = {
    "otp": "transactional", "transactional": "transactional", "service_implicit": "transactional",
    "conversational": "transactional", "service_explicit": "transactional_opt_in", "promotional": "promotional",
}  # fmt: skip
# `sent` means delivered on some of Exotel's pages and handed to the operator on others: DetailedStatus decides.
STATUSES: dict[str, ReceiptStatus] = {
    "queued": "queued", "sending": "queued", "submitted": "sent", "sent": "sent", "delivered": "delivered",
    "failed": "failed", "failed_dnd": "rejected", "failed-dnd": "rejected", "expired": "expired",
    "undelivered": "undelivered",
}  # fmt: skip
DETAILED: dict[str, ReceiptStatus] = {
    "DELIVERED_TO_HANDSET": "delivered", "DELIVERED_TO_OPERATOR": "sent", "SUBMITTED_TO_CARRIER": "sent",
    "FAILED_EXPIRED": "expired",
}  # fmt: skip


class ExotelSettings(ProviderSettings, frozen=True, kw_only=True):
    account_sid: Annotated[
        str,
        Meta(
            title="Account SID",
            description="In the dashboard, API settings.",
            pattern="^[A-Za-z0-9_-]{1,64}$",
            examples=["acme1"],
        ),
    ]
    api_key: Annotated[str, Meta(title="API key", description="On the same page.", pattern="^[!-~]{1,200}$")]
    api_token: Annotated[Secret, Meta(title="API token", description="Beside the API key.")]
    region: Annotated[
        Literal["singapore", "mumbai"],
        Meta(title="Region", description="Where the account is; the dashboard shows it as subdomain."),
    ] = "singapore"


class Exotel:
    title: str = "Exotel"
    traits: Traits = Traits(dlt=True, domestic="IN", longest=2000)
    Settings: type[msgspec.Struct] = ExotelSettings
    secrets: frozenset[str] = frozenset({"api_token"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        settings: ExotelSettings = submission.settings
        sms = submission.sms
        body = {
            "From": sms.sender or settings.sender,
            "To": sms.to,
            "Body": sms.text,
            "EncodingType": "unicode" if sms.encoding == "ucs2" else "plain",
            "CustomField": submission.reference,
        }
        if submission.callback_url is not None:
            body["StatusCallback"] = with_reference(submission.callback_url, submission.reference)
        if sms.dlt is not None:
            body |= {
                "DltEntityId": sms.dlt.entity_id,
                "DltTemplateId": sms.dlt.template_id,
                "SmsType": TYPES[sms.category],
            }
        return Question(
            method="POST",
            url=f"{_account(settings)}/Sms/send.json",
            headers=(
                basic(settings.api_key, settings.api_token),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ),
            body=urlencode(body).encode(),
        )

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        found = told(answer)
        message = inner(found, "SMSMessage")
        detailed = word(message.get("DetailedStatus")) or ""
        if 200 <= answer.status < 300 and message:
            if detailed in ERRORS or str(message.get("Status")).casefold().startswith("failed"):
                number = word(message.get("DetailedStatusCode"))
                code = detailed or "FAILED_UNKNOWN_ERROR"
                return failed(self, submission, answer, code=code, said=number)
            return taken(answer, [word(message.get("Sid"))], segments=integer(message.get("SmsUnits")))
        refusal = inner(found, "RestException") or inner(found, "TwilioResponse", "RestException")
        said = text(refusal.get("Message"))
        if said is None:
            return unreadable(self, submission, answer)
        # A 403 may be the login, the credit or the account: only the sentence tells.
        sentence = next((one for one in SENTENCES if one.casefold() in said.casefold()), None)
        said = None if sentence is not None else without_numbers(said)
        return failed(self, submission, answer, code=sentence, said=said)

    def verify(self, settings: Any, request: Request) -> None:
        """Exotel signs nothing: the token in the callback's address is all there is."""

    def hear(self, settings: Any, request: Request) -> Heard:
        params = fields(request)
        if params.get("Status") and params.get("SmsSid"):
            number = word(params.get("DetailedStatusCode"))
            receipt = explained(self, _receipt(params, request), settings, number)
            return Heard(receipts=(receipt,), reply=SILENCE)
        if params.get("From") and "Body" in params:
            return Heard(texts=(_text(params),), reply=SILENCE)
        raise Unreadable("It is neither a status callback nor an incoming text.")

    def probe(self, settings: Any) -> Question:
        """A text that does not exist: whoever may ask is told so."""
        login = basic(settings.api_key, settings.api_token)
        return Question(url=f"{_account(settings)}/SMS/Messages/none.json", headers=(login,))

    def probed(self, answer: Answer) -> str:
        if answer.status in (200, 404) and ("SMSMessage" in told(answer) or "RestException" in told(answer)):
            return "Exotel takes the login."
        row = BY_STATUS.get(answer.status) or REFUSED
        raise Invalid(f"Exotel answered {answer.status}: {row.hint}")


def _account(settings: ExotelSettings) -> str:
    return f"{settings.address(REGIONS[settings.region])}/v1/Accounts/{settings.account_sid}"


def _receipt(params: Mapping[str, str], request: Request) -> Receipt:
    said, detailed = params["Status"], word(params.get("DetailedStatus")) or ""
    status = DETAILED.get(detailed) or STATUSES.get(said.casefold())
    return Receipt(
        provider_id=word(params["SmsSid"]),
        reference=reference_of(request) or word(params.get("CustomField")),
        status=status or ("failed" if detailed in ERRORS else "sent"),
        provider_status=said[:50],
        provider_code=detailed or ("FAILED_DND" if status == "rejected" else "FAILED_UNKNOWN_ERROR"),
        at=_time(params.get("DateSent") or params.get("DateUpdated")),
        segments=integer(params.get("SmsUnits")) or None,
        price=money(params.get("Price")),
    )


def _text(params: Mapping[str, str]) -> Text:
    """Numbers of India may come without their country."""
    return Text(
        provider_id=word(params.get("SmsSid")),
        from_=normalise(params["From"][:50], "IN").best or params["From"][:50],
        to=normalise(params.get("To", "")[:50], "IN").best or "",
        text=params["Body"],
        at=_time(params.get("Date")),
    )


def _time(written: str | None) -> datetime | None:
    try:
        at = datetime.strptime((written or "").strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=INDIA)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.year >= 2000 else None


exotel = Exotel()
