# The packs that ship, and what accounts may make of them (S5).

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from aftercall.domain.errors import Invalid
from aftercall.domain.guard.changes import PolicyChange
from aftercall.domain.guard.evaluate import evaluate
from aftercall.domain.guard.intent import Intent
from aftercall.domain.guard.policy import Rule
from aftercall.domain.guard.policy_file import read
from aftercall.engine.policies import check as checked
from aftercall.engine.policies import in_force, packs
from tests.domain.guard.samples import CONTACT, KNOWN, NOON, check, sms
from tests.domain.samples import but

RULES = [rule for policy in packs() for rule in policy.rules]
CAP = {"kind": "cap", "id": "x.y", "most": 1}
TWICE = json.dumps({"id": "x", "version": "1", "title": "", "rules": [CAP, CAP]}).encode()


def changed(rule: str, loosens: bool = False, **values: Any) -> PolicyChange:
    return PolicyChange(rule=rule, values=values, loosens=loosens)


def rule_of(name: str, *changes: PolicyChange) -> Rule:
    return next(rule for policy in in_force(changes) for rule in policy.rules if rule.id == name)


def test_all_packs_are_there() -> None:
    assert [policy.id for policy in packs()] == [
        "default", "fr.arcep", "in.trai", "ng.ncc", "us.carriers", "us.tcpa",
    ]  # fmt: skip


@pytest.mark.parametrize("policy", packs(), ids=lambda policy: policy.id)
def test_a_pack_stands_in_the_file_of_its_name_and_is_no_legal_advice(policy: Any) -> None:
    content = json.loads((files("aftercall.domain.guard") / "packs" / f"{policy.id}.json").read_text())
    assert content["id"] == policy.id
    assert content["note"] == "Not legal advice."


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_a_source_and_a_note(rule: Rule) -> None:
    assert rule.source_url
    assert rule.note


@pytest.mark.parametrize("policy", packs(), ids=lambda policy: policy.id)
def test_every_rule_is_named_after_its_pack(policy: Any) -> None:
    assert all(rule.id.startswith(f"{policy.id}.") for rule in policy.rules)


@pytest.mark.parametrize(
    ("to", "region", "category", "now", "until"),
    [
        # 15:30Z of the 20th is 10:30 in New York, 21:00 in India, 16:30 in Paris and Lagos.
        ("+12125551234", None, "promotional", "2026-11-20T03:30", "2026-11-20T13:00"),
        ("+12125551234", None, "service_implicit", "2026-11-20T03:30", None),
        ("+13055551234", "FL", "promotional", "2026-11-20T01:30", "2026-11-20T13:00"),  # 20:30 in Miami
        ("+13055551234", None, "promotional", "2026-11-20T01:30", None),
        ("+12145551234", "US-TX", "promotional", "2026-11-22T17:30", "2026-11-22T18:00"),  # Sunday noon
        ("+919876543210", None, "promotional", "2026-11-20T15:30", "2026-11-21T04:30"),
        ("+919876543210", None, "service_explicit", "2026-11-20T04:29", "2026-11-20T04:30"),
        ("+919876543210", None, "service_explicit", "2026-11-20T15:29", None),
        ("+919876543210", None, "transactional", "2026-11-20T20:00", None),
        ("+33612345678", None, "promotional", "2026-12-24T21:30", "2026-12-26T07:00"),  # Christmas
        ("+33612345678", None, "promotional", "2026-11-21T21:00", "2026-11-23T07:00"),  # Saturday, 22:00
        ("+2348031234567", None, "promotional", "2026-11-20T19:00", "2026-11-21T07:00"),
    ],
)
def test_quiet_hours_of_the_packs(
    to: str, region: str | None, category: str, now: str, until: str | None
) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    contact = but(CONTACT, number=to, details={"region": region} if region else {})
    intent = but(sms(to=to, category=category), created_at=at, max_age=timedelta(days=5))
    decision = evaluate(intent, but(KNOWN, contact=contact), packs(), at)
    code = "dlt.category_window" if to.startswith("+91") else "window.local_time"
    found = check(decision, code)
    assert found.until == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)
    assert found.result == ("fail" if until else "pass")


def test_indias_clock_counts_whatever_zone_the_contact_has() -> None:
    contact = but(CONTACT, number="+919876543210", time_zone="America/New_York")
    decision = evaluate(
        sms(to="+919876543210", category="promotional"), but(KNOWN, contact=contact), packs(), NOON
    )
    assert check(decision, "dlt.category_window").result == "fail"


def test_an_unknown_zone_is_the_accounts_with_a_warning() -> None:
    mine = changed(
        "account.night",
        kind="window",
        start="08:00",
        end="20:00",
        note="ours",
        source_url="https://a.example/",
    )
    decision = evaluate(sms(to="+447700900123"), KNOWN, in_force([mine]), NOON)
    found = check(decision, "window.local_time")
    assert (found.result, found.reason, decision.zone_source) == ("warn", "zone_unknown", "default")


def test_hours_that_never_open_block() -> None:
    mine = changed("account.hour", kind="window", start="09:00", end="09:30")
    decision = evaluate(sms(to="+61412345678"), KNOWN, in_force([mine]), NOON)
    found = check(decision, "window.local_time")
    assert (found.severity, found.until, decision.outcome) == ("block", None, "block")


def test_an_accounts_own_window_adds_to_those_of_the_packs() -> None:
    mine = changed("account.lunch", kind="window", categories=["promotional"], start="00:00", end="12:00")
    table = in_force([mine])
    decision = evaluate(promotion(), KNOWN, table, NOON)  # 12:00 in New York: the pack is open
    assert check(decision, "window.local_time").until == datetime(2026, 11, 21, 13, 0, tzinfo=UTC)


def test_an_accounts_zone_goes_before_the_numbers() -> None:
    mine = changed("account.toll-free", loosens=True, kind="zone", prefix="+1800", zone="America/Chicago")
    decision = evaluate(sms(to="+18005551234"), KNOWN, in_force([mine]), NOON)
    assert (decision.zones, decision.zone_source) == (("America/Chicago",), "account")


def promotion() -> Intent:
    return sms(category="promotional")


def test_tightening_takes_no_flag_and_shows_in_the_version() -> None:
    policies = in_force([changed("us.tcpa.hours", end="20:00")])
    (tcpa,) = [policy for policy in policies if policy.id == "us.tcpa"]
    assert tcpa.version.startswith("2026-11-20+")
    decision = evaluate(promotion(), KNOWN, policies, datetime(2026, 11, 21, 1, 0, tzinfo=UTC))
    assert check(decision, "window.local_time").result == "fail"
    assert decision.policies["us.tcpa"] == tcpa.version


def test_another_change_is_another_version() -> None:
    def version(end: str) -> str:
        return next(
            policy.version
            for policy in in_force([changed("us.tcpa.hours", end=end)])
            if policy.id == "us.tcpa"
        )

    assert version("20:00") == version("20:00") != version("19:00")


def test_a_stored_change_that_a_newer_pack_overtook_is_left_out() -> None:
    stored = [
        changed("us.tcpa.gone", end="20:00"),
        changed("us.tcpa.hours", end="22:00"),
        changed("default.cap", most=1),
    ]
    assert getattr(rule_of("us.tcpa.hours", *stored), "end", None) == "21:00"
    assert getattr(rule_of("default.cap", *stored), "most", None) == 1


def test_an_accounts_rules_for_other_categories_are_timetables_of_their_own() -> None:
    stored = [
        changed("account.night", kind="window", start="07:00", end="22:00"),
        changed("account.mornings", kind="window", categories=["promotional"], start="00:00", end="10:00"),
    ]
    decision = evaluate(promotion(), KNOWN, in_force(stored), NOON)
    assert check(decision, "window.local_time").until == datetime(2026, 11, 21, 13, 0, tzinfo=UTC)


def test_the_strictest_limits_count() -> None:
    mine = changed("account.short", kind="content", longest=10, segments=1)
    assert check(evaluate(sms(), KNOWN, in_force([mine]), NOON), "content.length").reason == "too_long"


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("us.tcpa.hours", {"end": "22:00"}),
        ("us.tcpa.hours", {"start": "07:00"}),
        ("us.tcpa.hours", {"enabled": False}),
        ("us.tcpa.hours", {"countries": ["US"]}),
        ("us.tcpa.hours", {"categories": ["service_explicit"]}),
        ("us.tcpa.tx", {"days": ["mon", "sun"]}),
        ("fr.arcep.hours", {"holidays": []}),
        ("default.cap", {"most": 6}),
        ("default.cap", {"hours": 12}),
        ("default.cap", {"action": "defer"}),
        ("us.carriers.10dlc", {"action": "warn"}),
        ("in.trai.hours-promotional", {"zone": "UTC"}),
        ("default.content", {"segments": 20}),
        ("default.override", {"checks": ["suppression.opt_out"]}),
    ],
)
def test_loosening_takes_a_flag(rule: str, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=f"{rule}.{next(iter(values))}: allows more"):
        checked([changed(rule, **values)])
    assert rule_of(rule, changed(rule, loosens=True, **values)) != rule_of(rule)


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("us.tcpa.hours", {"start": "09:00", "end": "20:00", "action": "block"}),
        ("us.tcpa.hours", {"days": ["mon", "tue"]}),
        ("us.tcpa.hours", {"countries": []}),
        ("us.tcpa.hours", {"categories": ["promotional", "service_explicit"]}),
        ("us.tcpa.hours", {"holidays": ["12-25"]}),
        ("default.cap", {"most": 1}),
        ("default.consent", {"action": "block"}),
        ("default.content", {"longest": 160}),
        ("default.override", {"checks": []}),
    ],
)
def test_tightening_is_free(rule: str, values: dict[str, Any]) -> None:
    assert rule_of(rule, changed(rule, **values)) != rule_of(rule)


@pytest.mark.parametrize(
    ("rule", "values", "says"),
    [
        ("us.tcpa.hour", {"end": "20:00"}, "no such rule"),
        ("us.tcpa.hours", {"end": "8pm"}, "a time of day"),
        ("us.tcpa.hours", {"start": "21:00"}, "must be after"),
        ("us.tcpa.hours", {"days": []}, "names no day"),
        ("us.tcpa.hours", {"day": ["mon"]}, "unknown field"),
        ("us.tcpa.hours", {"days": ["monday"]}, "Invalid enum"),
        ("us.tcpa.hours", {"countries": ["USA"]}, "two capital letters"),
        ("us.tcpa.hours", {"id": "x.y"}, "cannot be changed"),
        ("us.tcpa.hours", {"kind": "cap"}, "cannot be changed"),
        ("us.tcpa.hours", {"zone": "Mars/Olympus"}, "no IANA time zone"),
        ("us.tcpa.hours", {"holidays": ["Christmas"]}, "must be 12-25"),
        ("default.cap", {"most": -1}, "`most` is"),
        ("default.override", {"checks": ["number.valid"]}, "cannot be overridden"),
        ("account.x", {"kind": "window", "start": "09:00"}, "missing required field"),
        ("account.x", {"kind": "curfew"}, "Invalid value"),
        ("account.x", {"kind": "zone", "prefix": "1800", "zone": "UTC"}, "beginning of an E.164"),
        ("account.x", {"kind": "override", "checks": ["suppression.opt_out"]}, "allows more"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_field(
    rule: str, values: dict[str, Any], says: str
) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        checked([changed(rule, **values)])
    assert refused.value.errors


def test_the_last_change_of_a_rule_counts() -> None:
    rule = rule_of("default.cap", changed("default.cap", most=1), changed("default.cap", most=3))
    assert getattr(rule, "most", None) == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}", "missing required field"),
        (b"{", "truncated"),
        (TWICE, "two rules of this id"),
    ],
)
def test_a_wrong_pack_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read(content)
