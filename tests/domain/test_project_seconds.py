# The seconds of a call: what is counted from when to when, and whose word counts.

from typing import Any

import pytest

from aftercall.domain.fact import Kind, Transfer, Voicemail
from aftercall.domain.project import project
from tests.domain import calls
from tests.domain.calls import ASHA, BEN, MAIN_MENU, SALES, SUPPORT, Script, at, inbound, outbound


def talking() -> Script:
    """In conversation from 10 s on."""
    return inbound("call-1").say(Kind.CONNECTED, 10, leg="a1", agent=ASHA)


def talk(script: Script) -> int | None:
    return project(script.say(Kind.ENDED, 60).facts).call.talk_time_seconds


def test_talk_lasts_until_the_end() -> None:
    assert talk(talking()) == 50


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.DISCONNECTED, {}),
        (Kind.DISCONNECTED, {"leg": "a1"}),
        (Kind.TRANSFERRED, {"transfer": Transfer(kind="blind")}),
        (Kind.TRANSFERRED, {"transfer": Transfer(kind="external")}),
        (Kind.TRANSFERRED, {"transfer": Transfer(kind="ai")}),
        (Kind.TRANSFERRED, {"transfer": Transfer(kind="blind", result="no_answer")}),
        (Kind.DEPARTMENT_ENTERED, {"queue": SALES}),
        (Kind.VOICEMAIL_STARTED, {"voicemail": Voicemail()}),
    ],
)
def test_talk_stops_with(kind: Kind, data: dict[str, Any]) -> None:
    assert talk(talking().say(kind, 25, **data)) == 15


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.TRANSFERRED, {"transfer": Transfer(kind="attended")}),
        (Kind.TRANSFERRED, {"transfer": Transfer(kind="blind", result="failed")}),
        (Kind.DISCONNECTED, {"leg": "b7"}),
        (Kind.HELD, {}),
        (Kind.DTMF, {"digit": "1"}),
        (Kind.AGENT_DIALED, {"agent": BEN}),
    ],
)
def test_talk_goes_on_through(kind: Kind, data: dict[str, Any]) -> None:
    assert talk(talking().say(kind, 25, **data)) == 50


def test_talk_is_the_sum_of_its_stretches() -> None:
    script = talking().say(Kind.DISCONNECTED, 20.6).say(Kind.CONNECTED, 30, leg="a2", agent=BEN)
    script.say(Kind.DISCONNECTED, 35.7)
    assert talk(script) == 16  # 10.6 + 5.7: cut off once, at the end


def test_legs_that_overlap_count_once() -> None:
    script = talking().say(Kind.CONNECTED, 20, leg="a2", agent=BEN)
    script.say(Kind.DISCONNECTED, 30, leg="a1").say(Kind.DISCONNECTED, 40, leg="a2")
    assert talk(script) == 30


def test_a_leg_without_a_name_takes_the_name_it_is_given() -> None:
    script = inbound("call-1").say(Kind.CONNECTED, 10).say(Kind.CONNECTED, 11, leg="a1")
    assert talk(script.say(Kind.DISCONNECTED, 20, leg="a1")) == 10


def test_holds_count_as_talk_and_for_themselves() -> None:
    script = talking().say(Kind.HELD, 20, leg="a1").say(Kind.HELD, 21, leg="a1")
    script.say(Kind.RESUMED, 25, leg="a1").say(Kind.HELD, 55, leg="a1")
    call = project(script.say(Kind.ENDED, 60).facts).call
    assert (call.talk_time_seconds, call.hold_seconds) == (50, 10)


def test_the_inferred_conversation_starts_again_after_a_transfer() -> None:
    script = inbound("call-1").say(Kind.AGENT_ANSWERED, 10, leg="a1", agent=ASHA)
    script.say(Kind.TRANSFERRED, 20, transfer=Transfer()).say(Kind.AGENT_ANSWERED, 30, leg="a2", agent=BEN)
    assert talk(script) == 10 + 30


def test_the_customer_stays_on_the_line_when_a_click_to_call_is_transferred() -> None:
    script = calls.click_to_call("c2c").say(Kind.AGENT_ANSWERED, 5, leg="a1")
    script.say(Kind.CUSTOMER_ANSWERED, 10, leg="c1").say(Kind.TRANSFERRED, 20, transfer=Transfer())
    assert talk(script.say(Kind.AGENT_ANSWERED, 30, leg="a2", agent=BEN)) == 10 + 30


def test_the_sources_own_seconds_win() -> None:
    own: dict[str, Any] = {
        "duration_seconds": 61, "talk_time_seconds": 48, "billable_seconds": 60, "ring_time_seconds": 4,
        "wait_seconds": 6, "ivr_seconds": 2, "hold_seconds": 9, "outbound_seconds": 33,
    }  # fmt: skip
    call = project(talking().say(Kind.COMPLETED, 60, **own).facts).call
    assert {field: getattr(call, field) for field in own} == own
    assert call.bridged_seconds == 48


def test_a_records_connection_counts_to_its_end() -> None:
    script = Script().say(Kind.COMPLETED, 60, started_at=at(0), connected_at=at(12.5), ended_at=at(60))
    call = project(script.facts).call
    assert (call.status, call.talk_time_seconds, call.billable_seconds) == ("answered", 47, 48)


def test_talk_is_never_longer_than_the_call() -> None:
    script = inbound("call-1").say(Kind.COMPLETED, 4.6, status="answered", talk_time_seconds=5)
    call = project(script.facts).call
    assert (call.duration_seconds, call.talk_time_seconds, call.connected_at) == (4, 4, at(0))


@pytest.mark.parametrize(
    ("kind", "billable"),
    [(Kind.ANSWERED, 58), (Kind.IVR_ANSWERED, 58), (Kind.VOICEMAIL_STARTED, 58), (Kind.AGENT_DIALED, 0)],
)
def test_billing_starts_with_the_servers_answer(kind: Kind, billable: int) -> None:
    script = inbound("call-1").say(kind, 2.5).say(Kind.ENDED, 60)
    assert project(script.facts).call.billable_seconds == billable


def test_billing_starts_with_the_conversation_where_no_server_answers() -> None:
    assert project(talking().say(Kind.ENDED, 60.2).facts).call.billable_seconds == 51


def test_time_in_queues_and_menus_adds_up() -> None:
    script = inbound("call-1").say(Kind.IVR_ANSWERED, 1, ivr=MAIN_MENU)
    script.say(Kind.DEPARTMENT_ENTERED, 5, queue=SUPPORT).say(Kind.IVR_ANSWERED, 25, ivr=MAIN_MENU)
    script.say(Kind.DEPARTMENT_ENTERED, 28, queue=SALES).say(Kind.AGENT_DIALED, 30, agent=ASHA)
    script.say(Kind.AGENT_ANSWERED, 38, agent=ASHA).say(Kind.ENDED, 60)
    call = project(script.facts).call
    assert (call.ivr_seconds, call.wait_seconds, call.queue) == (4 + 3, 20 + 10, SALES)


def test_time_in_a_queue_ends_with_the_call() -> None:
    script = inbound("call-1").say(Kind.DEPARTMENT_ENTERED, 5, queue=SUPPORT).say(Kind.ENDED, 11)
    call = project(script.facts).call
    assert (call.wait_seconds, call.ivr_seconds) == (6, None)
    assert [(s.type, s.duration_seconds) for s in call.call_flow] == [("queue", 6)]


def test_ringing_is_the_last_agents() -> None:
    script = inbound("call-1").say(Kind.AGENT_DIALED, 1, agent=ASHA).say(Kind.AGENT_MISSED, 9, agent=ASHA)
    script.say(Kind.AGENT_DIALED, 10, agent=BEN)
    assert project(script.facts).call.ring_time_seconds == 8
    assert project(script.say(Kind.ENDED, 13).facts).call.ring_time_seconds == 3


def test_ringing_without_agents_is_the_calls() -> None:
    script = inbound("call-1").say(Kind.RINGING, 1).say(Kind.CONNECTED, 6).say(Kind.ENDED, 13)
    assert project(script.facts).call.ring_time_seconds == 5


def test_a_legs_own_ring_time_wins() -> None:
    script = inbound("call-1").say(Kind.AGENT_DIALED, 1, agent=ASHA)
    script.say(Kind.AGENT_MISSED, 9, agent=ASHA, ring_time_seconds=6)
    assert project(script.facts).call.agents[0].ring_seconds == 6


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        (outbound("o").say(Kind.CUSTOMER_DIALED, 2), 58),
        (outbound("o").say(Kind.CUSTOMER_DIALED, 2).say(Kind.CUSTOMER_MISSED, 12), 10),
        (outbound("o"), 60),
        (calls.click_to_call("c"), 0),
        (inbound("i"), None),
    ],
)
def test_the_outbound_leg_lasts(script: Script, seconds: int | None) -> None:
    assert project(script.say(Kind.ENDED, 60).facts).call.outbound_seconds == seconds


def test_wrapping_up_is_counted_from_the_end() -> None:
    script = inbound("call-1").say(Kind.ENDED, 60).say(Kind.WRAPPED_UP, 82.4)
    assert project(script.facts).call.wrap_up_seconds == 22
    assert project(script.say(Kind.NOTED, 90, wrap_up_seconds=20).facts).call.wrap_up_seconds == 20
