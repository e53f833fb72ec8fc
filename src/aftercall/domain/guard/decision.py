"""The decision record: what the guard found about one message, check by check, and what follows (S5)."""

from datetime import datetime
from typing import Literal

import msgspec

from aftercall.domain import phone
from aftercall.domain.guard.codes import CHECKS, Severity
from aftercall.domain.message import Category, Override, Role

Result = Literal["pass", "fail", "warn", "skip"]
Outcome = Literal["send", "defer", "block", "override", "dry_run"]
ZoneSource = Literal["contact", "account", "number", "default"]
EVALUATOR_VERSION = "1"


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check. `reason` is the primary code it gives the decision; `until` the moment it would pass.

    An overridden check keeps its result. `observed` never holds the recipient's address in full.
    """

    code: str
    result: Result
    severity: Severity
    reason: str | None = None
    observed: str = ""
    expected: str = ""
    rule_ref: str | None = None
    until: datetime | None = None
    overridden: bool = False
    hint: str = ""
    doc_url: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a message goes, and why. `checks` is always the full list, in the order of `codes.CHECKS`.

    `would` is the outcome a dry run would have had. Times in `local_times` are the recipient's, by zone.
    """

    delivery_id: str
    channel: Literal["sms", "email"]
    call_id: str | None = None
    rule_id: str | None = None
    role: Role = "caller"
    to_masked: str
    country: str | None = None
    category: Category
    template_id: str | None = None
    sender: str = ""
    segments: int | None = None
    is_test: bool = False
    outcome: Outcome
    would: Literal["send", "defer", "block", "override"] | None = None
    primary_code: str | None = None
    defer_until: datetime | None = None
    evaluated_at: datetime
    evaluator_version: str = EVALUATOR_VERSION
    policies: dict[str, str] = {}
    zones: tuple[str, ...] = ()
    zone_source: ZoneSource = "default"
    local_times: dict[str, str] = {}
    override: Override | None = None
    cost_estimate: str | None = None  # a decimal number, of the whole message
    currency: str | None = None
    checks: tuple[Check, ...]

    @property
    def goes(self) -> bool:
        """Whether the message is handed over now."""
        return self.outcome in ("send", "override")


def passed(code: str, observed: str = "", expected: str = "", rule: str | None = None) -> Check:
    return _check(code, "pass", observed, expected, rule)


def skipped(code: str, why: str) -> Check:
    return _check(code, "skip", why)


def warned(code: str, reason: str, observed: str = "", expected: str = "", rule: str | None = None) -> Check:
    hint = CHECKS[code].reasons[reason]
    found = _check(code, "warn", observed, expected, rule)
    return msgspec.structs.replace(found, severity="warn", reason=reason, hint=hint)


def failed(
    code: str,
    reason: str,
    observed: str = "",
    expected: str = "",
    *,
    rule: str | None = None,
    severity: Severity | None = None,
    until: datetime | None = None,
) -> Check:
    """A check that stops the message, for good or, with `until`, for now. Severity `warn` lets it go."""
    if severity == "warn":
        return warned(code, reason, observed, expected, rule)
    spec = CHECKS[code]
    return msgspec.structs.replace(
        _check(code, "fail", observed, expected, rule),
        severity=severity or spec.severity,
        reason=reason,
        until=until,
        hint=spec.reasons[reason],
    )


def masked(address: str) -> str:
    """A number or mail address for people who may not see it."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    return phone.mask(address)


def _check(code: str, result: Result, observed: str, expected: str = "", rule: str | None = None) -> Check:
    spec = CHECKS[code]
    return Check(
        code=code,
        result=result,
        severity=spec.severity,
        observed=observed,
        expected=expected,
        rule_ref=rule,
        doc_url=spec.doc_url,
    )
