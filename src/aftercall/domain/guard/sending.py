"""How much, and by which sender: caps, the sender's rights, registration with carriers, the connection."""

from datetime import datetime, timedelta

from aftercall.domain.guard.case import Case
from aftercall.domain.guard.decision import Check, failed, passed, skipped, warned
from aftercall.domain.guard.policy import Cap, Refused, Registration
from aftercall.domain.guard.window import zone_named

LOOKS_AGAIN = timedelta(minutes=15)  # at a connection that is paused


def frequency(case: Case) -> Check:
    """The strictest cap that is reached: one that blocks, else the one that takes longest."""
    code, caps = "frequency.cap", case.of(Cap)
    if case.intent.is_test:
        return skipped(code, "a test")
    if not caps:
        return passed(code, "no cap for this recipient and category")
    reached = [check for cap in caps if (check := _reached(code, cap, case))]
    if not reached:
        return passed(code, _counted(caps[0], case), _most(caps[0]), caps[0].id)
    return max(reached, key=lambda check: (check.until is None, check.until or case.now))


def available(case: Case) -> Check:
    code, sender = "sender.available", case.known.sender
    if not case.is_sms:
        return skipped(code, "a mail")
    if sender is None:
        wanted = case.intent.sms.sender if case.intent.sms else ""
        if not wanted:
            return warned(code, "default_sender", "the provider's default", "a sender of the account")
        return failed(code, "sender_not_found", "none of this account", "a sender of the account")
    if sender.status != "enabled":
        return failed(code, "sender_paused", sender.status, "enabled")
    if sender.categories and case.intent.category not in sender.categories:
        return failed(code, "sender_not_allowed", case.intent.category, ", ".join(sender.categories))
    return passed(code, sender.kind, "enabled, for this category")


def us_registration(case: Case) -> Check:
    code, rules = "sender.us_registration", case.of(Registration)
    if not case.is_sms or not rules:
        return skipped(code, "not asked for in this country" if case.is_sms else "a mail")
    sender = case.known.sender
    if sender is None:
        return skipped(code, "the sender is not known, see sender.available")
    rule = next((rule for rule in rules if sender.kind in rule.sender_kinds), None)
    if rule is None:
        return passed(code, f"not asked of a {sender.kind} in {case.country}")
    if sender.a2p is None or not sender.a2p.registered:
        observed = f"{sender.kind}, not registered"
        return failed(code, rule.reason, observed, "registered", rule=rule.id, severity=rule.action)
    return passed(code, f"{sender.kind}, registered", "registered", rule.id)


def country(case: Case) -> Check:
    code, sender = "sender.country", case.known.sender
    if not case.is_sms:
        return skipped(code, "a mail")
    if sender is None or case.country is None:
        return skipped(code, "the sender is not known" if sender is None else "the country is not known")
    if sender.countries and case.country not in sender.countries:
        return failed(code, "sender_wrong_country", case.country, ", ".join(sender.countries))
    if sender.kind == "dlt_header" and case.country != "IN":
        return failed(code, "sender_wrong_country", f"a DLT header, to {case.country}", "IN")
    for rule in case.of(Refused):
        if sender.kind in rule.sender_kinds:
            observed = f"{sender.kind}, to {case.country}"
            return failed(
                code,
                "sender_wrong_country",
                observed,
                "another kind of sender",
                rule=rule.id,
                severity=rule.action,
            )
    return passed(code, case.country, ", ".join(sender.countries) or "any")


def daily_cap(case: Case) -> Check:
    code, sender = "sender.daily_cap", case.known.sender
    if not case.is_sms or sender is None or sender.daily_cap is None:
        return skipped(code, "the sender has no cap" if case.is_sms else "a mail")
    observed, expected = f"{case.known.sent_today} today", f"less than {sender.daily_cap} a day"
    if case.known.sent_today >= sender.daily_cap:
        return failed(code, "sender_daily_cap", observed, expected, until=_tomorrow(case))
    return passed(code, observed, expected)


def connection(case: Case) -> Check:
    code, way = "connection.state", case.known.connection
    if way is None:
        return failed(code, "no_connection", "none", "a connection", severity="block")
    if way.status == "disabled":
        return failed(code, "connection_disabled", "disabled", "enabled", severity="block")
    if way.status == "paused":
        return failed(code, "connection_paused", "paused", "enabled", until=case.now + LOOKS_AGAIN)
    return passed(code, "enabled", "enabled")


def _reached(code: str, cap: Cap, case: Case) -> Check | None:
    sent = _within(cap, case)
    if len(sent) < cap.most:
        return None
    until = None
    if cap.action == "defer" and cap.most > 0:
        until = sent[-cap.most] + timedelta(hours=cap.hours)
    return failed(
        code,
        "frequency_cap",
        _counted(cap, case),
        _most(cap),
        rule=cap.id,
        severity="defer" if until else "block",
        until=until,
    )


def _within(cap: Cap, case: Case) -> list[datetime]:
    return [at for at in case.known.recent if case.now - timedelta(hours=cap.hours) < at <= case.now]


def _counted(cap: Cap, case: Case) -> str:
    return f"{len(_within(cap, case))} in {cap.hours} hours"


def _most(cap: Cap) -> str:
    return f"at most {cap.most} in {cap.hours} hours"


def _tomorrow(case: Case) -> datetime:
    """Midnight where the account is, as UTC."""
    zone = zone_named(case.known.account_zone) or case.now.tzinfo
    local = case.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return (local + timedelta(days=1)).astimezone(case.now.tzinfo)
