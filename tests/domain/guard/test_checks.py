# Each check both ways: what it stops, with its reason, and what it lets pass (S3, S5, S7).

from datetime import timedelta

import pytest

from aftercall.domain.contact import Consent
from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.intent import Intent, Known
from aftercall.domain.message import Dlt
from aftercall.domain.sender import A2p
from tests.domain.guard.samples import (
    CONNECTION,
    CONTACT,
    HEADER,
    INTENT,
    KNOWN,
    NOON,
    SENDER,
    check,
    decide,
    email,
    indian,
    sms,
    suppression,
)
from tests.domain.samples import but

NOBODY = sms(to="")
INDIA = but(KNOWN, sender=HEADER, dlt_route=True)
HARMLESS = "Order 4111111111111112, parcel 6304000000000000, call +14155550100, ticket 219-00-1234"
LATELY = tuple(NOON - timedelta(hours=h) for h in (30, 20, 10, 5, 2, 1))
GRANTED = but(
    CONTACT, consents=(Consent(category="promotional", at=NOON - timedelta(days=9), source="form"),)
)
PROMOTION = sms(category="promotional")
ALPHA = but(SENDER, kind="alphanumeric")
EXPIRED = Consent(at=NOON - timedelta(days=9), expires_at=NOON)
WITHDRAWN = (Consent(at=NOON - timedelta(days=9)), Consent(at=NOON - timedelta(days=1), status="withdrawn"))


@pytest.mark.parametrize(
    ("code", "reason", "intent", "known"),
    [
        ("rule.enabled", "rule_disabled", INTENT, but(KNOWN, rule_enabled=False)),
        ("trigger.duplicate", "duplicate", INTENT, but(KNOWN, duplicate_of="dlv_0")),
        ("recipient.present", "no_number", but(NOBODY, raw=None), KNOWN),
        ("recipient.present", "no_number", but(NOBODY, raw="  "), KNOWN),
        ("recipient.present", "anonymous_caller", but(NOBODY, raw=None, anonymous=True), KNOWN),
        ("recipient.present", "anonymous_caller", but(NOBODY, raw="Restricted"), KNOWN),
        ("recipient.present", "no_address", email(to=""), KNOWN),
        ("number.valid", "invalid_number", sms(to="+15550001111"), KNOWN),
        ("number.valid", "invalid_number", but(NOBODY, raw="+1212555"), KNOWN),
        ("number.valid", "invalid_number", but(NOBODY, raw="40855512345678901"), KNOWN),
        ("number.valid", "invalid_address", email(to="ada@example"), KNOWN),
        ("number.valid", "invalid_address", email(to="ada,bob@example.com"), KNOWN),
        ("number.mobile", "landline", sms(to="+442079460000"), KNOWN),
        ("number.mobile", "landline", sms(to="+911123456789"), KNOWN),
        ("number.mobile", "not_mobile", sms(to="+18005551234"), KNOWN),
        ("number.internal", "internal_extension", but(NOBODY, raw="101"), KNOWN),
        ("number.internal", "internal_extension", but(NOBODY, raw="*72"), KNOWN),
        ("number.internal", "internal_extension", but(NOBODY, raw="reception"), KNOWN),
        ("number.internal", "own_number", sms(to="+14155550100"), KNOWN),
        ("suppression.opt_out", "opted_out", INTENT, but(KNOWN, suppressions=(suppression("keyword"),))),
        ("suppression.manual", "suppressed", INTENT, but(KNOWN, suppressions=(suppression("manual"),))),
        ("suppression.manual", "suppressed", but(INTENT, answers="txt_1"),
         but(KNOWN, suppressions=(suppression("manual"),))),
        ("suppression.complaint", "complained", INTENT, but(KNOWN, suppressions=(suppression("complaint"),))),
        ("suppression.fuzzy_review", "pending_review", PROMOTION,
         but(KNOWN, suppressions=(suppression("review", category="promotional"),))),
        ("suppression.provider", "opted_out_at_provider", INTENT,
         but(KNOWN, suppressions=(suppression("provider", scope="con_1"),))),
        ("suppression.provider", "bounced", email(),
         but(KNOWN, suppressions=(suppression("bounce", channel="email"),))),
        ("suppression.opt_out", "opted_out", email(),
         but(KNOWN, suppressions=(suppression("unsubscribe", channel="email"),))),
        ("consent.required", "no_consent", PROMOTION, KNOWN),
        ("consent.required", "consent_withdrawn", PROMOTION,
         but(KNOWN, contact=but(CONTACT, consents=WITHDRAWN))),
        ("consent.required", "consent_expired", PROMOTION,
         but(KNOWN, contact=but(CONTACT, consents=(EXPIRED,)))),
        ("dnd.registry", "dnd_registered", PROMOTION, but(KNOWN, suppressions=(suppression("dnd"),))),
        ("window.local_time", "outside_window", PROMOTION,
         but(KNOWN, contact=but(GRANTED, time_zone="Asia/Tokyo"))),
        ("frequency.cap", "frequency_cap", INTENT, but(KNOWN, recent=LATELY)),
        ("frequency.cap", "frequency_cap", PROMOTION, but(KNOWN, recent=LATELY[-2:])),
        ("sender.available", "sender_not_found", INTENT, but(KNOWN, sender=None)),
        ("sender.available", "sender_paused", INTENT, but(KNOWN, sender=but(SENDER, status="paused"))),
        ("sender.available", "sender_not_allowed", INTENT,
         but(KNOWN, sender=but(SENDER, categories=("otp",)))),
        ("sender.us_registration", "sender_not_registered", INTENT, but(KNOWN, sender=but(SENDER, a2p=None))),
        ("sender.us_registration", "sender_not_registered", INTENT,
         but(KNOWN, sender=but(SENDER, a2p=A2p(registered=False)))),
        ("sender.us_registration", "toll_free_not_verified", INTENT,
         but(KNOWN, sender=but(SENDER, kind="toll_free", a2p=None))),
        ("sender.us_registration", "toll_free_not_verified", sms(to="+16475551234"),
         but(KNOWN, sender=but(SENDER, kind="toll_free", a2p=None))),
        ("sender.country", "sender_wrong_country", INTENT, but(KNOWN, sender=but(SENDER, countries=("CA",)))),
        ("sender.country", "sender_wrong_country", INTENT, but(KNOWN, sender=ALPHA)),
        ("sender.country", "sender_wrong_country", INTENT, but(KNOWN, sender=HEADER)),
        ("sender.daily_cap", "sender_daily_cap", INTENT,
         but(KNOWN, sender=but(SENDER, daily_cap=100), sent_today=100)),
        ("dlt.entity", "dlt_entity_missing", indian(dlt=None), INDIA),
        ("dlt.entity", "dlt_entity_missing", indian(dlt=Dlt(entity_id="PE", template_id="1107")), INDIA),
        ("dlt.entity", "dlt_entity_mismatch", indian(dlt=Dlt(entity_id="1102", template_id="1107")), INDIA),
        ("dlt.header", "dlt_header_invalid", indian(sender="AX-ACMEIN-S"), INDIA),
        ("dlt.header", "dlt_header_invalid", indian(sender="123456"), INDIA),
        ("dlt.header", "dlt_header_invalid", indian(category="promotional"), INDIA),
        ("dlt.template", "dlt_template_missing", indian(dlt=None), INDIA),
        ("dlt.template", "dlt_template_mismatch", indian(),
         but(INDIA, dlt_problem=("dlt_template_mismatch", "differs at 12"))),
        ("dlt.template", "dlt_template_mismatch", indian(), but(INDIA, dlt_problem=("dlt_other", "differs"))),
        ("dlt.variables", "dlt_variable_too_long", indian(),
         but(INDIA, dlt_problem=("dlt_variable_too_long", "41 characters"))),
        ("dlt.category_window", "outside_window", indian(category="promotional"), INDIA),
        ("dlt.category_window", "outside_window", indian(category="service_explicit"), INDIA),
        ("content.unresolved_placeholder", "placeholder_missing", sms(missing=("contact.name",)), KNOWN),
        ("content.unresolved_placeholder", "placeholder_missing", sms(text="Hi {{ contact.name }}"), KNOWN),
        ("content.unresolved_placeholder", "placeholder_missing", indian(text="Hi {#var#}"), INDIA),
        ("content.unresolved_placeholder", "placeholder_missing", email(subject="Call {{ call.id }}"), KNOWN),
        ("content.length", "empty", sms(text=" \n"), KNOWN),
        ("content.length", "too_long", sms(text="x" * 1601, segments=11), KNOWN),
        ("content.length", "too_long", sms(text="x" * 701, segments=5), but(KNOWN, longest=700)),
        ("content.sensitive", "sensitive_content", sms(text="Card 4111 1111 1111 1111"), KNOWN),
        ("content.sensitive", "sensitive_content", sms(text="SSN 219-09-9999"), KNOWN),
        ("connection.state", "no_connection", INTENT, but(KNOWN, connection=None)),
        ("connection.state", "connection_disabled", INTENT,
         but(KNOWN, connection=but(CONNECTION, status="disabled"))),
        ("connection.state", "connection_paused", INTENT,
         but(KNOWN, connection=but(CONNECTION, status="paused"))),
        ("expiry", "stale", but(INTENT, created_at=NOON - timedelta(days=2)), KNOWN),
    ],
)  # fmt: skip
def test_a_check_fails_with_its_reason(code: str, reason: str, intent: Intent, known: Known) -> None:
    decision = decide(intent, known)
    found = check(decision, code)
    assert (found.result, found.reason) == ("fail", reason)
    assert found.hint == CHECKS[code].reasons[reason]
    assert decision.outcome in ("block", "defer")


@pytest.mark.parametrize(
    ("code", "reason", "intent", "known"),
    [
        ("number.mobile", "voip", sms(to="+33912345678"), KNOWN),
        ("consent.required", "no_consent", sms(to="+61412345678", category="promotional"), KNOWN),
        ("sender.available", "default_sender", sms(sender=""), but(KNOWN, sender=None)),
        ("content.link", "shared_shortener", sms(text="See https://bit.ly/3xyz"), KNOWN),
        ("content.link", "no_way_out", sms(category="promotional", sender_kind="alphanumeric"), KNOWN),
    ],
)  # fmt: skip
def test_a_check_warns_and_lets_pass(code: str, reason: str, intent: Intent, known: Known) -> None:
    found = check(decide(intent, known), code)
    assert (found.result, found.reason, found.severity) == ("warn", reason, "warn")


@pytest.mark.parametrize(
    ("code", "intent", "known"),
    [
        ("rule.enabled", INTENT, KNOWN),
        ("trigger.duplicate", INTENT, KNOWN),
        ("recipient.present", INTENT, KNOWN),
        ("number.valid", INTENT, KNOWN),
        ("number.mobile", INTENT, KNOWN),  # the US does not tell mobiles from landlines
        ("number.mobile", sms(to="+33612345678"), KNOWN),
        ("number.internal", INTENT, KNOWN),
        ("suppression.opt_out", INTENT, but(KNOWN, suppressions=(suppression("keyword", channel="email"),))),
        ("suppression.opt_out", but(INTENT, answers="txt_1"), but(KNOWN, suppressions=(suppression("keyword"),))),
        ("suppression.opt_out", INTENT, but(KNOWN, suppressions=(suppression("keyword", scope="con_2"),))),
        ("suppression.fuzzy_review", INTENT,
         but(KNOWN, suppressions=(suppression("review", category="promotional"),))),
        ("consent.required", INTENT, KNOWN),
        ("consent.required", PROMOTION, but(KNOWN, contact=GRANTED)),
        ("window.local_time", PROMOTION, KNOWN),
        ("frequency.cap", INTENT, but(KNOWN, recent=LATELY[:-1])),
        ("frequency.cap", but(INTENT, role="user"), but(KNOWN, recent=LATELY)),
        ("frequency.cap", sms(category="otp"), but(KNOWN, recent=LATELY)),
        ("sender.available", INTENT, KNOWN),
        ("sender.us_registration", INTENT, KNOWN),
        ("sender.us_registration", INTENT, but(KNOWN, sender=but(SENDER, kind="short_code", a2p=None))),
        ("sender.us_registration", sms(to="+16475551234"), but(KNOWN, sender=but(SENDER, a2p=None))),  # Canada
        ("sender.country", INTENT, KNOWN),
        ("sender.country", INTENT, but(KNOWN, sender=but(SENDER, countries=("US", "CA")))),
        ("sender.daily_cap", INTENT, but(KNOWN, sender=but(SENDER, daily_cap=100), sent_today=99)),
        ("dlt.entity", indian(), INDIA),
        ("dlt.header", indian(), INDIA),
        ("dlt.header", indian(sender="777888", category="promotional"), INDIA),
        ("dlt.template", indian(), INDIA),
        ("dlt.variables", indian(), INDIA),
        ("dlt.category_window", indian(), INDIA),
        ("dlt.category_window", indian(category="transactional"), INDIA),
        ("content.unresolved_placeholder", INTENT, KNOWN),
        ("content.length", INTENT, KNOWN),
        ("content.sensitive", sms(text=HARMLESS), KNOWN),
        ("content.link", sms(text="See https://acme.example/c/1"), KNOWN),
        ("content.link", sms(category="promotional", sender_kind="alphanumeric", text="Stop: +1 415 555 0100"),
         KNOWN),
        ("connection.state", INTENT, KNOWN),
        ("expiry", INTENT, KNOWN),
    ],
)  # fmt: skip
def test_a_check_passes(code: str, intent: Intent, known: Known) -> None:
    assert check(decide(intent, known), code).result == "pass"


@pytest.mark.parametrize(
    ("code", "intent", "known"),
    [
        ("rule.enabled", INTENT, but(KNOWN, rule_enabled=None)),
        ("number.valid", but(NOBODY, raw="101"), KNOWN),
        ("number.mobile", but(NOBODY, raw=None), KNOWN),
        ("dnd.registry", PROMOTION, KNOWN),
        ("sender.us_registration", sms(to="+33612345678"), KNOWN),
        ("sender.daily_cap", INTENT, KNOWN),
        ("dlt.entity", INTENT, KNOWN),
        ("dlt.header", sms(to="+919876543210"), KNOWN),  # an international route
        ("credit.balance", INTENT, KNOWN),
    ],
)
def test_a_check_is_skipped_and_says_why(code: str, intent: Intent, known: Known) -> None:
    found = check(decide(intent, known), code)
    assert found.result == "skip"
    assert found.observed


def test_registration_hints_name_the_carriers_codes() -> None:
    unregistered = decide(known=but(KNOWN, sender=but(SENDER, a2p=None)))
    assert unregistered.primary_code == "sender_not_registered"
    assert "30034" in check(unregistered, "sender.us_registration").hint


def test_a_cap_that_defers_says_when_there_is_room_again() -> None:
    from aftercall.domain.guard.changes import PolicyChange
    from aftercall.domain.guard.evaluate import evaluate
    from aftercall.engine.policies import in_force

    policies = in_force((PolicyChange(rule="default.cap", values={"action": "defer"}, loosens=True),))
    decision = evaluate(INTENT, but(KNOWN, recent=LATELY), policies, NOON)
    assert decision.defer_until == LATELY[-5] + timedelta(hours=24)


def test_an_opt_out_tells_when_and_with_which_words() -> None:
    entry = suppression("keyword", reason="STOP", scope=SENDER.value)
    observed = check(decide(known=but(KNOWN, suppressions=(entry,))), "suppression.opt_out").observed
    assert observed == "keyword of 2026-11-17 17:00 UTC, to +14155550100: STOP"
