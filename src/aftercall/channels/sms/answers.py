"""What a provider's answer means, and what an admin reads of it: one sentence without secrets (S3).

A failure carries the class and the hint of its row in the provider's table; what is in no table is told by the
HTTP status. What may have been taken is in doubt: it is looked up or shown, never repeated (promise 12).
"""

import re
from collections.abc import Collection, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from aftercall.channels.waiting import retry_after
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.engine.messaging import Answer, Known, SmsProvider, Submission
from aftercall.engine.reading import decode
from aftercall.engine.taking import Object

LONGEST_SAID = 200  # characters of what a provider says
HIDDEN = "…"
SHORTEST_HIDDEN = 4  # characters: what is shorter is part of other words
DOUBT = "it may have been taken, so it is not sent again by itself"

UNLISTED = Known("unknown", "this code is not in AfterCall's table; the provider's documentation has it")
LOGIN = Known(
    "credentials",
    "it does not take the login in the connection's settings; nothing is tried again until that is put right",
)
BY_STATUS = {
    401: LOGIN,
    402: Known("credit", "the account has no credit left; top it up"),
    403: LOGIN,
    404: Known("config", "it knows no such account or address; check the connection's settings"),
    413: Known("content", "the request is too large"),
    429: Known("throttled", "too much at once; it is sent again later", retry=True),
}
REFUSED = Known("config", "it does not take the request; check the connection's settings and the sender")
REDIRECT = Known(
    "config", "it points to another address, which is never followed; check the address of the API"
)


def taken(
    answer: Answer,
    ids: Iterable[str | None],
    *,
    segments: int | None = None,
    price: str | None = None,
    currency: str | None = None,
) -> Outcome:
    """The provider has it. `price` is of the whole message."""
    return Outcome(
        ok=True,
        status_code=answer.status,
        provider_ids=tuple(id_ for id_ in ids if id_),
        segments=segments or None,
        price=price,
        currency=currency if price is not None else None,
    )


def failed(
    provider: SmsProvider,
    submission: Submission,
    answer: Answer,
    *,
    code: str | None = None,
    said: str | None = None,
    known: Known | None = None,
) -> Outcome:
    """The provider says no, for a reason of its table, of its status, or `known`. A server's error is in doubt,
    unless it is `known` what it means.
    """
    if known is None and is_doubtful(answer.status):
        why = f"{provider.title} answered {answer.status}"
        return in_doubt(submission, answer, f"{why}{_quoted(said, hidden(provider, submission))}", code=code)
    row = known or known_for(provider, code, answer.status)
    return Outcome(
        ok=False,
        error=row.error,
        detail=explain(provider.title, code or str(answer.status), said, row, hidden(provider, submission)),
        retry=row.retry,
        retry_after=retry_after(answer.status, answer.headers, submission.now),
        status_code=answer.status,
        provider_code=code,
        suppress=row.suppress,
    )


def in_doubt(
    submission: Submission, answer: Answer, why: str, *, code: str | None = None, ids: Iterable[str] = ()
) -> Outcome:
    """The provider may have it. The reference says which message the admin has to look for."""
    return Outcome(
        ok=False,
        error="unavailable" if answer.status >= 500 else "unknown",
        detail=f"{why}; {DOUBT} (reference {submission.reference})",
        retry=False,
        in_doubt=True,
        status_code=answer.status,
        provider_code=code,
        provider_ids=tuple(ids),
    )


def unreadable(provider: SmsProvider, submission: Submission, answer: Answer) -> Outcome:
    """Nobody can tell what the answer means. A success that cannot be read may be one."""
    if 200 <= answer.status < 300:
        return in_doubt(
            submission, answer, f"{provider.title} answered {answer.status}, but not what is expected"
        )
    return failed(provider, submission, answer)


def is_doubtful(status: int) -> bool:
    """Whether a request with such an answer may have been carried out: none of these providers says it was not."""
    return status >= 500 or status == 408


def known_for(provider: SmsProvider, code: str | None, status: int) -> Known:
    row = provider.errors.get(code) if code is not None else None
    if row is not None:
        return row
    if 300 <= status < 400:
        return REDIRECT
    return BY_STATUS.get(status) or (REFUSED if status >= 400 else UNLISTED)


def explain(title: str, code: str, said: str | None, row: Known, hide: Collection[str] = ()) -> str:
    """`Twilio says 21610 (Attempt to send to unsubscribed recipient): the recipient has opted out`."""
    return f"{title} says {code}{_quoted(said, hide)}: {row.hint}"


def hidden(provider: SmsProvider, submission: Submission) -> list[str]:
    """What no detail may hold: the secrets, the text, and whom it is for."""
    sms = submission.sms
    return [*secrets_in(provider, submission.settings), sms.text, sms.to, sms.to.removeprefix("+")]


def secrets_in(provider: SmsProvider, settings: Any) -> list[str]:
    values = [getattr(settings, name, None) for name in sorted(provider.secrets)]
    return [value for value in values if isinstance(value, str)]


def _quoted(said: str | None, hide: Collection[str]) -> str:
    shown = said or ""
    for secret in sorted(hide, key=len, reverse=True):
        if len(secret) >= SHORTEST_HIDDEN:
            shown = shown.replace(secret, HIDDEN)
    shown = re.sub(r"[\s\x00-\x1f\x7f]+", " ", shown).strip(" .")
    return f" ({shown[:LONGEST_SAID]})" if shown else ""


def told(answer: Answer) -> Object:
    """The JSON object of an answer; empty where there is none."""
    try:
        value = decode(answer.body)
    except Unreadable:
        return {}
    return value if type(value) is dict else {}


def money(value: Any) -> str | None:
    """A price as a decimal number without a sign: some providers write what they charge below zero."""
    if type(value) not in (str, int, float):
        return None
    try:
        amount = abs(Decimal(str(value).strip()[:40]))
    except InvalidOperation:
        return None
    return f"{amount:f}" if amount.is_finite() and abs(amount.adjusted()) < 12 else None


def probed_object(title: str, answer: Answer) -> Object:
    """The object that shows the login works. Raises Invalid with what is wrong."""
    if answer.status != 200:
        row = BY_STATUS.get(answer.status) or REFUSED
        hint = "it has a problem of its own; try again later" if answer.status >= 500 else row.hint
        raise Invalid(f"{title} answered {answer.status}: {hint}")
    found = told(answer)
    if not found:
        raise Invalid(
            f"{title} answered something else than its documentation says; check the address of the API."
        )
    return found
