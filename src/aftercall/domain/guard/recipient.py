"""Whether there is somebody to send to, and at an address that can receive it."""

import re

from aftercall.domain import phone
from aftercall.domain.guard.case import Case
from aftercall.domain.guard.decision import Check, failed, masked, passed, skipped, warned

_MAIL = re.compile(r"[^@\s<>\"(),;:\\\[\]]{1,64}@(?:[^\s@.]{1,63}\.)+[^\s@.]{2,63}")
_LONGEST_EXTENSION = 6  # digits; short codes have up to six, as far as we are concerned
_FINE = ("mobile", "landline_or_mobile", "personal")


def rule_enabled(case: Case) -> Check:
    code = "rule.enabled"
    if case.known.rule_enabled is None or case.intent.is_test:
        return skipped(code, "a test" if case.intent.is_test else "no post-call action is behind it")
    if not case.known.rule_enabled:
        return failed(code, "rule_disabled", "disabled", "enabled")
    return passed(code, "enabled", "enabled")


def duplicate(case: Case) -> Check:
    code = "trigger.duplicate"
    if case.intent.is_test:
        return skipped(code, "a test")
    if case.known.duplicate_of is not None:
        return failed(code, "duplicate", f"sent as {case.known.duplicate_of}", "not sent before")
    return passed(code, "not sent before", "not sent before")


def present(case: Case) -> Check:
    code, intent = "recipient.present", case.intent
    if intent.to:
        return passed(code, masked(intent.to))
    if not case.is_sms:
        return failed(code, "no_address", "none", "a mail address")
    raw = (intent.raw or "").strip()
    if intent.anonymous or (raw and phone.normalise(raw).presentation == "anonymous"):
        return failed(code, "anonymous_caller", "withheld", "a number")
    return passed(code, masked(raw)) if raw else failed(code, "no_number", "none", "a number")


def valid(case: Case) -> Check:
    code, intent = "number.valid", case.intent
    if not case.is_sms:
        return _valid_mail(code, intent.to)
    if not intent.to and _is_internal(intent.raw):
        return skipped(code, "an extension or short code, see number.internal")
    if not intent.to and (intent.anonymous or not phone.normalise(intent.raw).raw):
        return skipped(code, "there is no number")
    if not intent.to or phone.phone_type(intent.to) is None:
        return failed(code, "invalid_number", masked(intent.to or intent.raw or ""), "a number in use, E.164")
    return passed(code, f"{case.country or 'no country'}, {masked(intent.to)}", "a number in use, E.164")


def mobile(case: Case) -> Check:
    code = "number.mobile"
    if not case.is_sms:
        return skipped(code, "a mail")
    kind = phone.phone_type(case.intent.to)
    if kind is None:
        return skipped(code, "there is no valid number")
    if kind == "landline":
        return failed(code, "landline", kind, "mobile")
    if kind == "voip":
        return warned(code, "voip", kind, "mobile")
    if kind not in _FINE:
        return failed(code, "not_mobile", kind, "mobile")
    told = "mobile or landline: numbers of this country do not tell" if kind == "landline_or_mobile" else kind
    return passed(code, told, "mobile")


def internal(case: Case) -> Check:
    code, intent = "number.internal", case.intent
    if not case.is_sms:
        return skipped(code, "a mail")
    if not intent.to:
        if _is_internal(intent.raw):
            return failed(
                code, "internal_extension", f"{len((intent.raw or '').strip())} characters", "E.164"
            )
        return skipped(code, "there is no valid number")
    if intent.sms is not None and phone.digits(intent.sms.sender) == phone.digits(intent.to):
        return failed(code, "own_number", "the sender's number", "another number than the sender's")
    return passed(code, "outside")


def _valid_mail(code: str, address: str) -> Check:
    if not address:
        return skipped(code, "there is no address")
    if not _MAIL.fullmatch(address) or len(address) > 254:
        return failed(code, "invalid_address", masked(address)[:80], "an address such as ada@example.com")
    return passed(code, masked(address))


def _is_internal(raw: str | None) -> bool:
    """Extensions (101, *72), and names of lines (reception) that are no numbers at all."""
    number = phone.normalise(raw)
    if number.e164 is not None or not number.raw:
        return False
    digits = [char for char in number.raw if char.isdigit()]
    short = 0 < len(digits) <= _LONGEST_EXTENSION and not number.raw.startswith("+")
    return short or number.raw.isalpha()
