# The triggers: who fires on what, and that names, types and order are exactly those receivers know.

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from aftercall.domain.call import Call
from aftercall.domain.classic import VALUES
from aftercall.domain.event import AFTER_CALL, COMPLETED, ENDED, IN_CALL, ORPHANED, UPDATED, Event
from aftercall.domain.fact import Named
from aftercall.domain.trigger import EVENTS, NAMES, NOTICES, TRIGGERS, fires, title, variables
from tests.domain.samples import ANSWERED, BARE, JORDAN, MISSED, at, but, event

WRITTEN: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "data" / "triggers.yaml").read_text())
COUNTS = {
    "received_on_server": 7,
    "answered_on_ivr": 9,
    "dtmf_option": 8,
    "received_on_department": 11,
    "received_on_auto_attendant": 9,
    "dialed_on_agent": 12,
    "answered_by_agent": 10,
    "session_call_answered": 10,
    "answered_by_customer": 9,
    "missed_by_customer": 19,
    "connected_to_agent_dialer": 16,
    "disposition_updated_dialer": 22,
    "answered_by_agent_hangup": 37,
    "missed_by_agent_hangup": 37,
    "hangup": 37,
    "hangup_missed": 37,
    "hangup_answered": 37,
    "hangup_missed_deprecated": 37,
    "hangup_answered_deprecated": 37,
}

TALKING = but(ANSWERED, status=None, ended_at=None)
OUTBOUND = but(ANSWERED, direction="outbound", from_="+14085559876", to="+14085551234", agents=())
CLICKED = but(OUTBOUND, call_type="click_to_call", customer_dialed=True, customer_answered_at=at(18))
CLICKED_MISSED = but(CLICKED, status="missed", customer_answered_at=None, connected_at=None)
CLICKED_NO_AGENT = but(CLICKED_MISSED, agent=None, customer_dialed=False, reason="agent_no_answer")
DIALER = but(OUTBOUND, call_type="dialer", campaign=Named("7", "Spring"))
ABANDONED = but(MISSED, status="abandoned", reason="caller_hangup_in_queue", agents=())
IN_MENU: dict[str, Any] = {"ivr": {"id": "3112", "name": "Main menu"}}

MATRIX: list[tuple[str, Call, Event, set[str]]] = [
    ("an inbound call arrives", TALKING, event("call.received"), {"received_on_server"}),
    ("an outbound call starts", OUTBOUND, event("call.initiated"), set()),
    ("received, yet outbound", OUTBOUND, event("call.received"), set()),
    ("received, direction unknown", BARE, event("call.received"), set()),
    ("a menu answers", TALKING, event("call.ivr_answered", **IN_MENU), {"answered_on_ivr"}),
    ("a menu answers outbound", OUTBOUND, event("call.ivr_answered"), {"answered_on_ivr"}),
    ("a key in a menu", TALKING, event("call.dtmf", digit="1", **IN_MENU), {"dtmf_option"}),
    ("a key in a conversation", TALKING, event("call.dtmf", digit="1", ivr=None), set()),
    ("an agent is dialled", TALKING, event("call.agent_dialed"), {"dialed_on_agent"}),
    ("an agent is dialled outbound", OUTBOUND, event("call.agent_dialed"), set()),
    ("an agent does not pick up", TALKING, event("call.agent_missed"), set()),
    ("an agent answers", TALKING, event("call.agent_answered"), {"answered_by_agent"}),
    ("an agent answers outbound", OUTBOUND, event("call.agent_answered"), {"answered_by_agent"}),
    ("into a department", TALKING, event("call.department_entered"), {"received_on_department"}),
    ("into a department outbound", OUTBOUND, event("call.department_entered"), set()),
    ("an auto attendant", TALKING, event("call.auto_attendant_entered"), {"received_on_auto_attendant"}),
    ("a session", TALKING, event("call.session_answered"), {"session_call_answered"}),
    (
        "the customer answers a click to call",
        CLICKED,
        event("call.customer_answered"),
        {"answered_by_customer"},
    ),
    ("the customer answers a plain call", OUTBOUND, event("call.customer_answered"), set()),
    ("talk in a plain call", TALKING, event("call.connected"), set()),
    ("talk in a dialer call", DIALER, event("call.connected"), {"connected_to_agent_dialer"}),
    ("a label on a plain call", ANSWERED, event("call.disposition_updated"), set()),
    ("a label on a dialer call", DIALER, event("call.disposition_updated"), {"disposition_updated_dialer"}),
    ("ended, answered", ANSWERED, event("call.ended"), {"hangup_answered_deprecated"}),
    ("ended, missed", MISSED, event("call.ended"), {"hangup_missed_deprecated"}),
    ("ended, abandoned", ABANDONED, event("call.ended"), {"hangup_missed_deprecated"}),
    ("answered", ANSWERED, event(), {"hangup", "hangup_answered", "answered_by_agent_hangup"}),
    (
        "answered, nobody knows by whom",
        but(ANSWERED, agent=None, agents=()),
        event(),
        {"hangup", "hangup_answered"},
    ),
    ("missed by an agent", MISSED, event(), {"hangup", "hangup_missed", "missed_by_agent_hangup"}),
    ("missed, nobody was dialled", but(MISSED, agents=()), event(), {"hangup", "hangup_missed"}),
    ("abandoned in the queue", ABANDONED, event(), {"hangup", "hangup_missed"}),
    (
        "voicemail after an agent",
        but(MISSED, status="voicemail"),
        event(),
        {"hangup", "hangup_missed", "missed_by_agent_hangup"},
    ),
    ("outbound answered", OUTBOUND, event(), {"hangup", "hangup_answered"}),
    ("outbound missed", but(OUTBOUND, status="missed", agent=None), event(), {"hangup", "hangup_missed"}),
    ("click to call answered", CLICKED, event(), {"hangup", "hangup_answered"}),
    ("click to call missed", CLICKED_MISSED, event(), {"hangup", "hangup_missed", "missed_by_customer"}),
    ("click to call, no agent", CLICKED_NO_AGENT, event(), {"hangup", "hangup_missed"}),
    ("dialer call answered", DIALER, event(), {"hangup", "hangup_answered"}),
    ("a revision", ANSWERED, event("call.updated", revision=2), set()),
    ("a recording", ANSWERED, event("call.recording_ready"), set()),
    ("the end never came", MISSED, event("call.orphaned"), set()),
]


@pytest.mark.parametrize(("call", "event", "expected"), [m[1:] for m in MATRIX], ids=[m[0] for m in MATRIX])
def test_fires_exactly_the_triggers_of_the_matrix(call: Call, event: Event, expected: set[str]) -> None:
    assert {name for name in TRIGGERS if fires(name, call, event)} == expected


def test_every_trigger_fires_somewhere_in_the_matrix() -> None:
    assert set().union(*(m[3] for m in MATRIX)) == set(TRIGGERS)


@pytest.mark.parametrize("name", sorted(NAMES - set(TRIGGERS)))
def test_an_event_named_as_trigger_fires_on_itself_alone(name: str) -> None:
    assert fires(name, ANSWERED, event(name))
    assert not fires(name, ANSWERED, event("call.something_else"))


@pytest.mark.parametrize("name", WRITTEN["triggers"])
def test_title_call_types_and_variables_are_those_written_down(name: str) -> None:
    trigger, written = TRIGGERS[name], WRITTEN["triggers"][name]
    expected = written["variables"]
    if expected == "hangup":
        expected = WRITTEN["variable_sets"]["hangup"]
    if name == "session_call_answered":  # none are published
        expected = WRITTEN["triggers"]["answered_by_agent"]["variables"]
    assert trigger.title == written["title"]
    assert list(trigger.call_types) == written["call_types"]
    assert list(trigger.variables.items()) == list(expected.items())
    assert len(trigger.variables) == COUNTS[name]


def test_there_are_19_triggers() -> None:
    assert set(TRIGGERS) == set(WRITTEN["triggers"]) == set(COUNTS)
    assert len(TRIGGERS) == 19


def test_every_variable_has_a_value() -> None:
    assert {name for trigger in TRIGGERS.values() for name in trigger.variables} == set(VALUES)


def test_events_are_those_that_can_happen() -> None:
    told_elsewhere = {"call.billed", "call.actions_finished"}
    assert set(EVENTS) == IN_CALL | AFTER_CALL | {COMPLETED, ENDED, UPDATED, ORPHANED} | told_elsewhere
    assert {t.event for t in TRIGGERS.values()} <= set(EVENTS)
    assert {name.partition(".")[0] for name in NOTICES} == {
        "webhook",
        "agent",
        "source",
        "connection",
        "message",
    }


def test_what_is_no_classic_trigger_has_the_variables_of_a_hangup() -> None:
    assert variables("call.updated") == TRIGGERS["hangup"].variables


def test_title_names_everything_that_can_be_chosen() -> None:
    assert all(title(name) != name for name in NAMES)
    assert title("call.unheard_of") == "call.unheard_of"


def test_an_agent_who_answered_has_not_missed_the_call() -> None:
    assert not fires("missed_by_agent_hangup", but(MISSED, agent=JORDAN), event())
