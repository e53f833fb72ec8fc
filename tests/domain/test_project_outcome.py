# Status and reason of an ended call: one line for each way it can come out.

from typing import Any

import pytest

from aftercall.domain.fact import Agent, Data, Fact, Hangup, Kind, Named, Reason, Status, Transfer
from aftercall.domain.project import project
from tests.domain import calls
from tests.domain.calls import (
    ASHA,
    BEN,
    MAIN_MENU,
    SUPPORT,
    Script,
    click_to_call,
    inbound,
    outbound,
    to_queue,
)

CALLER = Hangup(by="caller", cause_code=16)
SYSTEM = Hangup(by="system", cause_code=16)
NOBODY_SAYS = Hangup(cause_code=16)


def menu(script: Script) -> Script:
    return script.say(Kind.IVR_ANSWERED, 1, ivr=MAIN_MENU)


def rung(script: Script) -> Script:
    return script.say(Kind.AGENT_DIALED, 10, leg="a1", agent=ASHA)


def missed(script: Script, **why: Any) -> Script:
    return rung(script).say(Kind.AGENT_MISSED, 18, leg="a1", agent=ASHA, **why)


def ended(script: Script, hangup: Hangup | None = None, **data: Any) -> list[Fact]:
    return script.say(Kind.ENDED, 20, leg="in", hangup=hangup, **data).facts


def new() -> Script:
    return inbound("call-1")


OUTCOMES: dict[str, tuple[list[Fact], Status, Reason | None]] = {
    "answered": (calls.answered_via_menu_and_queue(), "answered", None),
    "answered, then to voicemail": (
        rung(new()).say(Kind.CONNECTED, 12, agent=ASHA).say(Kind.VOICEMAIL_STARTED, 15).say(Kind.ENDED, 20).facts,
        "answered",
        None,
    ),
    "the menu answers, nobody else": (ended(menu(new()), SYSTEM), "missed", "unknown"),
    "the server answers, nobody else": (ended(new().say(Kind.ANSWERED, 1)), "missed", "unknown"),
    "billed seconds are no conversation": (ended(new(), billable_seconds=12), "missed", "unknown"),
    "voicemail": (calls.voicemail(), "voicemail", None),
    "voicemail after the queue": (
        ended(to_queue(new()).say(Kind.VOICEMAIL_STARTED, 12), CALLER),
        "voicemail",
        None,
    ),
    "hangs up in the queue": (ended(to_queue(new()), CALLER), "abandoned", "caller_hangup_in_queue"),
    "hangs up in the queue while it rings": (
        ended(rung(to_queue(new())), CALLER), "abandoned", "caller_hangup_in_queue"
    ),
    "ends in the queue, nobody says why": (
        ended(to_queue(new()), NOBODY_SAYS), "abandoned", "caller_hangup_in_queue"
    ),
    "ends in the queue without a hangup": (ended(to_queue(new())), "abandoned", "caller_hangup_in_queue"),
    "ends in the queue after misses, nobody says why": (
        ended(missed(to_queue(new())), NOBODY_SAYS), "abandoned", "caller_hangup_in_queue"
    ),
    "the queue times out": (ended(to_queue(new()), SYSTEM), "missed", "queue_timeout"),
    "the queue times out after misses": (ended(missed(to_queue(new())), SYSTEM), "missed", "queue_timeout"),
    "hangs up in the menu": (ended(menu(new()), CALLER), "abandoned", "caller_hangup_in_ivr"),
    "ends in the menu, nobody says why": (
        ended(menu(new()), NOBODY_SAYS), "abandoned", "caller_hangup_in_ivr"
    ),
    "hangs up while it rings after the menu": (
        ended(rung(menu(new())), CALLER), "abandoned", "caller_hangup_in_ivr"
    ),
    "nobody answers after the menu": (ended(missed(menu(new())), NOBODY_SAYS), "missed", "no_answer"),
    "the menu's line fails": (ended(menu(new()), Hangup(cause_code=34)), "missed", "congestion"),
    "hangs up in the menu the queue led to": (
        ended(to_queue(new()).say(Kind.IVR_ANSWERED, 12), CALLER), "abandoned", "caller_hangup_in_ivr"
    ),
    "hangs up while it rings": (ended(rung(new()), CALLER), "missed", "caller_cancelled"),
    "cancels (487)": (ended(new(), Hangup(sip_code=487)), "missed", "caller_cancelled"),
    "nobody answers": (calls.missed_no_answer(), "missed", "no_answer"),
    "still rings at the end": (ended(rung(new()), NOBODY_SAYS), "missed", "no_answer"),
    "rings, no agents told": (ended(new().say(Kind.RINGING, 1)), "missed", "no_answer"),
    "busy": (calls.busy(), "missed", "busy"),
    "the last agent's reason": (
        ended(
            missed(new(), reason="busy")
            .say(Kind.AGENT_DIALED, 18, leg="a2", agent=BEN)
            .say(Kind.AGENT_MISSED, 19, leg="a2", hangup=Hangup(cause="USER_NOT_REGISTERED")),
            SYSTEM,
        ),
        "missed",
        "unavailable",
    ),
    "an agent's reason before the caller's leg's": (
        ended(missed(new()), Hangup(sip_code=603)), "missed", "no_answer"
    ),
    "no agent to ring": (ended(new(), Hangup(cause_code=20)), "missed", "unavailable"),
    "the source's reason": (ended(rung(new()), SYSTEM, reason="closed_hours"), "missed", "closed_hours"),
    "the source's reason makes the status": (
        ended(new(), reason="caller_hangup_in_queue"), "abandoned", "caller_hangup_in_queue"
    ),
    "the source's status": (ended(to_queue(new()), CALLER, status="missed"), "missed", "caller_cancelled"),
    "the source's status without a reason": (
        ended(new(), status="abandoned"), "abandoned", "caller_cancelled"
    ),
    "the source's status answered": (ended(new(), status="answered", reason="busy"), "answered", None),
    "outbound, answered": (calls.outbound_answered(), "answered", None),
    "outbound, not answered": (calls.outbound_no_answer(), "missed", "no_answer"),
    "outbound, rejected": (
        outbound("o").say(Kind.CUSTOMER_DIALED, 1).say(Kind.ENDED, 5, hangup=Hangup(sip_code=603)).facts,
        "missed",
        "rejected",
    ),
    "outbound, the agent gives up": (
        outbound("o").say(Kind.CUSTOMER_DIALED, 1).say(Kind.ENDED, 5, hangup=CALLER).facts,
        "missed",
        "caller_cancelled",
    ),
    "a machine answers": (
        outbound("o", call_type="dialer")
        .say(Kind.CUSTOMER_ANSWERED, 5, leg="c1", reason="machine")
        .say(Kind.AGENT_ANSWERED, 5, leg="a1", agent=ASHA)
        .say(Kind.CONNECTED, 6)
        .say(Kind.ENDED, 9)
        .facts,
        "voicemail",
        None,
    ),
    "the call ended for a machine": (
        outbound("o").say(Kind.ENDED, 9, reason="machine").facts, "voicemail", None
    ),
    "click to call, answered": (calls.click_to_call_answered(), "answered", None),
    "click to call, customer misses": (calls.click_to_call_customer_missed(), "missed", "no_answer"),
    "click to call, agent misses": (calls.click_to_call_agent_no_answer(), "missed", "agent_no_answer"),
    "click to call, agent busy": (
        click_to_call("c").say(Kind.AGENT_MISSED, 1, leg="a1", reason="busy").say(Kind.ENDED, 2).facts,
        "missed",
        "agent_no_answer",
    ),
    "dialer, customer answers, no agent": (
        outbound("d", call_type="dialer")
        .say(Kind.CUSTOMER_ANSWERED, 5, leg="c1")
        .say(Kind.ENDED, 9, hangup=SYSTEM)
        .facts,
        "missed",
        "no_agents",
    ),
    "dialer, customer leaves the queue": (
        outbound("d", call_type="dialer")
        .say(Kind.CUSTOMER_ANSWERED, 5, leg="c1")
        .say(Kind.DEPARTMENT_ENTERED, 6, queue=SUPPORT)
        .say(Kind.ENDED, 9, hangup=Hangup(by="callee"))
        .facts,
        "abandoned",
        "caller_hangup_in_queue",
    ),
    "broadcast, answered": (
        outbound("b", call_type="broadcast").say(Kind.CUSTOMER_ANSWERED, 5).say(Kind.ENDED, 20).facts,
        "answered",
        None,
    ),
    "transferred to nobody": (
        rung(new())
        .say(Kind.CONNECTED, 11, leg="a1")
        .say(Kind.TRANSFERRED, 15, transfer=Transfer(to="102"))
        .say(Kind.ENDED, 20)
        .facts,
        "answered",
        None,
    ),
    "lost while it rang": (rung(new()).say(Kind.ORPHANED, 900).facts, "missed", "lost"),
    "lost in the queue": (to_queue(new()).say(Kind.ORPHANED, 900).facts, "missed", "lost"),
    "lost in a conversation": (
        rung(new()).say(Kind.CONNECTED, 11).say(Kind.ORPHANED, 900).facts, "answered", None
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_outcome_is(name: str) -> None:
    facts, status, reason = OUTCOMES[name]
    call = project(facts).call
    assert (call.status, call.reason) == (status, reason)


@pytest.mark.parametrize(
    ("hangup", "by"),
    [
        (Hangup(by="agent", by_tag="in"), "agent"),
        (Hangup(by="unknown", by_tag="in"), "caller"),
        (Hangup(by_tag="in"), "caller"),
        (Hangup(by_tag="other"), "callee"),
        (Hangup(by_tag="in", by_party=calls.DID), "callee"),
        (Hangup(by_tag="other", by_party=calls.CUSTOMER), "caller"),
        (Hangup(by_tag="other", by_party="contact"), "callee"),
        (Hangup(sip_code=487), "caller"),
        (Hangup(cause="ORIGINATOR_CANCEL"), "caller"),
        (Hangup(cause_code=16), None),
    ],
)
def test_who_hung_up_is_read_off_what_is_said(hangup: Hangup, by: str | None) -> None:
    call = project(ended(new(), hangup)).call
    assert call.hangup is not None
    assert call.hangup.by == by


def test_the_raw_causes_are_kept() -> None:
    hangup = Hangup(cause="USER_BUSY", cause_code=17, sip_code=486, sip_reason="Busy Here", by="callee")
    assert project(ended(new(), hangup)).call.hangup == hangup


def test_two_ends_complete_each_others_causes() -> None:
    facts = [
        *new().say(Kind.ENDED, 20, hangup=Hangup(by="agent", sip_code=200)).facts,
        *Script("other").say(Kind.ENDED, 20.1, hangup=Hangup(cause_code=16, by="unknown"), final=True).facts,
    ]
    assert project(facts).call.hangup == Hangup(by="agent", sip_code=200, cause_code=16)


def test_a_call_in_progress_has_no_outcome() -> None:
    call = project(rung(to_queue(new())).facts).call
    assert (call.status, call.reason, call.ended_at, call.duration_seconds) == (None, None, None, None)


def test_the_call_type_is_what_is_said_first() -> None:
    facts = outbound("o", call_type="dialer").say(Kind.CUSTOMER_DIALED, 1, call_type="direct").facts
    assert project(facts).call.call_type == "dialer"


@pytest.mark.parametrize(
    ("facts", "direction"),
    [
        (inbound("i").facts, "inbound"),
        (outbound("o").facts, "outbound"),
        (Script().say(Kind.RECEIVED, 0, direction="outbound").facts, "outbound"),
        (Script().say(Kind.RECEIVED, 0).say(Kind.AGENT_DIALED, 1, direction="outbound").facts, "outbound"),
        (Script().say(Kind.CUSTOMER_ANSWERED, 0).facts, None),
        (Script().say(Kind.AGENT_ANSWERED, 0).facts, None),
        (Script().say(Kind.RINGING, 0, call_type="click_to_call").facts, "outbound"),
    ],
)
def test_the_direction_is_said_or_implied_by_the_start(facts: list[Fact], direction: str | None) -> None:
    assert project(facts).call.direction == direction


def test_a_record_wins_over_what_was_said_before() -> None:
    record = Data(direction="outbound", to="+15550100", queue=Named(name="Sales"), agent=Agent(id="9"))
    facts = [*new().facts, Fact(kind=Kind.COMPLETED, call_key="call-1", occurred_at=calls.at(30),
                                natural_id="record", data=record)]  # fmt: skip
    call = project(facts).call
    assert (call.direction, call.to, call.queue) == ("outbound", "+15550100", Named(name="Sales"))
    assert call.from_ == calls.CUSTOMER


def test_who_hung_up_does_not_follow_from_numbers_that_are_not_known() -> None:
    script = Script().say(Kind.RECEIVED, 0, leg="in").say(Kind.ENDED, 9, hangup=Hangup(by_tag="other"))
    hangup = project(script.facts).call.hangup
    assert hangup is not None
    assert hangup.by == "callee"


def test_only_a_click_to_calls_outcome_tells_that_the_customer_was_dialed() -> None:
    script = Script().say(Kind.COMPLETED, 9, direction="outbound", call_type="dialer", status="answered")
    assert not project(script.facts).call.customer_dialed


def test_an_agent_rung_on_an_outgoing_call_did_not_miss_it_for_the_caller() -> None:
    script = outbound("o", call_type="dialer").say(Kind.CUSTOMER_ANSWERED, 1).say(Kind.CONNECTED, 2)
    script.say(Kind.AGENT_DIALED, 5, leg="a2", agent=BEN).say(Kind.ENDED, 9, hangup=CALLER)
    assert [leg.reason for leg in project(script.facts).call.missed_agents] == ["no_answer"]
