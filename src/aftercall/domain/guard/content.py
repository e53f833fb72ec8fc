"""What the message says: complete, of a sensible length, without secrets, with links that carriers let pass."""

import re
from collections.abc import Iterator

from aftercall.domain.guard.case import Case
from aftercall.domain.guard.decision import Check, failed, passed, skipped, warned
from aftercall.domain.guard.permission import PROMOTIONAL
from aftercall.domain.guard.policy import Limits

_LEFT_OVER = re.compile(r"\{\{[^}]{0,80}\}\}|\{#[^}]{0,30}#\}")
_CARD = re.compile(r"(?<![\d+])\d(?:[ -]?\d){12,18}(?!\d)", re.ASCII)
_US_SOCIAL = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])", re.ASCII)
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>]+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/[^\s<>]+", re.IGNORECASE
)
_NUMBER = re.compile(r"\+?\d[\d\s().-]{4,}\d", re.ASCII)
_SHORTEST_CARD = 13  # digits; ISO/IEC 7812 has 12 to 19, schemes in use have at least 13
# Card schemes begin with: American Express, Diners, JCB 3; Visa 4; Mastercard 2 and 5; Maestro, Discover, RuPay 6.
_ISSUED = "23456"


def complete(case: Case) -> Check:
    code = "content.unresolved_placeholder"
    missing = case.intent.message.missing
    if missing:
        return failed(code, "placeholder_missing", ", ".join(missing)[:300], "a value for each")
    left = _LEFT_OVER.findall(_text(case))
    if left:
        return failed(code, "placeholder_missing", ", ".join(left)[:300], "a value for each")
    return passed(code, "none missing", "a value for each")


def length(case: Case) -> Check:
    code, text = "content.length", case.intent.message.text
    if not text.strip():
        return failed(code, "empty", "empty", "a text")
    if not case.is_sms or case.intent.sms is None:
        return passed(code, f"{len(text)} characters")
    rule = next(iter(case.of(Limits)), Limits(id="default.content"))
    longest = min(rule.longest, case.known.longest or rule.longest)
    segments = case.intent.sms.segments
    observed = f"{len(text)} characters, {segments} segments"
    expected = f"at most {longest} characters, {rule.segments} segments"
    if len(text) > longest or segments > rule.segments:
        return failed(code, "too_long", observed, expected, rule=rule.id)
    return passed(code, observed, expected, rule.id)


def sensitive(case: Case) -> Check:
    code, text = "content.sensitive", _text(case)
    if any(_is_card(found) for found in _CARD.findall(text)):
        return failed(code, "sensitive_content", "a payment card's number", "no card or identity numbers")
    if _US_SOCIAL.search(text):
        return failed(code, "sensitive_content", "a US social security number", "no card or identity numbers")
    return passed(code, "none found", "no card or identity numbers")


def links(case: Case) -> Check:
    code, sms = "content.link", case.intent.sms
    if not case.is_sms or sms is None:
        return skipped(code, "a mail")
    shorteners = {host for rule in case.of(Limits) for host in rule.shorteners}
    found = _LINK.findall(sms.text)
    shared = sorted({_host(link) for link in found} & shorteners)
    if shared:
        return warned(code, "shared_shortener", ", ".join(shared), "links of your own domain")
    silent = sms.sender_kind in ("alphanumeric", "dlt_header") or (
        case.known.sender is not None and not case.known.sender.replies
    )
    if silent and case.intent.category in PROMOTIONAL and not found and not _NUMBER.search(sms.text):
        return warned(code, "no_way_out", "neither link nor number", "a way to opt out in the text")
    return passed(code, f"{len(found)} links")


def _text(case: Case) -> str:
    if case.intent.email is not None:
        email = case.intent.email
        return f"{email.subject}\n{email.text}"
    return case.intent.message.text


def _host(link: str) -> str:
    host = re.split(r"[/?#:]", re.sub(r"^https?://", "", link.casefold()), maxsplit=1)[0]
    return host.removeprefix("www.")


def _is_card(written: str) -> bool:
    """Whether the digits are those of a payment card: an issuer's first digit and Luhn's check digit."""
    digits = [int(char) for char in written if char.isdigit()]
    return len(digits) >= _SHORTEST_CARD and written[0] in _ISSUED and sum(_luhn(digits)) % 10 == 0


def _luhn(digits: list[int]) -> Iterator[int]:
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * (1 + place % 2)
        yield doubled - 9 if doubled > 9 else doubled
