# What must come of the captured calls: the record, exactly; times within 50 ms of the truth where that was
# measured at the phones.

import random
from datetime import datetime
from typing import Any

import pytest

from aftercall.domain.fact import place
from aftercall.domain.project import Fold, Projection, project
from tests.sources.asterisk.captures import ALL, TABLE, TRUTH, calls, facts, first_call, folded

# The tables of truth name the events that tell the call; these are told as well, and change nothing of it.
ASIDE = {"ringing", "recording_started", "voicemail_left"}
NEAR = 0.05

Row = dict[str, Any]

# Seconds from the first event; from notes taken while the calls were made.
SCENARIOS: dict[str, Row] = {
    "queue_answered": {
        "outcome": ("inbound", "direct", "answered", None, "agent"),
        "times": (0.01, 6.23, 10.76), "digits": "1", "queue": "support", "agent": "Jordan", "missed": ["Asha"],
        "events": "received ivr_answered dtmf department_entered agent_dialed agent_missed agent_dialed "
        "agent_answered connected ended completed",
    },
    "queue_abandon": {
        "outcome": ("inbound", "direct", "abandoned", "caller_hangup_in_queue", "caller"),
        "times": (0.0, None, 5.49), "digits": "1", "queue": "support", "missed": ["Asha"],
        "events": "received ivr_answered dtmf department_entered agent_dialed agent_missed ended completed",
    },
    "missed_noanswer": {
        "outcome": ("inbound", "direct", "missed", "no_answer", "system"),
        "times": (None, None, 3.02), "missed": ["noans"],
        "events": "received agent_dialed agent_missed ended completed",
    },
    "busy": {
        "outcome": ("inbound", "direct", "missed", "busy", "system"),
        "times": (None, None, 0.01), "missed": ["busy"],
        "events": "received agent_dialed agent_missed ended completed",
    },
    "voicemail": {
        "outcome": ("inbound", "direct", "voicemail", None, "system"),
        "times": (2.01, None, 6.53), "missed": ["noans"],
        "events": "received agent_dialed agent_missed voicemail_started ended completed",
    },
    "blind_transfer": {
        "outcome": ("inbound", "direct", "answered", None, "system"),
        "times": (1.01, 1.01, 7.02), "agent": "agent2",
        "events": "received agent_dialed agent_answered connected transferred ended completed",
    },
    "click2call": {
        "outcome": ("outbound", "click_to_call", "answered", None, "agent"),
        "times": (1.01, 2.02, 4.52), "agent": "agent3",
        "events": "initiated agent_dialed agent_answered customer_answered connected ended completed",
    },
}  # fmt: skip
TALKED = {"queue_answered": 4.5, "click2call": 2.5, "blind_transfer": 2.0}

IN, OUT, CLICK = ("inbound", "direct"), ("outbound", "direct"), ("outbound", "click_to_call")
TALK, VOICEMAIL = "connected ended completed", "voicemail_started ended completed"
ANSWERED = "received agent_dialed agent_answered connected ended completed"
# outcome, answered by, missed by, events
PHONES: dict[str, tuple[tuple[Any, ...], str | None, list[str], str]] = {
    "01_inbound_answered_caller_hangs_up": ((*IN, "answered", None, "caller"), "101", [], ANSWERED),
    "03_inbound_missed_no_answer": (
        (*IN, "missed", "no_answer", "system"), None, ["101"],
        "received agent_dialed agent_missed ended completed",
    ),
    "04_inbound_caller_abandons_ringing": (
        (*IN, "missed", "caller_cancelled", "caller"), None, ["101"],
        "received agent_dialed agent_missed ended completed",
    ),
    "05_inbound_agent_busy": (
        (*IN, "missed", "busy", "system"), None, ["101"],
        "received agent_dialed agent_missed ended completed",
    ),
    "07_inbound_phone_unregistered": (
        (*IN, "missed", "unavailable", "system"), None, [], "received ended completed",
    ),
    "09_inbound_anonymous_caller": ((*IN, "answered", None, "agent"), "101", [], ANSWERED),
    "11_ivr_digit_then_agent": (
        (*IN, "answered", None, "caller"), "101", [],
        "received ivr_answered dtmf agent_dialed agent_answered connected ended completed",
    ),
    "13_ivr_caller_hangs_up_in_menu": (
        (*IN, "abandoned", "caller_hangup_in_ivr", "caller"), None, [],
        "received ivr_answered ended completed",
    ),
    "17_queue_first_misses_second_answers": (
        (*IN, "answered", None, "caller"), "102", ["101"],
        "received department_entered agent_dialed agent_missed agent_dialed agent_answered " + TALK,
    ),
    "18_queue_abandoned": (  # 102 was ringing when the caller left: missed, because the caller cancelled
        (*IN, "abandoned", "caller_hangup_in_queue", "caller"), None, ["101", "102"],
        "received department_entered agent_dialed agent_missed agent_dialed agent_missed ended completed",
    ),
    "19_queue_timeout_voicemail": (
        (*IN, "voicemail", None, "caller"), None, ["101", "102"],
        "received department_entered agent_dialed agent_missed agent_dialed agent_missed " + VOICEMAIL,
    ),
    "24_voicemail_left": (
        (*IN, "voicemail", None, "caller"), None, ["101"],
        "received agent_dialed agent_missed voicemail_started ended completed",
    ),
    "26_ring_group_second_answers": (
        (*IN, "answered", None, "agent"), "102", [],
        "received agent_dialed agent_dialed agent_dialed agent_answered connected ended completed",
    ),
    "28_ring_group_local": (
        (*IN, "answered", None, "agent"), "102", [],
        "received agent_dialed agent_dialed agent_answered connected ended completed",
    ),
    "31_blind_transfer_refer": (
        (*IN, "answered", None, "agent"), "101", [],
        "received agent_dialed agent_answered connected transferred agent_dialed agent_answered " + TALK,
    ),
    "34_attended_transfer_replaces": (
        (*IN, "answered", None, "agent"), "101", [],
        "received agent_dialed agent_answered connected held resumed transferred connected ended completed",
    ),
    "38_recording_mixmonitor": ((*IN, "answered", None, "agent"), "101", [], ANSWERED),
    "40_outbound_answered": (
        (*OUT, "answered", None, "callee"), "101", [],
        "initiated customer_answered connected ended completed",
    ),
    "42_outbound_no_answer": (
        (*OUT, "missed", "no_answer", "system"), "101", [], "initiated customer_missed ended completed",
    ),
    "50_click_to_call_answered": (
        (*CLICK, "answered", None, "callee"), "101", [],
        "initiated agent_dialed agent_answered customer_answered connected ended completed",
    ),
    "51_click_to_call_customer_no_answer": (
        (*CLICK, "missed", "no_answer", "system"), "101", [],
        "initiated agent_dialed agent_answered customer_missed ended completed",
    ),
    "53_click_to_call_agent_no_answer": (
        (*CLICK, "missed", "agent_no_answer", "system"), None, ["101"],
        "initiated agent_dialed agent_missed ended completed",
    ),
    "81_ami_connection_lost": ((*IN, "answered", None, "caller"), "101", [], ANSWERED),
    "90_pbx_stop_now_mid_call": ((*IN, "answered", None, "system"), "101", [], ANSWERED),
}  # fmt: skip
# (endpoint, its n-th leg): from which to which leg's end the customer talked; several stretches add up.
TALKS = {
    "01_inbound_answered_caller_hangs_up": 5.007, "09_inbound_anonymous_caller": 3.005,
    "11_ivr_digit_then_agent": 4.323, "17_queue_first_misses_second_answers": 4.999,
    "26_ring_group_second_answers": 4.004, "28_ring_group_local": 4.008, "31_blind_transfer_refer": 7.009,
    "34_attended_transfer_replaces": 12.021, "38_recording_mixmonitor": 5.006, "40_outbound_answered": 4.005,
    "50_click_to_call_answered": 4.004, "81_ami_connection_lost": 7.007, "90_pbx_stop_now_mid_call": 2.991,
}  # fmt: skip


def outcome(projection: Projection) -> tuple[Any, ...]:
    made = projection.call
    assert made.hangup is not None
    return made.direction, made.call_type, made.status, made.reason, made.hangup.by


def events(projection: Projection) -> str:
    names = (event.name.removeprefix("call.") for event in projection.events)
    return " ".join(name for name in names if name not in ASIDE)


def after(start: datetime | None, at: datetime | None) -> float | None:
    return None if at is None or start is None else (at - start).total_seconds()


@pytest.mark.parametrize("name", TABLE)
def test_record_when_phones_are_dialplan(name: str) -> None:
    row, made = SCENARIOS[name], project(first_call(name))
    call = made.call
    assert outcome(made) == row["outcome"]
    assert events(made) == row["events"]
    assert "".join(d.digit for d in call.digits) == row.get("digits", "")
    assert (call.queue.name if call.queue else None) == row.get("queue")
    assert ((call.agent.name or call.agent.id) if call.agent else None) == row.get("agent")
    assert [leg.agent.name or leg.agent.id for leg in call.missed_agents] == row.get("missed", [])
    times = (call.server_answered_at, call.connected_at, call.ended_at)
    assert [after(call.started_at, at) for at in times] == [
        pytest.approx(at, abs=0.01) for at in row["times"]
    ]
    assert folded(first_call(name)).talk.total.total_seconds() == pytest.approx(TALKED.get(name, 0), abs=NEAR)


@pytest.mark.parametrize("name", PHONES)
def test_record_when_phones_are_real(name: str) -> None:
    expected, agent, missed, told = PHONES[name]
    made = project(first_call(name))
    assert outcome(made) == expected
    assert (made.call.agent.id if made.call.agent else None) == agent
    assert [leg.agent.id for leg in made.call.missed_agents] == missed
    assert events(made) == told
    assert made.call.data_quality == ()


@pytest.mark.parametrize("name", TRUTH)
def test_times_when_measured_at_the_phones(name: str) -> None:
    call = project(first_call(name)).call
    legs = TRUTH[name]["legs"]
    start, end = min(leg["invite_at"] for leg in legs), max(leg["end_at"] for leg in legs)
    assert call.started_at is not None
    assert call.started_at.timestamp() == pytest.approx(start, abs=NEAR)
    assert call.ended_at is not None
    assert call.ended_at.timestamp() == pytest.approx(end, abs=NEAR)
    talked = folded(first_call(name)).talk.total.total_seconds()
    assert talked == pytest.approx(TALKS.get(name, 0.0), abs=NEAR)
    assert call.talk_time_seconds == int(talked)


@pytest.mark.parametrize("name", TALKS)
def test_connected_when_the_second_of_two_phones_picked_up(name: str) -> None:
    """The customer's phone and the agent's are both up from then on; a menu's or queue's answer is not it."""
    agents = [leg for leg in TRUTH[name]["legs"] if leg["answer_at"]]
    call = project(first_call(name)).call
    customer = next(leg for leg in agents if leg["endpoint"] == "customer")
    phone = next(leg for leg in agents if leg["endpoint"].startswith("phone"))
    assert call.connected_at is not None
    both = max(customer["answer_at"], phone["answer_at"])
    assert call.connected_at.timestamp() == pytest.approx(both, abs=NEAR)


@pytest.mark.parametrize("name", ALL)
def test_call_when_facts_come_in_any_order_and_twice(name: str) -> None:
    dice = random.Random(name)
    for told in calls(facts(name)).values():
        expected = project(told)
        for _ in range(5):
            again = told + dice.sample(told, max(len(told) // 10, 1))
            dice.shuffle(again)
            assert project(again) == expected


@pytest.mark.parametrize("name", ALL)
def test_call_when_folded_one_by_one(name: str) -> None:
    for told in calls(facts(name)).values():
        fold = Fold()
        for fact in sorted(told, key=place):
            assert fold.follows([fact])
            fold.extend([fact])
        assert fold.read() == project(told)


@pytest.mark.parametrize("name", ALL)
def test_events_when_said_as_soon_as_they_are_known(name: str) -> None:
    """What is told of a call in progress must not turn out to be wrong: nobody can take it back."""
    for told in calls(facts(name)).values():
        final = {(event.name, event.discriminator): event.details for event in project(told).events}
        for n in range(1, len(told)):
            for event in project(told[:n]).events:
                assert final[event.name, event.discriminator] == event.details


def test_numbers_when_inbound_and_outbound() -> None:
    inbound = project(first_call("01_inbound_answered_caller_hangs_up")).call
    assert (inbound.from_, inbound.to, inbound.did) == ("447700900123", "442079460101", "442079460101")
    outbound = project(first_call("40_outbound_answered")).call
    assert (outbound.from_, outbound.to, outbound.caller_id) == ("101", "447700900456", "442079460101")
    click = project(first_call("53_click_to_call_agent_no_answer")).call
    assert (click.to, click.customer_dialed) == ("447700900456", False)


def test_ring_group_when_answered_elsewhere() -> None:
    call = project(first_call("26_ring_group_second_answers")).call
    assert [(leg.agent.id, leg.answered_at is not None) for leg in call.agents] == [
        ("101", False), ("102", True), ("103", False)
    ]  # fmt: skip
    assert [step.result for step in call.call_flow] == [
        "answered_elsewhere",
        "answered",
        "answered_elsewhere",
    ]


def test_ring_group_when_it_goes_through_local_channels() -> None:
    call = project(first_call("28_ring_group_local")).call
    assert [leg.agent.id for leg in call.agents] == ["101", "102"]


def test_recording_when_mixmonitor_names_its_file() -> None:
    [recording] = project(first_call("38_recording_mixmonitor")).call.recordings
    assert (recording.id, recording.status) == ("20261120-094929-1795168169.175.wav", "pending")


def test_voicemail_when_a_message_is_left() -> None:
    told = project(first_call("19_queue_timeout_voicemail")).events
    assert [e.details["voicemail"] for e in told if e.name == "call.voicemail_started"] == [{"box": "200"}]
    assert "call.voicemail_left" in {e.name for e in told}


def test_transfer_when_blind() -> None:
    [told] = [
        e for e in project(first_call("31_blind_transfer_refer")).events if e.name == "call.transferred"
    ]
    assert told.details["transfer"]["kind"] == "blind"
    assert told.details["transfer"]["to"] == "102"
    assert told.details["transfer"]["from_agent"]["id"] == "101"


def test_transfer_when_attended_goes_on_in_the_first_call() -> None:
    call = project(first_call("34_attended_transfer_replaces")).call
    assert [leg.agent.id for leg in call.agents] == ["101", "102"]
    assert call.hold_seconds == 4


def test_transfer_when_attended_leaves_the_consultation_behind() -> None:
    """Until the engine can merge calls it is one of its own: internal, and flagged."""
    _, consultation = calls(facts("34_attended_transfer_replaces")).values()
    call = project(consultation).call
    assert (call.call_type, call.status, call.from_, call.to) == ("internal", "answered", "101", "102")
    assert call.data_quality == ("merged",)


def test_transfer_when_attended_and_both_calls_are_told_as_one() -> None:
    both = facts("34_attended_transfer_replaces")
    made, talk = project(both), folded(both).talk.total.total_seconds()
    assert outcome(made) == PHONES["34_attended_transfer_replaces"][0]
    assert talk == pytest.approx(TALKS["34_attended_transfer_replaces"], abs=NEAR)
    assert [leg.agent.id for leg in made.call.agents] == ["101", "102"]
    assert project(both[::-1]) == made
