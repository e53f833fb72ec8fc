"""The guard: one message in, one decision record out, with every check evaluated whatever the others said (S5)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial

import msgspec

from aftercall.domain.guard import content, dlt, permission, quiet, recipient, sending
from aftercall.domain.guard.case import Case, case
from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.decision import Check, Decision, Outcome, failed, masked, passed, skipped
from aftercall.domain.guard.intent import Intent, Known
from aftercall.domain.guard.policy import NEVER_OVERRIDDEN, Overridable, Policy
from aftercall.domain.guard.window import next_open, zone_named

_SUPPRESSIONS = tuple(code for code in CHECKS if code.startswith("suppression."))
_CHECKS: dict[str, Callable[[Case], Check]] = {
    "rule.enabled": recipient.rule_enabled,
    "trigger.duplicate": recipient.duplicate,
    "recipient.present": recipient.present,
    "number.valid": recipient.valid,
    "number.mobile": recipient.mobile,
    "number.internal": recipient.internal,
    **{code: partial(permission.suppressed, code) for code in _SUPPRESSIONS},
    "consent.required": permission.consented,
    "dnd.registry": permission.registered,
    "window.local_time": partial(quiet.window, "window.local_time"),
    "frequency.cap": sending.frequency,
    "sender.available": sending.available,
    "sender.us_registration": sending.us_registration,
    "sender.country": sending.country,
    "sender.daily_cap": sending.daily_cap,
    "dlt.entity": dlt.entity,
    "dlt.header": dlt.header,
    "dlt.template": dlt.template,
    "dlt.variables": dlt.variables,
    "dlt.category_window": partial(quiet.window, "dlt.category_window"),
    "content.unresolved_placeholder": content.complete,
    "content.length": content.length,
    "content.sensitive": content.sensitive,
    "content.link": content.links,
    "credit.balance": lambda _: skipped("credit.balance", "there are no accounts of credit"),
    "connection.state": sending.connection,
}


def evaluate(intent: Intent, known: Known, policies: Sequence[Policy], now: datetime) -> Decision:
    """The decision about a message. Asks nobody, changes nothing.

    A failing check that blocks wins, the first in order; else the message waits for the moment at which all
    that defer it let it go. One that would be too old by then is blocked as `stale` at once.
    """
    message = case(intent, known, policies, now)
    found = [_finished(check(message), message) for check in _CHECKS.values()]
    until = _until(message, found)
    found.append(_finished(_expiry(message, until), message))
    stopping = [check for check in found if check.result == "fail" and not check.overridden]
    blocking = next((check for check in stopping if check.severity == "block"), None)
    first = blocking or next(iter(stopping), None)
    outcome: Outcome = "send"
    if blocking is not None:
        outcome = "block"
    elif stopping:
        outcome = "defer"
    elif any(check.overridden for check in found):
        outcome = "override"
    return _record(message, policies, outcome, first.reason if first else None, until, found)


def _finished(check: Check, message: Case) -> Check:
    """The check without the recipient's address, marked where it fails and the person's word lets it pass."""
    to = message.intent.to
    if to and (digits := to.removeprefix("+")) in check.observed:
        hidden = check.observed.replace(to, masked(to)).replace(digits, masked(digits))
        check = msgspec.structs.replace(check, observed=hidden)
    if message.intent.override is None or check.result != "fail" or check.code in NEVER_OVERRIDDEN:
        return check
    allowed = {code for rule in message.of(Overridable) for code in rule.checks}
    return msgspec.structs.replace(check, overridden=True) if check.code in allowed else check


def _until(message: Case, found: list[Check]) -> datetime | None:
    """The moment at which all checks that defer let the message go: the latest of theirs, within opening hours."""
    moments = [
        check.until for check in found if check.until and check.result == "fail" and not check.overridden
    ]
    if not moments:
        return None
    latest = max(moments)
    held = {check.code for check in found if check.overridden}
    timetables = [table for rules, table in quiet.tables(message) if rules[0].check not in held]
    return next_open(timetables, latest) or latest


def _expiry(message: Case, until: datetime | None) -> Check:
    code, intent = "expiry", message.intent
    end = intent.created_at + intent.max_age
    expected = f"before {end:%Y-%m-%d %H:%M} UTC"
    if end <= message.now:
        return failed(code, "stale", f"it is {message.now:%Y-%m-%d %H:%M} UTC", expected)
    if until is not None and end <= until:
        return failed(code, "stale", f"may go at {until:%Y-%m-%d %H:%M} UTC at the earliest", expected)
    return passed(code, f"it is {message.now:%Y-%m-%d %H:%M} UTC", expected)


def _record(
    message: Case,
    policies: Sequence[Policy],
    outcome: Outcome,
    reason: str | None,
    until: datetime | None,
    checks: list[Check],
) -> Decision:
    intent, known = message.intent, message.known
    sms = intent.sms
    return Decision(
        delivery_id=intent.delivery_id,
        channel=intent.channel,
        call_id=intent.call_id,
        rule_id=intent.rule_id,
        role=intent.role,
        to_masked=masked(intent.to or ("" if intent.anonymous else intent.raw or "")),
        country=message.country,
        category=intent.category,
        template_id=intent.message.template_id,
        sender=sms.sender if sms else (intent.email and intent.email.from_) or "",
        segments=sms.segments if sms else None,
        is_test=intent.is_test,
        outcome="dry_run" if intent.dry_run else outcome,
        would=outcome if intent.dry_run and outcome != "dry_run" else None,
        primary_code=reason,
        defer_until=until if outcome == "defer" else None,
        evaluated_at=message.now,
        policies={policy.id: policy.version for policy in policies},
        zones=message.zones,
        zone_source=message.zone_source,
        local_times={
            name: message.now.astimezone(zone).strftime("%Y-%m-%d %H:%M")
            for name in message.zones
            if (zone := zone_named(name))
        },
        override=intent.override,
        cost_estimate=_cost(known, sms.segments if sms else 1),
        currency=known.currency or (known.connection.currency if known.connection else None),
        checks=tuple(checks),
    )


def _cost(known: Known, segments: int) -> str | None:
    price = known.price or (known.connection.price if known.connection else None)
    if price is None:
        return None
    try:
        return str(Decimal(price) * segments)
    except InvalidOperation:
        return None
