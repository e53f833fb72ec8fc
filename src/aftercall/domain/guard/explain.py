"""Decisions and rules in words: what, why, and what to do; for the command line, the console, the documentation."""

from datetime import datetime

from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.decision import Check, Decision
from aftercall.domain.guard.policy import (
    DAYS,
    Agreement,
    Cap,
    Limits,
    Overridable,
    Refused,
    Registration,
    Registry,
    Rule,
    Window,
    Zone,
)
from aftercall.domain.guard.window import zone_named

_ACTIONS = {"defer": "waits", "block": "blocked", "warn": "a warning"}
_VERBS = {
    "send": "Goes",
    "defer": "Waits",
    "block": "Blocked",
    "override": "Goes, overridden",
}


def explain(decision: Decision) -> str:
    """The outcome, then each check that stops the message or is worth knowing, with what to do about it."""
    lines = [_outcome(decision), _message(decision)]
    for check in decision.checks:
        if check.overridden:
            lines.append(_told("over", check))
        elif check.result in ("fail", "warn"):
            lines += [_told(check.result, check), f"       {check.hint}."]
    if decision.override is not None:
        lines.append(f"  overridden by {decision.override.by}: {decision.override.reason}")
    passed = sum(check.result == "pass" for check in decision.checks)
    skipped = sum(check.result == "skip" for check in decision.checks)
    lines.append(f"  {passed} checks passed, {skipped} do not apply.")
    return "\n".join(lines)


def in_short(decision: Decision) -> str:
    """One line, for lists: what it is, to whom, and what follows, with the first reason."""
    what = "Mail" if decision.channel == "email" else "Text"
    to = f"{what} to {decision.to_masked or 'nobody'}"
    outcome = decision.would or decision.outcome
    if outcome == "send":
        return f"{to}: the guard lets it go"
    if outcome == "override":
        by = decision.override.by if decision.override else "a person"
        return f"{to}: goes, overridden by {by}"
    why = reason_in_words(decision)
    if outcome == "defer":
        at = _moment(decision.defer_until, decision) if decision.defer_until else "another time"
        return f"{to} not sent yet: {why}; looked at again at {at}"
    return f"{to} not sent: {why}"


def reason_in_words(decision: Decision) -> str:
    """The reason that counted, with what was found."""
    code = (decision.primary_code or "").replace("_", " ")
    found = stopping(decision)
    return f"{code} ({found.observed})" if found is not None and found.observed else code


def stopping(decision: Decision) -> Check | None:
    """The check that gave the decision its reason."""
    failing = (c for c in decision.checks if c.result == "fail" and not c.overridden)
    return next((c for c in failing if c.reason == decision.primary_code), None)


def rule_text(rule: Rule) -> str:
    """What a rule asks, in one line, without where it comes from."""
    scope = [" or ".join(rule.categories).replace("_", " ") or "all messages"]
    scope += [f"in {', '.join(rule.countries)}"] if rule.countries else []
    region = getattr(rule, "region", None)
    scope += [f"region {region}"] if region else []
    scope += [f"to {' or '.join(rule.roles)}"] if rule.roles else []
    action = getattr(rule, "action", None)
    return f"{', '.join(scope)}: {_asks(rule)}" + (f"; {_ACTIONS[action]}" if action else "")


def _asks(rule: Rule) -> str:
    match rule:
        case Window():
            days = "" if rule.days == DAYS else f", {' '.join(rule.days)}"
            zone = f", {rule.zone}" if rule.zone else ""
            return f"{rule.start} to {rule.end}{days}{', no holidays' if rule.holidays else ''}{zone}"
        case Cap():
            return f"at most {rule.most} in {rule.hours} hours"
        case Agreement():
            return "a consent"
        case Registration():
            return f"senders registered: {', '.join(rule.sender_kinds)}"
        case Refused():
            return f"no senders of the kind {', '.join(rule.sender_kinds)}"
        case Registry():
            return "entity, header and template of the DLT"
        case Zone():
            return f"numbers from {rule.prefix} are in {rule.zone}"
        case Limits():
            return (
                f"at most {rule.longest} characters and {rule.segments} segments, no shared link shorteners"
            )
        case Overridable():
            return f"a person may override {', '.join(rule.checks)}"


def _outcome(decision: Decision) -> str:
    outcome = decision.would or decision.outcome
    said = _VERBS.get(outcome, outcome)
    if decision.outcome == "dry_run":
        said = f"Dry run: {said[0].lower()}{said[1:]}"
    if decision.defer_until is not None:
        said += f" until {_moment(decision.defer_until, decision)}"
    return said + (f" ({decision.primary_code})" if decision.primary_code else "")


def _message(decision: Decision) -> str:
    what = "mail" if decision.channel == "email" else "text"
    parts = [f"  {decision.category.replace('_', ' ')} {what} to {decision.to_masked or 'nobody'}"]
    if decision.country:
        parts.append(f"in {decision.country}")
    if decision.segments:
        parts.append(f"{decision.segments} segment{'s' if decision.segments > 1 else ''}")
    if decision.cost_estimate:
        parts.append(f"about {decision.cost_estimate} {decision.currency or ''}".rstrip())
    if decision.is_test:
        parts.append("a test")
    return ", ".join(parts)


def _told(mark: str, check: Check) -> str:
    line = f"  {mark} {CHECKS[check.code].title}: {check.observed}"
    if check.expected:
        line += f"; expected {check.expected}"
    return line + f" [{check.code}{', ' + check.rule_ref if check.rule_ref else ''}]"


def _moment(at: datetime, decision: Decision) -> str:
    """As UTC, and where the recipient is if that is one place."""
    zone = zone_named(decision.zones[0]) if len(decision.zones) == 1 else None
    local = f", {at.astimezone(zone):%a %H:%M} in {decision.zones[0]}" if zone else ""
    return f"{at:%Y-%m-%d %H:%M} UTC{local}"
