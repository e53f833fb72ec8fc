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
# First digits and lengths of the schemes, so that order numbers with a lucky check digit pass: Visa, Mastercard (two
# rows), American Express, Diners, JCB, Discover, RuPay. https://en.wikipedia.org/wiki/Payment_card_number
_SCHEMES = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|5\d\d|4[4-9]\d)\d{12}|60\d{14}|508\d{13}|8[12]\d{14}",
    re.ASCII,
)


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
    rules = case.of(Limits) or [Limits(id="default.content")]
    longest = min(rule.longest for rule in rules)
    longest = min(longest, case.known.longest or longest)
    most = min(rule.segments for rule in rules)
    segments = case.intent.sms.segments
    observed = f"{len(text)} characters, {segments} segments"
    expected = f"at most {longest} characters, {most} segments"
    if len(text) > longest or segments > most:
        return failed(code, "too_long", observed, expected, rule=rules[-1].id)
    return passed(code, observed, expected, rules[-1].id)


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
    """Whether the digits are those of a payment card: a scheme's first digits and length, and Luhn's check digit."""
    digits = re.sub(r"[ -]", "", written)
    return bool(_SCHEMES.fullmatch(digits)) and sum(_luhn([int(char) for char in digits])) % 10 == 0


def _luhn(digits: list[int]) -> Iterator[int]:
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * (1 + place % 2)
        yield doubled - 9 if doubled > 9 else doubled
