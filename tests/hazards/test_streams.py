# Hazards of call streams that the projection holds off; each test is named after its hazard.

import itertools

import msgspec
import pytest

from aftercall.domain.fact import Fact, Hangup, Kind, Recording
from aftercall.domain.project import Fold, project
from tests.domain import calls
from tests.domain.calls import ASHA, BEN, DID, SUPPORT, Script, at, inbound


def names(facts: list[Fact]) -> list[str]:
    return [event.name for event in project(facts).events]


@pytest.mark.parametrize("name", calls.CALLS)
def test_h01_order_of_arrival_does_not_matter(name: str) -> None:
    facts = calls.CALLS[name]()
    told = project(facts)
    assert project(facts[::-1]) == told
    assert project(facts[1::2] + facts[::2]) == told


def test_h01_the_sources_sequence_counts_before_its_whole_seconds() -> None:
    script = inbound("seq")
    script.say(Kind.DISCONNECTED, 5, leg="a1", seq=2).say(Kind.CONNECTED, 5, leg="a1", seq=1)
    script.say(Kind.CONNECTED, 5, leg="a1", seq=3).say(Kind.ENDED, 8, seq=4)
    call = project(script.facts).call
    assert call.talk_time_seconds == 3


def test_h01_at_one_instant_a_call_is_told_as_it_lives() -> None:
    kinds = [Kind.RECEIVED, Kind.AGENT_ANSWERED, Kind.CONNECTED, Kind.DISCONNECTED, Kind.ENDED]
    for order in itertools.permutations(kinds):
        script = Script()
        for kind in order:
            script.say(kind, 0, leg="a1")
        call = project(script.facts).call
        assert (call.status, call.data_quality) == ("answered", ())


@pytest.mark.parametrize("name", calls.CALLS)
def test_h02_the_same_fact_twice_changes_nothing(name: str) -> None:
    facts = calls.CALLS[name]()
    assert project(facts + facts[::-1]) == project(facts)


def test_h02_one_natural_id_is_one_fact_whichever_comes_first() -> None:
    script = inbound("twice").say(Kind.DTMF, 3, digit="1").say(Kind.DTMF, 4, digit="2")
    start, first, second = script.facts
    second = Fact(
        kind=Kind.DTMF, call_key="twice", occurred_at=at(4), natural_id=first.natural_id, data=second.data
    )
    assert project([start, first, second]) == project([second, first, start])
    assert [d.digit for d in project([second, first, start]).call.digits] == ["1"]


def test_h02_the_first_outcome_of_a_leg_is_its_outcome() -> None:
    script = inbound("leg").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA)
    script.say(Kind.AGENT_MISSED, 9, leg="a1", reason="no_answer")
    script.say(Kind.AGENT_MISSED, 9.1, leg="a1", reason="caller_cancelled")
    script.say(Kind.AGENT_ANSWERED, 9.2, leg="a1")
    call = project(script.facts).call
    assert [(leg.missed, leg.reason, leg.answered_at) for leg in call.agents] == [(True, "no_answer", None)]
    assert call.agent is None
    assert names(script.facts).count("call.agent_missed") == 1
    assert "call.agent_answered" not in names(script.facts)


def test_h02_a_connect_told_by_two_is_told_once() -> None:
    script = inbound("two").say(Kind.CONNECTED, 3, leg="a1").say(Kind.CONNECTED, 3, leg="a1")
    script.say(Kind.CONNECTED, 3.9).say(Kind.CONNECTED, 4, leg="a1")
    assert names(script.facts).count("call.connected") == 1
    assert project(script.facts).call.connected_at == at(3)


def test_h03_an_agent_who_answers_an_incoming_call_hears_the_caller() -> None:
    script = inbound("inferred").say(Kind.AGENT_ANSWERED, 4, agent=ASHA).say(Kind.ENDED, 10)
    call = project(script.facts).call
    assert (call.status, call.connected_at, call.talk_time_seconds) == ("answered", at(4), 6)
    assert call.data_quality == ("answer_inferred",)


def test_h03_a_connect_that_is_told_needs_no_inference() -> None:
    script = inbound("told").say(Kind.AGENT_ANSWERED, 4, agent=ASHA).say(Kind.CONNECTED, 5)
    call = project(script.say(Kind.ENDED, 10).facts).call
    assert (call.connected_at, call.talk_time_seconds, call.data_quality) == (at(5), 5, ())


@pytest.mark.parametrize("first", [Kind.AGENT_ANSWERED, Kind.CUSTOMER_ANSWERED])
def test_h03_a_click_to_call_needs_both_to_answer(first: Kind) -> None:
    other = {Kind.AGENT_ANSWERED: Kind.CUSTOMER_ANSWERED, Kind.CUSTOMER_ANSWERED: Kind.AGENT_ANSWERED}[first]
    script = calls.click_to_call("c2c").say(first, 2, leg="x")
    alone = project([*script.facts, *Script("end").say(Kind.ENDED, 20).facts]).call
    both = project(script.say(other, 7, leg="y").say(Kind.ENDED, 20).facts).call
    assert (alone.status, alone.talk_time_seconds) == ("missed", 0)
    assert (both.status, both.connected_at, both.talk_time_seconds) == ("answered", at(7), 13)
    assert both.data_quality == ("answer_inferred",)


def test_h03_talk_time_of_a_record_tells_when_they_were_connected() -> None:
    script = Script().say(Kind.COMPLETED, 60, started_at=at(0), ended_at=at(60), talk_time_seconds=45)
    call = project(script.facts).call
    assert (call.status, call.connected_at, call.talk_time_seconds) == ("answered", at(15), 45)
    assert call.data_quality == ("answer_inferred",)


def test_h04_a_call_whose_end_never_came_ends_with_its_last_fact() -> None:
    script = inbound("lost").say(Kind.AGENT_DIALED, 1, agent=ASHA).say(Kind.CONNECTED, 4, agent=ASHA)
    script.say(Kind.DTMF, 30, digit="1").say(Kind.RECORDING_READY, 700).say(Kind.ORPHANED, 14400)
    call = project(script.facts).call
    assert (call.status, call.ended_at, call.talk_time_seconds) == ("answered", at(30), 26)
    assert "end_missing" in call.data_quality
    assert names(script.facts)[-2:] == ["call.orphaned", "call.completed"]
    assert "call.ended" not in names(script.facts)


def test_h04_an_end_that_comes_after_all_is_the_end() -> None:
    script = inbound("found").say(Kind.AGENT_DIALED, 1, agent=ASHA).say(Kind.ORPHANED, 100)
    script.say(Kind.CONNECTED, 200, agent=ASHA).say(Kind.ENDED, 260)
    call = project(script.facts).call
    assert (call.status, call.ended_at, call.talk_time_seconds) == ("answered", at(260), 60)
    assert call.data_quality == ()


def test_h04_the_watchdog_does_not_overrule_an_end() -> None:
    script = inbound("ended").say(Kind.ENDED, 9).say(Kind.ORPHANED, 14400)
    assert project(script.facts).call.ended_at == at(9)
    assert "call.orphaned" not in names(script.facts)


def test_h05_a_call_heard_of_at_its_end_makes_end_events_only() -> None:
    script = Script().say(Kind.COMPLETED, 60, direction="inbound", status="answered", duration_seconds=50)
    call = project(script.facts).call
    assert (call.started_at, call.duration_seconds) == (at(10), 50)
    assert call.data_quality == ("start_missing",)
    assert names(script.facts) == ["call.ended", "call.completed"]


def test_h05_a_call_joined_in_the_middle_starts_with_its_first_sign() -> None:
    script = Script().say(Kind.CONNECTED, 10, agent=ASHA).say(Kind.ENDED, 25)
    call = project(script.facts).call
    assert (call.started_at, call.duration_seconds, call.talk_time_seconds) == (at(10), 15, 15)
    assert call.data_quality == ("start_missing",)


def test_h05_what_is_only_labelled_is_a_call_too() -> None:
    call = project(Script().say(Kind.DISPOSITION_UPDATED, 5, disposition="Sold").facts).call
    assert (call.phase, call.started_at, call.status) == ("new", at(5), None)


def test_h06_a_recording_goes_from_pending_to_ready_after_the_call() -> None:
    script = inbound("rec").say(Kind.RECORDING_STARTED, 1, recording=Recording(id="r1"))
    pending = project(script.say(Kind.ENDED, 9).facts).call
    url = "https://pbx.example.com/r1.wav"
    script.say(Kind.RECORDING_READY, 40, recording=Recording(id="r1", url=url, duration_seconds=8))
    ready = project(script.facts).call
    assert [(r.status, r.url) for r in pending.recordings] == [("pending", None)]
    assert [(r.id, r.status, r.url, r.started_at) for r in ready.recordings] == [("r1", "ready", url, at(1))]
    assert (pending.recording_url, ready.recording_url) == (None, url)


def test_h07_what_comes_after_the_end_is_added_to_the_call() -> None:
    call = project(calls.dialer_with_disposition()).call
    assert (call.disposition, call.sub_disposition, call.disposition_by) == (
        "Interested", "Call back", "Asha Rao"
    )  # fmt: skip
    assert (call.wrap_up_seconds, call.notes) == (20, "Wants the renewal terms by mail.")
    assert call.data_quality == ()


def test_h08_a_blind_transfer_is_one_call_with_two_conversations() -> None:
    call = project(calls.blind_transfer()).call
    assert call.talk_time_seconds == 3 + 4
    assert (call.agent, [leg.agent for leg in call.agents]) == (ASHA, [ASHA, BEN])
    assert [step.type for step in call.call_flow] == ["agent", "transfer", "agent"]


def test_h09_the_end_of_a_leg_that_lost_the_race_ends_nothing() -> None:
    script = inbound("race").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA)
    script.say(Kind.ENDED, 3, leg="a2", hangup=Hangup(cause="LOSE_RACE", cause_code=26))
    script.say(Kind.CONNECTED, 3, leg="a1", agent=ASHA).say(Kind.ENDED, 10, hangup=Hangup(by="caller"))
    call = project(script.facts).call
    assert (call.ended_at, call.status, call.talk_time_seconds) == (at(10), "answered", 7)
    assert call.hangup == Hangup(by="caller")


def test_h09_of_several_hangups_the_last_is_the_end() -> None:
    script = inbound("hangups").say(Kind.CONNECTED, 2).say(Kind.ENDED, 9).say(Kind.ENDED, 9.6)
    call = project(script.facts).call
    assert (call.ended_at, call.talk_time_seconds) == (at(9.6), 7)
    assert names(script.facts).count("call.ended") == 1


def test_h09_the_final_hangup_is_the_end_whatever_comes_later() -> None:
    script = inbound("final").say(Kind.CONNECTED, 2).say(Kind.ENDED, 9, final=True).say(Kind.ENDED, 12)
    call = project(script.facts).call
    assert (call.ended_at, call.final) == (at(9), True)


def test_h09_the_record_of_the_call_says_when_it_ended() -> None:
    script = inbound("record").say(Kind.CONNECTED, 2).say(Kind.ENDED, 9, final=True)
    script.say(Kind.COMPLETED, 30, ended_at=at(8.5))
    call = project(script.facts).call
    assert (call.ended_at, call.duration_seconds) == (at(8.5), 8)


def test_h09_what_happens_between_two_hangups_still_counts() -> None:
    script = inbound("between").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA).say(Kind.ENDED, 3)
    script.say(Kind.AGENT_ANSWERED, 5, leg="a1").say(Kind.CONNECTED, 5, leg="a1").say(Kind.ENDED, 9)
    call = project(script.facts).call
    assert (call.status, call.agent, call.talk_time_seconds) == ("answered", ASHA, 4)
    assert [leg.missed for leg in call.agents] == [False]


def test_h12_answer_before_start_is_clamped() -> None:
    # As in the published sample: answered 143 s before the start, which is also the end.
    script = Script().say(Kind.RECEIVED, 143).say(Kind.ANSWERED, 0).say(Kind.ENDED, 143)
    call = project(script.facts).call
    assert (call.started_at, call.server_answered_at, call.ended_at) == (at(0), at(0), at(143))
    assert (call.duration_seconds, call.billable_seconds) == (143, 143)


def test_h12_end_before_start_is_clamped() -> None:
    script = Script().say(Kind.RECEIVED, 5, from_=DID).say(Kind.ENDED, 3)
    call = project(script.facts).call
    assert (call.started_at, call.ended_at, call.duration_seconds) == (at(3), at(3), 0)
    assert (call.direction, call.from_, call.data_quality) == ("inbound", DID, ())


def test_h12_a_record_that_contradicts_itself_gives_no_negative_seconds() -> None:
    script = Script().say(
        Kind.COMPLETED, 9, status="answered", started_at=at(20), connected_at=at(30), ended_at=at(10),
        wait_seconds=-3, talk_time_seconds=50,
    )  # fmt: skip
    call = project(script.facts).call
    assert (call.duration_seconds, call.talk_time_seconds, call.wait_seconds) == (0, 0, 0)
    assert call.billable_seconds == 0


def test_h13_a_fold_kept_as_bytes_goes_on_where_it_stopped() -> None:
    facts = calls.answered_via_menu_and_queue()
    fold = Fold()
    for fact in facts:
        fold = msgspec.msgpack.decode(msgspec.msgpack.encode(fold), type=Fold)
        fold.extend([fact])
    assert fold.read() == project(facts)


def test_h14_a_second_start_does_not_begin_the_call_anew() -> None:
    # Whether an id that is used again makes a new call is decided where facts are accepted.
    script = inbound("again").say(Kind.CONNECTED, 2).say(Kind.RECEIVED, 3).say(Kind.ENDED, 9)
    assert project(script.facts).call.started_at == at(0)
    assert names(script.facts).count("call.received") == 1


def test_facts_after_the_end_do_not_change_the_outcome() -> None:
    script = inbound("late").say(Kind.DEPARTMENT_ENTERED, 1, queue=SUPPORT)
    before = project(script.say(Kind.ENDED, 9, final=True).facts).call
    script.say(Kind.CONNECTED, 10, agent=ASHA).say(Kind.DTMF, 11, digit="1").say(Kind.ENDED, 12)
    after = project(script.facts).call
    assert after.data_quality == ("late_events",)
    for field in ("status", "reason", "ended_at", "talk_time_seconds", "agents", "digits", "call_flow"):
        assert getattr(after, field) == getattr(before, field)
    assert "call.connected" not in names(script.facts)


def test_facts_after_the_end_a_record_tells_are_late_too() -> None:
    script = inbound("late").say(Kind.CONNECTED, 7).say(Kind.COMPLETED, 9, ended_at=at(5))
    call = project(script.facts).call
    assert (call.status, call.data_quality) == ("missed", ("late_events",))
