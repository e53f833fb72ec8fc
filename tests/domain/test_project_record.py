# What a call is besides its course: the finished record a source posts, recordings, labels, notes, fields.

import pytest

from aftercall.domain.call import AgentLeg
from aftercall.domain.fact import Agent, Analysis, Billing, Hangup, Kind, Recording, Transcript
from aftercall.domain.project import project
from tests.domain import calls
from tests.domain.calls import ASHA, BEN, Script, at, inbound

URL = "https://pbx.example.com/recordings/"


def record(**data: object) -> Script:
    return Script().say(Kind.COMPLETED, 60, **data)  # type: ignore[arg-type]  # fields of Data


def test_a_record_is_the_whole_call() -> None:
    call = project(calls.posted_record()).call
    assert (call.status, call.phase, call.final, call.data_quality) == ("answered", "ended", True, ())
    assert (call.started_at, call.connected_at, call.ended_at) == (at(0), at(15), at(75))
    assert (call.duration_seconds, call.talk_time_seconds, call.billable_seconds) == (75, 60, 73)
    assert (call.agent, call.agents) == (ASHA, (AgentLeg(ASHA, answered_at=at(15)),))
    assert call.recording_url == "https://pbx.example.com/recordings/rec-1.mp3"
    assert call.custom_fields == {"ticket": "T-77"}


def test_the_agent_of_a_missed_record_is_who_missed_it() -> None:
    call = project(record(direction="inbound", status="missed", reason="no_answer", agent=ASHA).facts).call
    assert call.agent is None
    assert [(leg.agent, leg.reason) for leg in call.missed_agents] == [(ASHA, "no_answer")]


@pytest.mark.parametrize(("reason", "agent"), [("no_answer", ASHA), ("agent_no_answer", None)])
def test_the_agent_of_an_outgoing_record_placed_the_call(reason: str, agent: Agent | None) -> None:
    script = record(
        direction="outbound", call_type="click_to_call", status="missed", reason=reason, agent=ASHA
    )
    assert project(script.facts).call.agent == agent


@pytest.mark.parametrize(
    ("status", "reason", "dialed"),
    [
        ("missed", "busy", True),
        ("missed", "agent_no_answer", False),
        ("answered", None, True),
        ("missed", None, False),
    ],
)
def test_a_click_to_calls_record_tells_whether_the_customer_was_dialed(
    status: str, reason: str | None, dialed: bool
) -> None:
    script = record(direction="outbound", call_type="click_to_call", status=status, reason=reason)
    assert project(script.facts).call.customer_dialed is dialed


def test_a_records_agent_is_not_listed_twice() -> None:
    script = inbound("c").say(Kind.AGENT_DIALED, 1, leg="a1", agent=ASHA)
    projection = project(
        script.say(Kind.COMPLETED, 60, status="answered", agent=ASHA, connected_at=at(5)).facts
    )
    assert projection.call.agents == (AgentLeg(ASHA, "a1", at(1), at(5)),)
    assert "call.agent_missed" not in [e.name for e in projection.events]


def test_a_records_agent_answered_even_if_facts_tell_of_another() -> None:
    script = inbound("c").say(Kind.AGENT_ANSWERED, 1, leg="a1", agent=ASHA)
    script.say(Kind.COMPLETED, 60, status="answered", agent=BEN)
    call = project(script.facts).call
    assert (call.agent, [leg.agent for leg in call.agents]) == (BEN, [ASHA, BEN])


def test_the_keys_of_a_record_are_the_calls_where_none_were_told() -> None:
    assert [d.digit for d in project(record(digits=("1", "2")).facts).call.digits] == ["1", "2"]
    told = inbound("c").say(Kind.DTMF, 1, digit="9").say(Kind.COMPLETED, 60, digits=("1", "2"))
    assert [d.digit for d in project(told.facts).call.digits] == ["9"]


def test_a_record_brings_its_recording_transcript_analysis_and_label_without_events() -> None:
    script = record(
        recording_url=URL + "1",
        transcript=Transcript(id="t"),
        analysis=Analysis(summary="Fine."),
        disposition="Sold",
        notes="Call again.",
        tags=("vip",),
    )
    projection = project(script.facts)
    call = projection.call
    assert (call.recording_url, call.transcript, call.analysis) == (
        URL + "1", Transcript(id="t"), Analysis(summary="Fine.")
    )  # fmt: skip
    assert (call.disposition, call.notes, call.tags) == ("Sold", "Call again.", ("vip",))
    assert len(projection.events) == 2


def test_the_last_ready_recording_is_the_calls() -> None:
    script = inbound("r")
    for id_ in ("r1", "r2", "r3"):
        kind = Kind.RECORDING_FAILED if id_ == "r3" else Kind.RECORDING_READY
        script.say(kind, 20, recording=Recording(id=id_, url=URL + id_))
    call = project(script.facts).call
    assert [r.status for r in call.recordings] == ["ready", "ready", "failed"]
    assert call.recording_url == URL + "r2"


def test_a_recording_without_an_id_is_known_by_its_url() -> None:
    script = (
        inbound("r").say(Kind.RECORDING_STARTED, 1).say(Kind.RECORDING_READY, 20, recording_url=URL + "1")
    )
    script.say(Kind.RECORDING_READY, 30, recording_url=URL + "2").say(
        Kind.RECORDING_FAILED, 40, recording_url=URL + "1"
    )
    recordings = project(script.facts).call.recordings
    assert [(r.url, r.status) for r in recordings] == [(URL + "1", "failed"), (URL + "2", "ready")]


def test_a_recording_that_is_ready_does_not_start_again() -> None:
    script = inbound("r").say(Kind.RECORDING_READY, 1, recording=Recording(id="r", url=URL))
    script.say(Kind.RECORDING_STARTED, 2, recording=Recording(id="r"))
    assert [r.status for r in project(script.facts).call.recordings] == ["ready"]


def test_the_newest_analysis_is_the_calls() -> None:
    script = inbound("a").say(Kind.ANALYZED, 20, analysis=Analysis(id="1", summary="Old."))
    script.say(Kind.ANALYZED, 30, analysis=Analysis(id="2", summary="New."))
    script.say(Kind.ANALYSIS_FAILED, 40, analysis=Analysis(id="3"))
    analysis = project(script.facts).call.analysis
    assert analysis is not None
    assert (analysis.summary, analysis.status) == ("New.", "ready")


@pytest.mark.parametrize(
    ("kind", "status"), [(Kind.ANALYSIS_FAILED, "failed"), (Kind.ANALYSIS_SKIPPED, "skipped")]
)
def test_an_analysis_that_brought_nothing_says_so(kind: Kind, status: str) -> None:
    analysis = project(inbound("a").say(kind, 20).facts).call.analysis
    assert analysis is not None
    assert analysis.status == status


def test_a_transcript_that_failed_does_not_take_away_one_that_is_ready() -> None:
    script = inbound("t").say(Kind.TRANSCRIPT_FAILED, 20)
    failed = project(script.facts).call.transcript
    script.say(Kind.TRANSCRIPT_READY, 30, transcript=Transcript(language="en")).say(
        Kind.TRANSCRIPT_FAILED, 40
    )
    ready = project(script.facts).call.transcript
    assert failed is not None
    assert ready is not None
    assert (failed.status, ready.status, ready.language) == ("failed", "ready", "en")


def test_tags_add_up_until_a_person_sets_them() -> None:
    script = inbound("t").say(Kind.RINGING, 1, tags=("vip", "sales")).say(Kind.ENDED, 9, tags=("late", "vip"))
    assert project(script.facts).call.tags == ("vip", "sales", "late")
    assert project(script.say(Kind.NOTED, 20, tags=("done",)).facts).call.tags == ("done",)
    assert project(script.say(Kind.NOTED, 30, tags=()).facts).call.tags == ()


def test_fields_are_merged_in_order_and_the_last_note_stands() -> None:
    script = inbound("f").say(Kind.NOTED, 20, notes="b", custom_fields={"b": 2, "c": 2})
    script.say(Kind.ENDED, 9, notes="a", custom_fields={"a": 1, "b": 1})
    call = project(script.facts).call
    assert (call.notes, call.custom_fields) == ("b", {"a": 1, "b": 2, "c": 2})


def test_flags_billing_test_and_lead_are_kept() -> None:
    script = inbound("f").say(Kind.RINGING, 1, flags=("gap",), is_test=True, lead={"id": 1})
    script.say(Kind.ENDED, 9, flags=("gap", "clock_local_assumed"), billing=Billing(cost=0.5, currency="EUR"))
    call = project(script.facts).call
    assert (call.data_quality, call.is_test, call.lead) == (("gap", "clock_local_assumed"), True, {"id": 1})
    assert call.billing == Billing(cost=0.5, currency="EUR")


def test_the_number_a_call_is_named_by_is_kept() -> None:
    call = project(inbound("call-9").facts).call
    assert (call.source_call_key, call.uuid, call.did) == ("call-9", "call-9-in", calls.DID)


def test_the_last_thing_known_has_its_time() -> None:
    assert project(inbound("l").say(Kind.ENDED, 9).say(Kind.NOTED, 99).facts).last_at == at(99)


def test_a_better_ends_words_replace_and_a_lesser_ones_fill_the_gaps() -> None:
    script = inbound("w").say(Kind.ENDED, 9, wait_seconds=5, ivr_seconds=1, digits=("1",))
    script.say(Kind.ENDED, 10, final=True, wait_seconds=6, digits=("2",))
    script.say(Kind.ENDED, 11, wait_seconds=7, hold_seconds=2, digits=("3",))
    call = project(script.facts).call
    assert (call.wait_seconds, call.ivr_seconds, call.hold_seconds) == (6, 1, 2)
    assert [d.digit for d in call.digits] == ["2"]


def test_of_equal_ends_the_last_word_counts() -> None:
    script = (
        inbound("w").say(Kind.ENDED, 9, wait_seconds=5, digits=("1",)).say(Kind.ENDED, 10, wait_seconds=6)
    )
    assert project(script.facts).call.wait_seconds == 6
    assert [d.digit for d in project(script.facts).call.digits] == ["1"]


def test_a_lesser_end_that_comes_last_says_who_hung_up() -> None:
    script = inbound("w").say(Kind.ENDED, 9, final=True, hangup=Hangup(by="unknown", cause_code=16))
    script.say(Kind.ENDED, 10, hangup=Hangup(by="agent", cause_code=31), digits=("1",))
    call = project(script.facts).call
    assert call.hangup == Hangup(by="agent", cause_code=16)
    assert [d.digit for d in call.digits] == ["1"]


def test_nobody_says_who_hung_up() -> None:
    script = inbound("w").say(Kind.ENDED, 9, hangup=Hangup(by="unknown", cause_code=16))
    script.say(Kind.ENDED, 10, hangup=Hangup(sip_code=200))
    assert project(script.facts).call.hangup == Hangup(by="unknown", cause_code=16, sip_code=200)
