"""Vonage SMS API, formerly Nexmo (S3, S5, S6). https://developer.vonage.com/en/api/sms

Vonage answers 200 whatever happens: the statuses inside tell, one a part. It has no idempotency key, so an error of
its server is in doubt; its Reports API, which is paid for by use, finds a message by our reference.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from aftercall.channels.sms.answers import failed, in_doubt, money, probed_object, taken, told, unreadable
from aftercall.channels.sms.callbacks import explained, fields, in_utc, international
from aftercall.channels.sms.settings import ApiBase, ProviderSettings, Secret, basic, keys
from aftercall.channels.sms.vonage_errors import ERRORS, RECEIPT
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Receipt, ReceiptStatus, Text
from aftercall.domain.phone import digits
from aftercall.engine import vendor_signatures
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.taking import inner, many, text, word
from aftercall.engine.upstream import Question, Reply, Request
from aftercall.engine.vendor_signatures import SigMethod

API = "https://rest.nexmo.com"
REPORTS = "https://api.nexmo.com"
VALIDITY = (20, 604_800)  # seconds
LONGEST_CALLBACK = 100  # characters; a longer one is refused (status 3)
CLOCKS = timedelta(seconds=30)  # by which Vonage's clock and ours may differ
# Prices and balances are in euros: https://developer.vonage.com/en/api/sms, response
CURRENCY = "EUR"

STATUSES: dict[str, ReceiptStatus] = {
    "accepted": "sent", "buffered": "sent", "unknown": "sent", "delivered": "delivered", "expired": "expired",
    "failed": "failed", "rejected": "rejected", "undeliverable": "undelivered",
}  # fmt: skip
# Statuses of records: https://developer.vonage.com/en/api/reports
REPORTED_FAILED = frozenset({"failed", "rejected", "deleted"})


class VonageSettings(ProviderSettings, frozen=True, kw_only=True):
    api_key: Annotated[
        str,
        Meta(
            title="API key",
            description="On the first page of the Vonage dashboard.",
            pattern="^[A-Za-z0-9]{4,40}$",
            examples=["abcd1234"],
        ),
    ]
    api_secret: Annotated[Secret, Meta(title="API secret", description="Beside the API key.")]
    signature_secret: Annotated[
        str,
        Meta(
            title="Signature secret",
            description="From the dashboard's API settings, where callbacks are signed. Without it they are told by "
            "the token in their address alone.",
            max_length=500,
        ),
    ] = ""
    signature_method: Annotated[
        SigMethod, Meta(title="Signature method", description="As the dashboard's API settings have it.")
    ] = "md5hash"
    reports_base: Annotated[ApiBase | None, Meta(title="Address of the Reports API")] = None


class Vonage:
    title: str = "Vonage"
    traits: Traits = Traits(looks_up=True, dlt=True, signs=True, longest=3200)
    Settings: type[msgspec.Struct] = VonageSettings
    secrets: frozenset[str] = frozenset({"api_secret", "signature_secret"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        settings: VonageSettings = submission.settings
        sms = submission.sms
        form = {
            "from": digits(sms.sender or settings.sender),
            "to": digits(sms.to),
            "text": sms.text,
            "type": "unicode" if sms.encoding == "ucs2" else "text",
            "client-ref": submission.reference,
        }
        if submission.callback_url is None:
            form["status-report-req"] = "false"
        elif len(submission.callback_url) <= LONGEST_CALLBACK:
            form["callback"] = (
                submission.callback_url
            )  # else the dashboard's is called: docs/channels/vonage.md
        if sms.validity_seconds is not None:
            form["ttl"] = str(1000 * max(VALIDITY[0], min(sms.validity_seconds, VALIDITY[1])))
        if sms.dlt is not None:
            form |= {"entity-id": sms.dlt.entity_id, "content-id": sms.dlt.template_id}
        headers = (_login(settings), ("Content-Type", "application/x-www-form-urlencoded"))
        url = f"{settings.address(API)}/sms/json"
        return Question(method="POST", url=url, headers=headers, body=urlencode(form).encode())

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        parts = [part for part in many(told(answer).get("messages")) if type(part) is dict]
        bad = next((part for part in parts if word(part.get("status")) != "0"), None)
        ids = [id_ for part in parts if (id_ := word(part.get("message-id")))]
        if bad is None and ids and 200 <= answer.status < 300:
            prices = [
                Decimal(price) for part in parts if (price := money(part.get("message-price"))) is not None
            ]
            price = str(sum(prices)) if len(prices) == len(parts) else None
            return taken(answer, ids, segments=len(parts), price=price, currency=CURRENCY)
        code = word(bad.get("status")) if bad is not None else None
        if code is None:
            return unreadable(self, submission, answer)
        if any(word(part.get("status")) == "0" for part in parts):
            return in_doubt(
                submission, answer, f"Vonage took some parts, but says {code} of one", code=code, ids=ids
            )
        if code == "5":  # its page does not say whether the message was queued before the error
            return in_doubt(submission, answer, "Vonage says 5, an error of its own", code=code)
        return failed(self, submission, answer, code=code, said=text(bad and bad.get("error-text")))

    def verify(self, settings: Any, request: Request) -> None:
        """A JWT, or the parameter `sig`: which of them is the account's choice. Signing has to be switched on."""
        secrets = keys(settings.signature_secret)
        if not secrets:
            return
        if "authorization" in request.headers:
            vendor_signatures.vonage(secrets, request)
        else:
            _verify_sig(secrets, settings.signature_method, request)

    def hear(self, settings: Any, request: Request) -> Heard:
        params = fields(request)
        if "status" in params:
            return Heard(receipts=(explained(self, _receipt(params), settings),), reply=Reply(200))
        if not params.get("msisdn") or not params.keys() & {"text", "type"}:
            raise Unreadable("It is neither a delivery receipt nor an incoming text.")
        # The parts of a long text come one by one; Vonage puts none together. A STOP has one part.
        came = Text(
            provider_id=word(params.get("messageId")),
            from_=international(params["msisdn"][:50]),
            to=international(params.get("to", "")[:50]),
            text=params.get("text", ""),  # a binary message has none
            at=in_utc(params.get("message-timestamp"), "%Y-%m-%d %H:%M:%S"),
        )
        return Heard(texts=(came,), reply=Reply(200))

    def look_up(self, submission: Submission, since: datetime) -> Question:
        """The messages to this number since then, with our references."""
        settings: VonageSettings = submission.settings
        query = {
            "account_id": settings.api_key, "product": "SMS", "direction": "outbound",
            "to": digits(submission.sms.to),
            "date_start": _stamp(since - CLOCKS), "date_end": _stamp(submission.now), "show_concatenated": "true",
        }  # fmt: skip
        base = (settings.reports_base or REPORTS).rstrip("/")
        return Question(url=f"{base}/v2/reports/records?{urlencode(query)}", headers=(_login(settings),))

    def looked_up(self, submission: Submission, answer: Answer) -> Outcome | None:
        records = told(answer).get("records")
        if answer.status != 200 or type(records) is not list:
            raise Unreadable(f"Vonage answered {answer.status} when it was asked for the message.")
        ours = [one for one in many(records) if inner(one).get("client_ref") == submission.reference]
        if not ours:
            return None
        first = ours[0]
        if str(first.get("status")).casefold() in REPORTED_FAILED:
            code = f"{RECEIPT}{word(first.get('error_code')) or 1}"
            return failed(self, submission, answer, code=code, said=text(first.get("error_code_description")))
        return taken(answer, [word(one.get("message_id")) for one in ours], segments=len(ours))

    def probe(self, settings: Any) -> Question:
        return Question(url=f"{settings.address(API)}/account/get-balance", headers=(_login(settings),))

    def probed(self, answer: Answer) -> str:
        amount = money(probed_object(self.title, answer).get("value"))
        return (
            f"Vonage takes the login. Balance: {amount or 'not told'} {CURRENCY if amount else ''}".rstrip()
        )


def _receipt(params: Mapping[str, str]) -> Receipt:
    """One part's. Its price is not that of the whole message, so it is left out."""
    code = word(params.get("err-code"))
    return Receipt(
        provider_id=word(params.get("messageId")),
        reference=word(params.get("client-ref")),
        status=STATUSES.get(params["status"].casefold(), "queued"),
        provider_status=params["status"][:50],
        provider_code=None if code in (None, "0") else f"{RECEIPT}{code}",
        at=in_utc(params.get("message-timestamp"), "%Y-%m-%d %H:%M:%S"),
    )


def _verify_sig(secrets: list[bytes], method: SigMethod, request: Request) -> None:
    try:
        params = fields(request)
    except Unreadable:
        params = {}
    vendor_signatures.vonage_parameters(secrets, params, method, request.now)


def _login(settings: VonageSettings) -> tuple[str, str]:
    return basic(settings.api_key, settings.api_secret)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


vonage = Vonage()
