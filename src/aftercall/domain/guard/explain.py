"""A decision in a few lines for people: what, why, and what to do."""

from datetime import datetime

from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.decision import Check, Decision
from aftercall.domain.guard.window import zone_named

_VERBS = {
    "send": "Goes",
    "defer": "Waits",
    "block": "Blocked",
    "override": "Goes, overridden",
}


def explain(decision: Decision) -> str:
    """The outcome, then each check that stops the message or is worth knowing, with what to do about it."""
    lines = [_outcome(decision), _message(decision)]
    stopping = [c for c in decision.checks if c.result == "fail" and not c.overridden]
    for check in stopping:
        lines.append(_told("no", check))
        lines.append(f"      {check.hint}.")
    lines += [_told("overridden", check) for check in decision.checks if check.overridden]
    lines += [_told("note", check) for check in decision.checks if check.result == "warn"]
    if decision.override is not None:
        lines.append(f"  override by {decision.override.by}: {decision.override.reason}")
    passed = sum(check.result == "pass" for check in decision.checks)
    lines.append(
        f"  {passed} checks passed, {sum(c.result == 'skip' for c in decision.checks)} do not apply."
    )
    return "\n".join(lines)


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
    line = f"  {mark}: {CHECKS[check.code].title.lower()}? {check.observed}"
    if check.expected:
        line += f"; expected: {check.expected}"
    return line + f" [{check.code}{', ' + check.rule_ref if check.rule_ref else ''}]"


def _moment(at: datetime, decision: Decision) -> str:
    """As UTC, and where the recipient is if that is one place."""
    zone = zone_named(decision.zones[0]) if len(decision.zones) == 1 else None
    local = f", {at.astimezone(zone):%a %H:%M} in {decision.zones[0]}" if zone else ""
    return f"{at:%Y-%m-%d %H:%M} UTC{local}"
