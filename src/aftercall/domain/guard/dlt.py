"""India's DLT register: entity, header, template and variables of a text by a domestic route (S2, S3)."""

import re

from aftercall.domain.guard.case import Case
from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.decision import Check, failed, passed, skipped
from aftercall.domain.guard.policy import Registry
from aftercall.domain.message import Sms

_REGISTERED = re.compile(
    r"\d{1,19}", re.ASCII
)  # ids have about 19 digits; gateways differ, so fewer are let pass
# Promotional headers are six digits, all others letters, by now mostly six of them; the suffixes -P, -S, -T and -G
# are the operators' to add. https://developer.exotel.com/docs/sms-support/sender-id
_PROMOTIONAL = re.compile(r"\d{6}", re.ASCII)
_SERVICE = re.compile(r"[A-Za-z]{3,6}", re.ASCII)


def entity(case: Case) -> Check:
    code = "dlt.entity"
    if (why := _not_asked(case)) is not None:
        return skipped(code, why)
    mine = _sms(case).dlt
    sender = case.known.sender
    if mine is None or not _REGISTERED.fullmatch(mine.entity_id):
        return _fails(
            case, code, "dlt_entity_missing", mine.entity_id[:30] if mine else "none", "up to 19 digits"
        )
    if sender is not None and sender.dlt_entity_id and sender.dlt_entity_id != mine.entity_id:
        return _fails(case, code, "dlt_entity_mismatch", mine.entity_id, sender.dlt_entity_id)
    return passed(code, mine.entity_id)


def header(case: Case) -> Check:
    code = "dlt.header"
    if (why := _not_asked(case)) is not None:
        return skipped(code, why)
    promotional = case.intent.category == "promotional"
    expected = "6 digits" if promotional else "3 to 6 letters"
    value = _sms(case).sender
    if not (_PROMOTIONAL if promotional else _SERVICE).fullmatch(value):
        return _fails(case, code, "dlt_header_invalid", value[:20] or "none", expected)
    return passed(code, value, expected)


def template(case: Case) -> Check:
    code = "dlt.template"
    if (why := _not_asked(case)) is not None:
        return skipped(code, why)
    mine = _sms(case).dlt
    if mine is None or not _REGISTERED.fullmatch(mine.template_id):
        return _fails(
            case, code, "dlt_template_missing", mine.template_id[:30] if mine else "none", "up to 19 digits"
        )
    return _problem(case, code) or passed(code, mine.template_id, "the registered text")


def variables(case: Case) -> Check:
    code = "dlt.variables"
    if (why := _not_asked(case)) is not None:
        return skipped(code, why)
    return _problem(case, code) or passed(code, f"{len(_sms(case).variables)} variables", "as registered")


def _problem(case: Case, code: str) -> Check | None:
    """What the matcher of templates found, where it belongs to this check."""
    if case.known.dlt_problem is None:
        return None
    reason, detail = case.known.dlt_problem
    if reason in CHECKS[code].reasons:
        return _fails(case, code, reason, detail, "as registered")
    known = any(reason in CHECKS[name].reasons for name in ("dlt.template", "dlt.variables"))
    if code == "dlt.template" and not known:
        return _fails(case, code, "dlt_template_mismatch", f"{reason}: {detail}", "as registered")
    return None


def _fails(case: Case, code: str, reason: str, observed: str, expected: str) -> Check:
    rule = case.of(Registry)[0]
    return failed(code, reason, observed, expected, rule=rule.id, severity=rule.action)


def _not_asked(case: Case) -> str | None:
    """Why the register has no say; None where it has."""
    if not case.is_sms:
        return "a mail"
    if not case.of(Registry):
        return "not asked for in this country"
    sms = _sms(case)
    if case.known.dlt_route or sms.dlt is not None or sms.sender_kind == "dlt_header":
        return None
    return "an international route, which knows no DLT"


def _sms(case: Case) -> Sms:
    if case.intent.sms is None:
        raise ValueError("a check of texts was asked about a mail")
    return case.intent.sms
