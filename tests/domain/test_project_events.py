# The events a call gives rise to: which, with which discriminator, and what they say.

from typing import Any

import pytest

from aftercall.domain.event import Derived
from aftercall.domain.fact import (
    Agent,
    Analysis,
    Fact,
    Hangup,
    Kind,
    Named,
    Recording,
    Transcript,
    Transfer,
    Voicemail,
)
from aftercall.domain.project import project
from tests.domain import calls
from tests.domain.calls import ASHA, BEN, MAIN_MENU, SUPPORT, Script, at, inbound

END = ["ended", "completed"]
TOLD: dict[str, list[str]] = {
    "answered via menu and queue": [
        "received", "ivr_answered 4711:1", "dtmf 2026-11-20T09:30:05.500000+00:00", "department_entered s1:1",
        "agent_dialed a1", "agent_missed a1", "agent_dialed a2", "agent_answered a2", "connected 1",
        "recording_started rec-1", "held 1", "resumed 1", *END,
    ],
    "missed, no answer": ["received", "ringing", "agent_dialed a1", "agent_missed a1", *END],
    "missed, busy": ["received", "agent_dialed a1", "agent_missed a1", *END],
    "abandoned in queue": [
        "received", "ivr_answered 4711:1", "dtmf 2026-11-20T09:30:05.500000+00:00", "department_entered s1:1",
        "agent_dialed a1", "agent_missed a1", "agent_dialed a2", "agent_missed a2", *END,
    ],
    "abandoned in menu": ["received", "ivr_answered 4711:1", *END],
    "answered via auto attendant": [
        "received", "auto_attendant_entered aa1:1", "agent_dialed a1", "agent_answered a1", "connected 1", *END
    ],
    "voicemail": [
        "received", "agent_dialed a1", "agent_missed a1", "voicemail_started 1", "voicemail_left 1", *END
    ],
    "click to call, answered": [
        "initiated", "agent_dialed a1", "agent_answered a1", "customer_answered c1", "connected 1", *END
    ],
    "click to call, customer missed": [
        "initiated", "agent_dialed a1", "agent_answered a1", "customer_missed c1", *END
    ],
    "click to call, agent no answer": ["initiated", "agent_dialed a1", "agent_missed a1", *END],
    "dialer with disposition": [
        "initiated", "session_answered session-1", "customer_answered c1", "agent_answered a1", "connected 1",
        *END, "disposition_updated 1", "wrapped_up",
    ],
    "outbound, answered": ["initiated", "ringing", "customer_answered c1", "connected 1", *END],
    "outbound, no answer": ["initiated", "customer_missed c1", *END],
    "blind transfer": [
        "received", "agent_dialed a1", "agent_answered a1", "connected 1", "transferred 1", "agent_dialed a2",
        "agent_answered a2", "connected 2", *END,
    ],
    "ring group": [
        "received", "agent_dialed a1", "agent_dialed a2", "agent_dialed a3", "agent_answered a2", "connected 1",
        *END,
    ],
    "ai agent": [
        "received", "agent_answered ai", "connected 1", "transferred 1", "agent_dialed a1", "agent_answered a1",
        "connected 2", *END,
    ],
    "posted record": END,
}  # fmt: skip


def told(facts: list[Fact]) -> list[str]:
    return [f"{e.name.removeprefix('call.')} {e.discriminator}".strip() for e in project(facts).events]


def last(script: Script) -> Derived:
    return project(script.facts).events[-1]


@pytest.mark.parametrize("name", calls.CALLS)
def test_a_call_tells_these_events(name: str) -> None:
    assert told(calls.CALLS[name]()) == TOLD[name]


ASHA_PLAIN = {"id": "101", "name": "Asha Rao", "number": "+442079460111", "follow_me_number": "+447700900901"}


@pytest.mark.parametrize(
    ("kind", "said", "details"),
    [
        (Kind.RINGING, {"leg": "a1"}, {"leg": "a1"}),
        (Kind.IVR_ANSWERED, {"ivr": MAIN_MENU}, {"ivr": {"id": "4711", "name": "Main menu"}}),
        (
            Kind.AUTO_ATTENDANT_ENTERED,
            {"auto_attendant": Named(id="aa")},
            {"auto_attendant": {"id": "aa"}},
        ),
        (
            Kind.DEPARTMENT_ENTERED,
            {"queue": SUPPORT, "position": 3},
            {
                "queue": {"id": "s1", "name": "Support"},
                "department": {"id": "s1", "name": "Support"},
                "position": 3,
            },
        ),
        (Kind.DTMF, {"digit": "7"}, {"digit": "7", "digits_so_far": "7", "ivr": None}),
        (Kind.AGENT_DIALED, {"agent": ASHA}, {"agent": ASHA_PLAIN, "leg": "101", "queue": None}),
        (
            Kind.AGENT_ANSWERED,
            {"agent": ASHA, "leg": "a1", "ring_time_seconds": 4},
            {"agent": ASHA_PLAIN, "leg": "a1", "ring_time_seconds": 4},
        ),
        (
            Kind.AGENT_MISSED,
            {"agent": ASHA, "hangup": Hangup(cause_code=17)},
            {"agent": ASHA_PLAIN, "leg": "101", "reason": "busy", "ring_time_seconds": None},
        ),
        (Kind.CUSTOMER_ANSWERED, {"leg": "c1"}, {"leg": "c1", "reason": None}),
        (
            Kind.CUSTOMER_MISSED,
            {"hangup": Hangup(sip_code=404)},
            {"leg": "customer", "reason": "invalid_number"},
        ),
        (Kind.CONNECTED, {"agent": ASHA}, {"agent": ASHA_PLAIN, "leg": None}),
        (Kind.HELD, {"leg": "a1"}, {"leg": "a1"}),
        (
            Kind.TRANSFERRED,
            {"transfer": Transfer(from_agent=Agent(id="1"), to="102")},
            {"transfer": {"from_agent": {"id": "1"}, "to": "102", "kind": "blind"}},
        ),
        (Kind.TRANSFERRED, {"transfer": Transfer(kind="ai")}, {"transfer": {"kind": "ai"}}),
        (Kind.VOICEMAIL_STARTED, {"voicemail": Voicemail(box="101")}, {"voicemail": {"box": "101"}}),
        (Kind.VOICEMAIL_LEFT, {"voicemail": Voicemail(seconds=9)}, {"voicemail": {"seconds": 9}}),
        (
            Kind.RECORDING_READY,
            {"recording": Recording(id="r", url="https://r.example/1")},
            {"recording": {"id": "r", "url": "https://r.example/1"}},
        ),
        (
            Kind.RECORDING_FAILED,
            {"recording": Recording(id="r")},
            {"recording": {"id": "r", "status": "failed"}},
        ),
        (
            Kind.TRANSCRIPT_READY,
            {"transcript": Transcript(id="t", language="en")},
            {"transcript": {"id": "t", "language": "en", "url": None}},
        ),
        (Kind.ANALYZED, {"analysis": Analysis(summary="Fine.")}, {"analysis": {"summary": "Fine."}}),
        (
            Kind.DISPOSITION_UPDATED,
            {"disposition": "Sold", "by": "Asha"},
            {"disposition": "Sold", "sub_disposition": None, "notes": None, "by": "Asha"},
        ),
        (Kind.WRAPPED_UP, {"wrap_up_seconds": 9}, {"wrap_up_seconds": 9, "notes": None}),
    ],
)
def test_an_event_says(kind: Kind, said: dict[str, Any], details: dict[str, Any]) -> None:
    event = last(Script().say(kind, 1, **said))
    assert (event.name, event.occurred_at, event.details) == (str(kind), at(1), details)


def test_a_key_pressed_in_a_menu_names_it() -> None:
    script = inbound("keys").say(Kind.IVR_ANSWERED, 1, ivr=MAIN_MENU).say(Kind.DTMF, 2, digit="1")
    event = last(script.say(Kind.DTMF, 3, digit="2"))
    assert event.details == {
        "digit": "2", "digits_so_far": "12", "ivr": {"id": "4711", "name": "Main menu"}
    }  # fmt: skip


def test_a_key_pressed_in_a_queue_names_no_menu() -> None:
    script = calls.to_queue(inbound("keys")).say(Kind.DTMF, 9, digit="2")
    assert last(script).details["ivr"] is None


def test_keys_of_one_moment_are_told_apart() -> None:
    script = (
        Script()
        .say(Kind.DTMF, 1, digits=("1", "2"))
        .say(Kind.DTMF, 1, digit="1")
        .say(Kind.DTMF, 2, digit="1")
    )
    moment = at(1).isoformat()
    assert told(script.facts) == [
        f"dtmf {moment}", f"dtmf {moment}#2", f"dtmf {moment}#3", f"dtmf {at(2).isoformat()}"
    ]  # fmt: skip


def test_keys_are_known_by_the_sources_number_where_it_has_one() -> None:
    script = Script().say(Kind.DTMF, 1, digit="1", seq=17).say(Kind.DTMF, 2, digits=("4", "5"), seq=18)
    assert told(script.facts) == ["dtmf 17", "dtmf 18", "dtmf 18#2"]


def test_a_menu_entered_twice_is_visited_twice() -> None:
    script = (
        Script().say(Kind.IVR_ANSWERED, 1, ivr=MAIN_MENU).say(Kind.IVR_ANSWERED, 2, ivr=Named(name="Sub"))
    )
    script.say(Kind.IVR_ANSWERED, 3, ivr=MAIN_MENU).say(Kind.IVR_ANSWERED, 4)
    assert told(script.facts) == [
        "ivr_answered 4711:1", "ivr_answered Sub:1", "ivr_answered 4711:2", "ivr_answered :1"
    ]  # fmt: skip


def test_numbers_follow_the_order_of_the_facts_not_of_their_arrival() -> None:
    first, second = Script().say(Kind.CONNECTED, 1, leg="a").say(Kind.CONNECTED, 5, leg="b").facts
    assert [(e.discriminator, e.occurred_at) for e in project([second, first]).events] == [
        ("1", at(1)), ("2", at(5))
    ]  # fmt: skip


def test_an_agent_dialed_again_is_another_leg_even_without_a_name() -> None:
    script = Script().say(Kind.AGENT_DIALED, 1, agent=ASHA).say(Kind.AGENT_MISSED, 9, agent=ASHA)
    script.say(Kind.AGENT_DIALED, 10, agent=ASHA).say(Kind.AGENT_ANSWERED, 12, agent=ASHA)
    assert told(script.facts) == [
        "agent_dialed 101", "agent_missed 101", "agent_dialed 101#2", "agent_answered 101#2"
    ]  # fmt: skip


def test_a_leg_named_only_when_it_is_answered_is_the_one_that_rang() -> None:
    script = Script().say(Kind.AGENT_DIALED, 1, agent=ASHA).say(Kind.AGENT_ANSWERED, 3, leg="a1", agent=ASHA)
    assert told(script.facts) == ["agent_dialed 101", "agent_answered 101"]
    assert [leg.ring_seconds for leg in project(script.facts).call.agents] == [2]


def test_an_answer_that_names_nobody_is_of_the_only_leg_that_rings() -> None:
    script = inbound("one").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA).say(Kind.AGENT_ANSWERED, 3)
    assert project(script.facts).call.agent == ASHA


def test_who_lost_the_race_did_not_miss_the_call() -> None:
    call = project(calls.ring_group()).call
    assert (call.agent, call.missed_agents) == (BEN, ())
    assert [step.result for step in call.call_flow] == [
        "answered_elsewhere",
        "answered",
        "answered_elsewhere",
    ]


def test_who_is_rung_after_the_answer_and_never_picks_up_has_missed_it() -> None:
    script = inbound("after").say(Kind.AGENT_ANSWERED, 1, leg="a1", agent=ASHA)
    script.say(Kind.TRANSFERRED, 5, transfer=Transfer(to="102")).say(
        Kind.AGENT_DIALED, 5, leg="a2", agent=BEN
    )
    script.say(Kind.ENDED, 30, hangup=Hangup(by="caller"))
    call = project(script.facts).call
    assert [(leg.agent, leg.reason) for leg in call.missed_agents] == [(BEN, "caller_cancelled")]
    assert told(script.facts)[-3:] == ["agent_missed a2", *END]


def test_who_missed_it_at_the_end_has_the_calls_reason() -> None:
    script = inbound("end").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA)
    projection = project(script.say(Kind.ENDED, 9, reason="timeout").facts)
    assert [leg.reason for leg in projection.call.missed_agents] == ["timeout"]
    missed = projection.events[2]
    assert (missed.name, missed.occurred_at) == ("call.agent_missed", at(9))
    assert (missed.details["reason"], missed.details["ring_time_seconds"]) == ("timeout", 8)


def test_a_conversation_names_who_answered() -> None:
    script = (
        inbound("named")
        .say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA)
        .say(Kind.AGENT_DIALED, 1, leg="a2", agent=BEN)
    )
    call = project(script.say(Kind.CONNECTED, 4, leg="in", agent=BEN).say(Kind.ENDED, 9).facts).call
    assert (call.agent, [leg.missed for leg in call.agents]) == (BEN, [False, False])


def test_a_conversation_with_the_only_agent_who_rings_is_theirs() -> None:
    script = inbound("only").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA).say(Kind.CONNECTED, 4)
    assert project(script.facts).call.agent == ASHA


def test_a_recording_reported_twice_is_told_once() -> None:
    script = inbound("rec")
    for seconds in (20, 30):
        script.say(Kind.RECORDING_READY, seconds, recording=Recording(id="r"))
    assert told(script.facts) == ["received", "recording_ready r"]


def test_every_analysis_is_told() -> None:
    script = inbound("runs").say(Kind.ANALYZED, 20, analysis=Analysis(id="run-1"))
    script.say(Kind.ANALYZED, 20, analysis=Analysis(id="run-1")).say(
        Kind.ANALYZED, 30, analysis=Analysis(id="run-2")
    )
    assert told(script.facts) == ["received", "analyzed run-1", "analyzed run-2"]


def test_dispositions_are_numbered() -> None:
    script = inbound("labels").say(Kind.DISPOSITION_UPDATED, 9, disposition="Sold")
    script.say(Kind.DISPOSITION_UPDATED, 5, disposition="Open", sub_disposition="Later")
    assert told(script.facts) == ["received", "disposition_updated 1", "disposition_updated 2"]
    call = project(script.facts).call
    assert (call.disposition, call.sub_disposition, call.disposition_at) == ("Sold", None, at(9))


def test_the_end_is_told_where_the_call_ends() -> None:
    script = inbound("moves").say(Kind.ENDED, 9).say(Kind.DTMF, 10, digit="1").say(Kind.ENDED, 12)
    events = project(script.facts).events
    assert [(e.name, e.occurred_at) for e in events[2:]] == [
        ("call.ended", at(12)),
        ("call.completed", at(12)),
    ]


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        (Script().say(Kind.NOTED, 1), "new"),
        (inbound("p"), "received"),
        (calls.outbound("p"), "initiated"),
        (inbound("p").say(Kind.RINGING, 1), "ringing"),
        (inbound("p").say(Kind.IVR_ANSWERED, 1), "in_menu"),
        (calls.to_queue(inbound("p")), "queued"),
        (calls.to_queue(inbound("p")).say(Kind.AGENT_DIALED, 9, agent=ASHA), "dialing"),
        (inbound("p").say(Kind.AGENT_ANSWERED, 1, agent=ASHA), "connected"),
        (inbound("p").say(Kind.CONNECTED, 1).say(Kind.HELD, 2), "held"),
        (inbound("p").say(Kind.CONNECTED, 1).say(Kind.HELD, 2).say(Kind.RESUMED, 3), "connected"),
        (inbound("p").say(Kind.CONNECTED, 1).say(Kind.ENDED, 3), "ended"),
    ],
)
def test_the_phase_of_a_call(script: Script, phase: str) -> None:
    assert project(script.facts).call.phase == phase
