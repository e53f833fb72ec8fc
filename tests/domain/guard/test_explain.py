# A decision in words, for the command line and the console (S5).

from datetime import timedelta

from aftercall.domain.guard.explain import explain, in_short, rule_text
from aftercall.engine.policies import packs
from tests.domain.guard.samples import HEADER, INTENT, KNOWN, WORD, decide, indian, sms, suppression
from tests.domain.samples import but


def test_a_message_that_goes_is_told_in_three_lines() -> None:
    assert explain(decide()).splitlines() == [
        "Goes",
        "  service implicit text to +*********34, in US, 1 segment, about 0.0079 USD",
        "  25 checks passed, 6 do not apply.",
    ]


def test_a_blocked_message_says_what_was_found_and_what_to_do() -> None:
    told = explain(decide(suppressions=(suppression("keyword", reason="STOP"),))).splitlines()
    assert told[0] == "Blocked (opted_out)"
    assert told[2] == (
        "  fail The recipient has not opted out: keyword of 2026-11-17 17:00 UTC: STOP; expected no entry "
        "[suppression.opt_out]"
    )
    assert told[3] == "       Only the recipient can undo this, with START or a new sign-up."


def test_a_deferred_message_says_until_when_there_and_here() -> None:
    intent = but(indian(category="service_explicit"), max_age=timedelta(days=2))
    told = explain(decide(intent, but(KNOWN, sender=HEADER, dlt_route=True)))
    assert told.startswith("Waits until 2026-11-21 04:30 UTC, Sat 10:00 in Asia/Calcutta (outside_window)\n")


def test_an_override_names_who_and_why() -> None:
    told = explain(decide(but(INTENT, override=WORD), duplicate_of="dlv_0"))
    assert told.startswith("Goes, overridden\n")
    assert "  overridden by usr_1: the customer asked for it" in told


def test_a_dry_run_says_so() -> None:
    assert explain(decide(but(sms(text=""), dry_run=True))).startswith("Dry run: blocked (empty)\n")


def test_each_outcome_has_its_one_line() -> None:
    late = but(indian(category="service_explicit"), max_age=timedelta(days=2))
    deferred = in_short(decide(late, but(KNOWN, sender=HEADER, dlt_route=True)))
    told = [
        in_short(decide()),
        in_short(decide(suppressions=(suppression("keyword", reason="STOP"),))),
        in_short(decide(but(INTENT, override=WORD), duplicate_of="dlv_0")),
    ]
    assert told == [
        "Text to +*********34: the guard lets it go",
        "Text to +*********34 not sent: opted out (keyword of 2026-11-17 17:00 UTC: STOP)",
        "Text to +*********34: goes, overridden by usr_1",
    ]
    assert deferred == (
        "Text to +**********10 not sent yet: outside window (Fri 22:30 in Asia/Kolkata); looked at again at "
        "2026-11-21 04:30 UTC, Sat 10:00 in Asia/Calcutta"
    )


def test_rules_are_told_in_one_line() -> None:
    told = {rule.id: rule_text(rule) for policy in packs() for rule in policy.rules}
    assert told["in.trai.hours-service-explicit"] == (
        "service explicit, in IN: 10:00 to 21:00, Asia/Kolkata; waits"
    )
    assert told["us.tcpa.tx-sunday"] == "promotional, in US, region TX: 12:00 to 21:00, sun; waits"
    assert told["default.cap-promotional"] == "promotional, to caller: at most 2 in 24 hours; blocked"
