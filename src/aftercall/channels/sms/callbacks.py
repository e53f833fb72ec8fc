"""What providers' callbacks have in common: fields wherever they stand, our reference, numbers, receipts (S5, S6)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, quote

from msgspec.structs import replace

from aftercall.channels.sms.answers import HIDDEN, explain, known_for, secrets_in
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Receipt, ReceiptStatus
from aftercall.engine.messaging import Known, SmsProvider
from aftercall.engine.taking import form, record, text, word
from aftercall.engine.upstream import Request

Keyword = Literal["stop", "start", "help"]
REFERENCE = "reference"  # the parameter of the callback URL that says which message a receipt is about
NOT_SAID = Known("unknown", "it does not say why")
FAILED: tuple[ReceiptStatus, ...] = ("undelivered", "expired", "rejected", "failed")
_NUMBERS = re.compile(r"\+?\d{7,}")


def with_reference(url: str, reference: str) -> str:
    """The callback URL for one message: its receipts are found even where the submit had no answer."""
    return f"{url}{'&' if '?' in url else '?'}{REFERENCE}={quote(reference, safe='')}"


def reference_of(request: Request) -> str | None:
    return word(dict(parse_qsl(request.query)).get(REFERENCE))


def fields(request: Request) -> dict[str, str]:
    """The fields of a callback, whether it is a form, JSON or a GET. Raises Unreadable."""
    if request.body.lstrip()[:1] == b"{":
        found = {name: text(value) or "" for name, value in record(request.body).items()}
    elif request.body:
        found = dict(form(request.body))
    else:
        found = dict(form(request.query.encode(errors="replace")))
        found.pop(REFERENCE, None)
    if not found:
        raise Unreadable("The callback is empty.")
    return found


def explained(
    provider: SmsProvider,
    receipt: Receipt,
    settings: Any,
    said: str | None = None,
    known: Known | None = None,
) -> Receipt:
    """A failure's receipt with the class and hint of its code. Raises Unreadable where it is about no message."""
    if receipt.provider_id is None and receipt.reference is None:
        raise Unreadable("The receipt does not say which message it is about.")
    if receipt.status not in FAILED:
        return replace(receipt, provider_code=None)
    code = receipt.provider_code
    row = known or (known_for(provider, code, 0) if code else NOT_SAID)
    shown = code or receipt.provider_status or receipt.status
    detail = explain(provider.title, shown, said, row, secrets_in(provider, settings))
    return replace(receipt, error=row.error, detail=detail, suppress=row.suppress)


def without_numbers(said: str) -> str:
    """Somebody's words without telephone numbers, in whatever form they repeat the recipient's."""
    return _NUMBERS.sub(HIDDEN, said)


def international(number: str) -> str:
    """A number that a provider writes without its plus. Short codes and names stay as they are."""
    return f"+{number}" if number.isascii() and number.isdigit() and 8 <= len(number) <= 15 else number


def in_utc(value: str | None, form: str) -> datetime | None:
    """A time written without a zone by somebody who says that it is UTC."""
    try:
        at = datetime.strptime((value or "").strip(), form).replace(tzinfo=UTC)
    except ValueError:
        return None
    return at if 2000 <= at.year < 2200 else None


def keyword(value: str | None, known: Mapping[str, Keyword]) -> Keyword | None:
    return known.get((value or "").strip().casefold())
