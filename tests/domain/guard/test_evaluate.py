# The decision: precedence, deferral, age, override, dry run, and what a record tells and does not tell (S5, S8).

from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.decision import Decision
from aftercall.domain.guard.explain import explain
from aftercall.domain.guard.intent import Intent, Known
from aftercall.domain.message import Category
from aftercall.domain.phone import normalise
from tests.domain.guard.samples import (
    CONNECTION,
    CONTACT,
    INDIA,
    INTENT,
    KNOWN,
    NEW_YORK,
    NOON,
    SENDER,
    SMS,
    WORD,
    check,
    decide,
    email,
    indian,
    sms,
    suppression,
)
from tests.domain.samples import but

NIGHT = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)  # 22:30 of the 19th in New York


def night(**changes: object) -> Intent:
    """A promotional text to Nigeria, where it is night, too; there the lack of a consent is a warning."""
    return but(sms(to="+2348031234567", category="promotional"), created_at=NIGHT, **changes)


def test_a_message_goes_when_nothing_speaks_against_it() -> None:
    decision = decide()
    assert (decision.outcome, decision.primary_code, decision.goes) == ("send", None, True)
    assert {c.result for c in decision.checks} <= {"pass", "skip"}


def test_every_check_is_listed_in_order_whatever_fails() -> None:
    worst = decide(but(sms(to="", text="", category="promotional"), raw="101"), Known(rule_enabled=False))
    for decision in (decide(), decide(email()), decide(indian()), worst):
        assert [c.code for c in decision.checks] == list(CHECKS)


def test_every_check_says_where_it_is_described() -> None:
    assert all(c.doc_url.startswith("docs/reference/guard.md#") for c in decide().checks)


def test_the_first_blocking_check_gives_the_primary_code() -> None:
    decision = decide(sms(text=""), suppressions=(suppression("keyword"),))
    assert (decision.outcome, decision.primary_code) == ("block", "opted_out")
    assert check(decision, "content.length").reason == "empty"


def test_blocking_wins_over_deferring() -> None:
    decision = decide(night(), suppressions=(suppression("manual"),), now=NIGHT)
    assert check(decision, "window.local_time").reason == "outside_window"
    assert (decision.outcome, decision.primary_code, decision.defer_until) == ("block", "suppressed", None)


def test_a_message_waits_for_the_latest_of_the_moments() -> None:
    decision = decide(night(), sender=but(SENDER, daily_cap=3), sent_today=3, now=NIGHT)
    assert decision.outcome == "defer"
    assert decision.primary_code == "outside_window"
    assert decision.defer_until == datetime(
        2026, 11, 20, 7, 0, tzinfo=UTC
    )  # 08:00 in Lagos, 02:00 in New York


def test_a_message_waits_for_opening_hours_when_what_holds_it_ends_at_night() -> None:
    evening = datetime(2026, 11, 20, 18, 55, tzinfo=UTC)  # 19:55 in Lagos
    paused = but(CONNECTION, status="paused")
    decision = decide(but(night(), created_at=evening), connection=paused, now=evening)
    assert decision.primary_code == "connection_paused"
    assert decision.defer_until == datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def test_a_message_is_stale_when_it_is_too_old() -> None:
    decision = decide(but(INTENT, created_at=NOON - timedelta(hours=24)))
    assert (decision.outcome, decision.primary_code) == ("block", "stale")


def test_a_message_is_stale_at_once_when_it_would_be_too_old_by_then() -> None:
    decision = decide(night(max_age=timedelta(hours=1)), now=NIGHT)
    assert (decision.outcome, decision.primary_code, decision.defer_until) == ("block", "stale", None)
    assert "07:00 UTC at the earliest" in check(decision, "expiry").observed


@pytest.mark.parametrize(("age", "outcome"), [(210, "block"), (211, "defer")])
def test_a_message_may_wait_for_less_than_its_maximum_age(age: int, outcome: str) -> None:
    # The window opens after 210 minutes.
    assert decide(night(max_age=timedelta(minutes=age)), now=NIGHT).outcome == outcome


def test_an_override_lets_pass_what_the_policy_allows() -> None:
    decision = decide(night(override=WORD), now=NIGHT)
    assert (decision.outcome, decision.primary_code, decision.override) == ("override", None, WORD)
    held = check(decision, "window.local_time")
    assert (held.result, held.overridden) == ("fail", True)


def test_an_override_that_was_not_needed_changes_nothing() -> None:
    assert decide(but(INTENT, override=WORD)).outcome == "send"


@pytest.mark.parametrize("source", ["keyword", "provider", "complaint", "manual", "dnd"])
def test_an_override_does_not_reach_who_wants_no_messages(source: str) -> None:
    decision = decide(but(INTENT, override=WORD), suppressions=(suppression(source),))
    assert decision.outcome == "block"


def test_an_override_does_not_make_a_number_valid() -> None:
    assert decide(but(sms(to="+15550001111"), override=WORD)).primary_code == "invalid_number"


def test_a_dry_run_says_what_would_be() -> None:
    assert (decide(but(INTENT, dry_run=True)).outcome, decide(but(INTENT, dry_run=True)).would) == (
        "dry_run",
        "send",
    )
    dry = decide(night(dry_run=True), now=NIGHT)
    assert (dry.would, dry.primary_code, dry.goes) == ("defer", "outside_window", False)


def test_a_test_is_marked_and_free_of_caps() -> None:
    lately = tuple(NOON - timedelta(minutes=m) for m in range(30, 0, -1))
    decision = decide(but(INTENT, is_test=True), recent=lately, duplicate_of="dlv_0", rule_enabled=False)
    assert (decision.is_test, decision.outcome) == (True, "send")


def test_a_test_does_not_reach_who_opted_out() -> None:
    decision = decide(but(INTENT, is_test=True), suppressions=(suppression("keyword"),))
    assert decision.primary_code == "opted_out"


@pytest.mark.parametrize(
    "intent",
    [
        sms(),
        sms(to="+15550001111"),
        but(sms(to=""), raw="4085551234567890"),
        email(),
        indian(),
        sms(to="+442079460000"),
    ],
)
def test_a_record_never_holds_the_address(intent: Intent) -> None:
    record = msgspec.json.encode(decide(intent)).decode()
    for address in (intent.to, intent.raw):
        assert not address or (address not in record and address.lstrip("+") not in record)


def test_a_record_hides_the_number_in_what_others_found() -> None:
    found = decide(indian(), dlt_route=True, dlt_problem=("dlt_variable_type", f"{INDIA} is no url"))
    assert check(found, "dlt.variables").observed == "+**********10 is no url"


def test_a_record_does_not_quote_an_answer_that_waits_to_be_read() -> None:
    entry = suppression("review", reason="stop calling 212 555 1234")
    assert (
        check(decide(suppressions=(entry,)), "suppression.fuzzy_review").observed
        == "review of 2026-11-17 17:00 UTC"
    )


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30) | st.from_regex(r"\+?[0-9 ()-]{0,18}", fullmatch=True),
    st.text(max_size=200),
    st.sampled_from(get_args(Category)),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_message_gets_a_full_record(raw: str, text: str, category: Category, now: datetime) -> None:
    to = normalise(raw, "US").e164 or ""
    intent = but(INTENT, raw=raw, sms=but(SMS, to=to, text=text, category=category), created_at=now)
    decision = decide(intent, now=now)
    assert [c.code for c in decision.checks] == list(CHECKS)
    assert (decision.outcome == "defer") == (decision.defer_until is not None)
    assert (decision.primary_code is None) == decision.goes
    assert explain(decision)


def test_a_record_is_read_back_as_it_was_written() -> None:
    decision = decide(night(override=WORD), now=NIGHT)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


def test_a_record_names_the_message_and_the_policies() -> None:
    decision = decide(sms(segments=3, template_id="tpl_1"))
    assert (decision.to_masked, decision.country, decision.sender) == ("+*********34", "US", "+14155550100")
    assert (decision.segments, decision.template_id, decision.delivery_id) == (3, "tpl_1", "dlv_1")
    assert (decision.cost_estimate, decision.currency) == ("0.0237", "USD")
    assert decision.policies["us.tcpa"] == "2026-11-20"
    assert decision.local_times == {"America/New_York": "2026-11-20 12:00"}


@pytest.mark.parametrize(
    ("known", "to", "source", "zones"),
    [
        (but(KNOWN, contact=but(CONTACT, time_zone="Europe/Paris")), NEW_YORK, "contact", 1),
        (but(KNOWN, contact=but(CONTACT, time_zone="Nowhere/Land")), NEW_YORK, "number", 1),
        (KNOWN, "+18005551234", "number", 42),
        (KNOWN, "+447700900123", "default", 1),
    ],
)
def test_the_zone_is_the_contacts_then_the_numbers_then_the_accounts(
    known: Known, to: str, source: str, zones: int
) -> None:
    decision = decide(sms(to=to), known)
    assert (decision.zone_source, len(decision.zones)) == (source, zones)


def test_a_mail_skips_what_is_about_texts() -> None:
    decision = decide(email())
    assert decision.outcome == "send"
    skipped = {c.code for c in decision.checks if c.result == "skip"}
    assert {
        "number.mobile",
        "sender.available",
        "sender.us_registration",
        "dlt.entity",
        "content.link",
    } <= skipped
    assert decision.to_masked == "a***@example.com"


def test_india_is_its_own_country() -> None:
    assert decide(sms(to=INDIA)).country == "IN"
