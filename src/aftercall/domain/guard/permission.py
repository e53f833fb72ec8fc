"""Whether the recipient lets us: the suppression list, consents, registers."""

from aftercall.domain.contact import Consent, Suppression, SuppressionSource
from aftercall.domain.guard.case import Case
from aftercall.domain.guard.decision import Check, failed, passed, skipped
from aftercall.domain.guard.policy import Agreement

# India counts explicit service messages as promotional traffic; so do we where somebody wants no promotion.
PROMOTIONAL = frozenset({"promotional", "service_explicit"})
_REASONS: dict[str, tuple[tuple[SuppressionSource, str], ...]] = {
    "suppression.opt_out": (("keyword", "opted_out"), ("unsubscribe", "opted_out")),
    "suppression.manual": (("manual", "suppressed"),),
    "suppression.complaint": (("complaint", "complained"),),
    "suppression.fuzzy_review": (("review", "pending_review"),),
    "suppression.provider": (("provider", "opted_out_at_provider"), ("bounce", "bounced")),
    "dnd.registry": (("dnd", "dnd_registered"),),
}


def suppressed(code: str, case: Case) -> Check:
    """One of the checks of the suppression list.

    Who writes STOP or HELP is answered once, even though they have opted out: the answer only confirms
    (47 CFR 64.1200(a)(12), https://www.law.cornell.edu/cfr/text/47/64.1200).
    """
    for source, reason in _REASONS[code]:
        for entry in case.known.suppressions:
            if source == "keyword" and case.intent.answers is not None:
                continue
            if entry.source == source and _concerns(entry, case):
                return failed(code, reason, _told(entry), "no entry")
    return passed(code, "no entry", "no entry")


def registered(case: Case) -> Check:
    found = suppressed("dnd.registry", case)
    if found.result == "fail" or not case.is_sms or case.intent.category not in PROMOTIONAL:
        return found
    return skipped("dnd.registry", "no register is connected; in India the operators scrub against theirs")


def consented(case: Case) -> Check:
    code = "consent.required"
    rules = case.of(Agreement)
    if not rules:
        return passed(code, "not needed for this category and country")
    if case.intent.is_test:
        return skipped(code, "a test, to a recipient chosen by hand")
    # The strictest rule speaks.
    rule = next((rule for rule in rules if rule.action == "block"), rules[0])
    consents = case.known.contact.consents if case.known.contact else ()
    mine = [c for c in consents if c.category in ("all", case.intent.category)]
    if not mine:
        return failed(code, "no_consent", "none", "a consent", rule=rule.id, severity=rule.action)
    last = max(mine, key=lambda consent: consent.at)
    if last.status == "withdrawn":
        return failed(code, "consent_withdrawn", _when(last), "a consent", rule=rule.id, severity=rule.action)
    if last.expires_at is not None and last.expires_at <= case.now:
        until = f"expired {last.expires_at:%Y-%m-%d}"
        return failed(code, "consent_expired", until, "a consent", rule=rule.id, severity=rule.action)
    return passed(code, _when(last), "a consent", rule.id)


def _concerns(entry: Suppression, case: Case) -> bool:
    if entry.channel != case.intent.channel:
        return False
    if entry.category == "promotional" and case.intent.category not in PROMOTIONAL:
        return False
    sender = case.intent.sms.sender if case.intent.sms else None
    connection = case.known.connection.id if case.known.connection else None
    return entry.scope in ("all", sender, connection)


def _told(entry: Suppression) -> str:
    told = f"{entry.source} of {entry.created_at:%Y-%m-%d %H:%M} UTC"
    scope = "" if entry.scope == "all" else f", to {entry.scope}"
    limited = "" if entry.category == "all" else ", promotional messages only"
    # What people write themselves stays in the suppression list; it may hold anything.
    quoted = f": {entry.reason}" if entry.reason and entry.source != "review" else ""
    return f"{told}{scope}{limited}{quoted}"


def _when(consent: Consent) -> str:
    return f"{consent.status} {consent.at:%Y-%m-%d}" + (f": {consent.source}" if consent.source else "")
