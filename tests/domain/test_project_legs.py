# Agents' and customers' legs: whose they are, how they came out, and what the call flow says of them.

import pytest

from aftercall.domain.call import AgentLeg, Call
from aftercall.domain.fact import Agent, Hangup, Kind
from aftercall.domain.project import project
from tests.domain import calls
from tests.domain.calls import ASHA, BEN, OTHER_CUSTOMER, RITA, SUPPORT, Script, at, inbound, outbound

Seconds = tuple[int | None, ...]
# talk, billable, ring, wait, menu, hold, outbound
SECONDS: dict[str, Seconds] = {
    "answered via menu and queue": (65, 85, 4, 14, 5, 10, None),
    "missed, no answer": (0, 0, 8, None, None, None, None),
    "missed, busy": (0, 0, 0, None, None, None, None),
    "abandoned in queue": (0, 19, 3, 13, 5, None, None),
    "abandoned in menu": (0, 9, None, None, 8, None, None),
    "answered via auto attendant": (30, 30, 3, None, 11, None, None),
    "voicemail": (0, 14, 10, None, None, None, None),
    "click to call, answered": (30, 30, 1, None, None, None, 34),
    "click to call, customer missed": (0, 0, 1, None, None, None, 20),
    "click to call, agent no answer": (0, 0, 7, None, None, None, 0),
    "dialer with disposition": (60, 60, None, None, None, None, 66),
    "outbound, answered": (4, 4, 2, None, None, None, 6),
    "outbound, no answer": (0, 0, None, None, None, None, 10),
    "blind transfer": (7, 9, 1, None, None, None, None),
    "ring group": (4, 4, 1, None, None, None, None),
    "ai agent": (90, 95, 4, None, None, None, None),
    "posted record": (60, 73, None, 10, None, None, None),
}


def call_of(script: Script) -> Call:
    return project(script.facts).call


@pytest.mark.parametrize("name", calls.CALLS)
def test_a_scripted_call_has_these_seconds(name: str) -> None:
    call = project(calls.CALLS[name]()).call
    assert SECONDS[name] == (
        call.talk_time_seconds, call.billable_seconds, call.ring_time_seconds, call.wait_seconds,
        call.ivr_seconds, call.hold_seconds, call.outbound_seconds,
    )  # fmt: skip


def test_the_steps_of_a_queued_call() -> None:
    steps = project(calls.answered_via_menu_and_queue()).call.call_flow
    assert [(s.type, s.id, s.name, s.at, s.duration_seconds, s.result, s.leg) for s in steps] == [
        ("ivr", "4711", "Main menu", at(0.5), 5, None, None),
        ("queue", "s1", "Support", at(6), 14, None, None),
        ("agent", "101", "Asha Rao", at(7), 8, "missed", "a1"),
        ("agent", "102", "Ben Okafor", at(16), 4, "answered", "a2"),
    ]


def test_the_steps_of_a_call_that_ends_while_it_rings() -> None:
    steps = project(calls.abandoned_in_queue()).call.call_flow
    assert [(s.type, s.duration_seconds, s.result) for s in steps] == [
        ("ivr", 5, None), ("queue", 13, None), ("agent", 8, "missed"), ("agent", 3, "missed")
    ]  # fmt: skip


def test_the_steps_of_a_click_to_call() -> None:
    steps = project(calls.click_to_call_answered()).call.call_flow
    assert [(s.type, s.id, s.duration_seconds, s.result, s.leg) for s in steps] == [
        ("agent", "101", 1, "answered", "a1"), ("customer", OTHER_CUSTOMER, 4, "answered", "c1")
    ]  # fmt: skip
    missed = project(calls.click_to_call_customer_missed()).call.call_flow
    assert [(s.type, s.duration_seconds, s.result) for s in missed] == [
        ("agent", 1, "answered"), ("customer", 20, "missed")
    ]  # fmt: skip


def test_a_step_under_way_has_no_duration_yet() -> None:
    step = call_of(calls.to_queue(inbound("c"))).call_flow[-1]
    assert (step.type, step.duration_seconds) == ("queue", None)


def test_an_agent_known_by_number_only_is_named_by_it() -> None:
    nobody = Agent(number="+15550101")
    call = call_of(
        inbound("c").say(Kind.AGENT_DIALED, 1, agent=nobody).say(Kind.AGENT_ANSWERED, 2, agent=nobody)
    )
    assert [(s.id, s.result) for s in call.call_flow] == [("+15550101", "answered")]


def test_what_is_said_of_one_agent_adds_up() -> None:
    script = inbound("c").say(Kind.AGENT_DIALED, 1, leg="a1", agent=Agent(id="101", name="Asha"))
    script.say(Kind.AGENT_ANSWERED, 3, leg="a1", agent=Agent("x", "y", "+15550101", "+15550102", "ai"))
    assert call_of(script).agent == Agent("101", "Asha", "+15550101", "+15550102", "ai")
    assert call_of(inbound("c").say(Kind.AGENT_ANSWERED, 1, leg="a1", agent=ASHA)).agent == ASHA


def test_an_ai_agent_stays_one() -> None:
    script = inbound("c").say(Kind.AGENT_DIALED, 1, leg="a1", agent=RITA)
    script.say(Kind.AGENT_ANSWERED, 2, leg="a1", agent=Agent(number="+15550101"))
    agent = call_of(script).agent
    assert agent is not None
    assert (agent.kind, agent.number) == ("ai", "+15550101")


def test_dialing_names_the_queue_the_call_is_in() -> None:
    def dialed(script: Script) -> object:
        return project(script.say(Kind.AGENT_DIALED, 9, agent=ASHA).facts).events[-1].details["queue"]

    named = {"id": "s1", "name": "Support"}
    assert dialed(calls.to_queue(inbound("c"))) == named
    assert dialed(calls.to_queue(inbound("c")).say(Kind.IVR_ANSWERED, 8)) is None
    assert dialed(inbound("c")) is None


def test_an_agent_nobody_dialed_is_in_the_call_once_connected() -> None:
    script = inbound("c").say(Kind.CONNECTED, 4, leg="in", agent=ASHA).say(Kind.ENDED, 9)
    call = call_of(script)
    assert (call.agent, call.agents) == (ASHA, (AgentLeg(ASHA, "in", answered_at=at(4)),))


def test_two_agents_connected_through_one_leg_are_two() -> None:
    script = inbound("c").say(Kind.CONNECTED, 4, leg="in", agent=ASHA).say(Kind.DISCONNECTED, 6, leg="in")
    call = call_of(script.say(Kind.CONNECTED, 8, leg="in", agent=BEN).say(Kind.ENDED, 9))
    assert [(leg.agent, leg.answered_at) for leg in call.agents] == [(ASHA, at(4)), (BEN, at(8))]
    assert call.agent == ASHA


def test_who_placed_the_call_is_not_rung() -> None:
    script = outbound("o", agent=ASHA).say(Kind.CUSTOMER_ANSWERED, 3).say(Kind.CONNECTED, 3, agent=ASHA)
    call = call_of(script.say(Kind.ENDED, 9))
    assert (call.agent, call.agents) == (ASHA, ())


def test_an_agent_who_answers_without_being_dialed_has_a_leg() -> None:
    call = call_of(inbound("c").say(Kind.AGENT_ANSWERED, 4, leg="a1", agent=ASHA))
    assert call.agents == (AgentLeg(ASHA, "a1", answered_at=at(4)),)


def test_a_leg_that_lost_the_race_ended_then() -> None:
    asha, ben, chloe = project(calls.ring_group()).call.agents
    assert (asha.ended_at, asha.ring_seconds, asha.missed) == (at(2.1), 2, False)
    assert (ben.answered_at, ben.ring_seconds) == (at(2), 1)
    assert (chloe.ended_at, chloe.ring_seconds, chloe.missed, chloe.reason) == (at(2), 1, False, None)


def test_an_explicit_miss_counts_even_when_another_answered() -> None:
    script = inbound("c").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA)
    script.say(Kind.AGENT_DIALED, 1, leg="a2", agent=BEN).say(Kind.AGENT_ANSWERED, 4, leg="a2")
    script.say(Kind.AGENT_MISSED, 4.1, leg="a1", hangup=Hangup(cause_code=19)).say(Kind.ENDED, 9)
    assert [leg.agent for leg in call_of(script).missed_agents] == [ASHA]


@pytest.mark.parametrize(
    ("kind", "answered_at"),
    [(Kind.CUSTOMER_DIALED, None), (Kind.CUSTOMER_ANSWERED, at(3)), (Kind.CUSTOMER_MISSED, None)],
)
def test_a_customers_leg_says_that_they_were_dialed(kind: Kind, answered_at: object) -> None:
    call = call_of(outbound("o", call_type="dialer").say(kind, 3))
    assert (call.customer_dialed, call.customer_answered_at) == (True, answered_at)
    assert [step.type for step in call.call_flow] == ["customer"]


def test_a_customers_first_outcome_is_the_legs() -> None:
    script = outbound("o").say(Kind.CUSTOMER_DIALED, 1, leg="c1")
    script.say(Kind.CUSTOMER_MISSED, 9, leg="c1", reason="busy").say(Kind.CUSTOMER_ANSWERED, 9.1, leg="c1")
    script.say(Kind.CUSTOMER_MISSED, 9.2, leg="c1", reason="no_answer").say(Kind.ENDED, 10)
    projection = project(script.facts)
    assert [e.name for e in projection.events].count("call.customer_missed") == 1
    assert (projection.call.reason, projection.call.customer_answered_at) == ("busy", None)


def test_an_answer_is_not_taken_back() -> None:
    script = outbound("o").say(Kind.CUSTOMER_ANSWERED, 3, leg="c1").say(Kind.CUSTOMER_MISSED, 9, leg="c1")
    events = project(script.say(Kind.CUSTOMER_ANSWERED, 10, leg="c1").facts).events
    assert [e.name for e in events] == ["call.initiated", "call.customer_answered"]


def test_a_second_try_to_reach_the_customer_is_a_leg_of_its_own() -> None:
    script = outbound("o", call_type="dialer").say(Kind.CUSTOMER_DIALED, 1, leg="c1")
    script.say(Kind.CUSTOMER_MISSED, 9, leg="c1").say(Kind.CUSTOMER_DIALED, 20, leg="c2")
    call = call_of(script.say(Kind.CUSTOMER_ANSWERED, 25, leg="c2"))
    assert call.customer_answered_at == at(25)
    assert [(s.duration_seconds, s.result) for s in call.call_flow] == [(8, "missed"), (5, "answered")]


def test_a_machine_that_picks_up_is_said_to_be_one() -> None:
    for kind in (Kind.CUSTOMER_ANSWERED, Kind.CUSTOMER_MISSED):
        script = outbound("o", call_type="dialer").say(Kind.CUSTOMER_DIALED, 1).say(kind, 4, reason="machine")
        assert call_of(script.say(Kind.ENDED, 9)).status == "voicemail"
    answered = outbound("o").say(Kind.CUSTOMER_ANSWERED, 4, reason="machine")
    assert call_of(answered).call_flow[0].result == "machine"


def test_the_customers_reason_comes_before_the_calls_cause() -> None:
    script = outbound("o").say(Kind.CUSTOMER_MISSED, 4, reason="busy")
    assert call_of(script.say(Kind.ENDED, 9, hangup=Hangup(cause_code=34))).reason == "busy"


@pytest.mark.parametrize("leg", ["c1", None])
def test_the_inferred_conversation_stops_when_the_customer_leaves(leg: str | None) -> None:
    script = calls.click_to_call("c").say(Kind.AGENT_ANSWERED, 2, leg="a1")
    script.say(Kind.CUSTOMER_ANSWERED, 5, leg="c1").say(Kind.DISCONNECTED, 9, leg=leg).say(Kind.ENDED, 20)
    assert call_of(script).talk_time_seconds == 4


def test_the_inferred_conversation_stops_when_the_agent_leaves() -> None:
    script = calls.click_to_call("c").say(Kind.AGENT_ANSWERED, 2, leg="a1")
    script.say(Kind.CUSTOMER_ANSWERED, 5, leg="c1").say(Kind.DISCONNECTED, 9, leg="a1").say(Kind.ENDED, 20)
    assert call_of(script).talk_time_seconds == 4
    lone = inbound("i").say(Kind.AGENT_ANSWERED, 2, leg="a1", agent=ASHA).say(Kind.DISCONNECTED, 9, leg="a1")
    assert call_of(lone.say(Kind.ENDED, 20)).talk_time_seconds == 7


def test_an_outgoing_call_of_ones_own_lasts_while_the_customer_is_on_the_line() -> None:
    script = outbound("o", agent=ASHA).say(Kind.CUSTOMER_ANSWERED, 5, leg="c1")
    script.say(Kind.DISCONNECTED, 12, leg="c1").say(Kind.ENDED, 20)
    call = call_of(script)
    assert (call.status, call.connected_at, call.talk_time_seconds) == ("answered", at(5), 7)


def test_the_wait_ends_with_the_answer_and_the_queue_is_remembered() -> None:
    script = inbound("c").say(Kind.DEPARTMENT_ENTERED, 2, queue=SUPPORT).say(Kind.CONNECTED, 10, agent=ASHA)
    call = call_of(script.say(Kind.ENDED, 20))
    assert (call.wait_seconds, call.queue, call.status) == (8, SUPPORT, "answered")


def test_a_hold_ends_with_the_conversation() -> None:
    script = inbound("c").say(Kind.CONNECTED, 2, leg="a1").say(Kind.HELD, 4, leg="a1")
    script.say(Kind.DISCONNECTED, 10, leg="a1").say(Kind.ENDED, 20)
    call = call_of(script)
    assert (call.hold_seconds, call.talk_time_seconds) == (6, 8)
