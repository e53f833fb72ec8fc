"""When a call speaks (calls.md C4): gates, settling, revisions, the watchdog, and everything exactly once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.account import Timing
from aftercall.domain.call import Call
from aftercall.domain.emit import Speech, candidates, emit, heard
from aftercall.domain.event import Event
from aftercall.domain.fact import Agent, Data, Fact, Hangup, Kind
from aftercall.domain.project import project

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
HTTP = Timing(gate=0.3, quiet=2.0, settle_max=10.0, watchdog=3600.0, update_quiet=2.0)
WEEK = timedelta(days=7)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def fact(kind: Kind, seconds: float, data: Data | None = None, leg: str | None = None) -> Fact:
    return Fact(
        kind=kind,
        call_key="c1",
        occurred_at=at(seconds),
        natural_id=f"{kind}:{seconds}:{leg}",
        leg=leg,
        data=data or Data(),
    )


RECEIVED = fact(Kind.RECEIVED, 0, Data(direction="inbound", from_="+14085551234", to="+14085559876"))
DIALED = fact(Kind.AGENT_DIALED, 1, Data(agent=Agent(id="ag_1")), "a")
ANSWERED = fact(Kind.AGENT_ANSWERED, 3, Data(agent=Agent(id="ag_1")), "a")
CONNECTED = fact(Kind.CONNECTED, 3, leg="a")
ENDED = fact(Kind.ENDED, 60, Data(hangup=Hangup(by="caller")))
WRAPPED = fact(Kind.WRAPPED_UP, 80, Data(wrap_up_seconds=20))
CALL = [RECEIVED, DIALED, ANSWERED, CONNECTED, ENDED]
FINISHED = fact(
    Kind.COMPLETED,
    60,
    Data(direction="inbound", status="answered", started_at=at(0), ended_at=at(60), final=True),
)


class Talk:
    """A call that hears facts and is looked at when it asks to be, with a clock of its own."""

    def __init__(self, timing: Timing = HTTP) -> None:
        self.timing = timing
        self.facts: dict[str, Fact] = {}
        self.speech: Speech | None = None
        self.call: Call | None = None
        self.events: list[Event] = []
        self.due: datetime | None = None
        self.orphaned = False

    def hear(self, now: datetime, *facts: Fact) -> "list[str]":
        self.facts |= {f.natural_id: f for f in facts}
        projection = project(self.facts.values())
        speech = heard(self.speech, now, projection.call) if facts or not self.speech else self.speech
        spoken = {e.event_id for e in self.events}
        fresh = {i: e for i, e in candidates("cl_1", projection).items() if i not in spoken}
        said = emit("cl_1", projection.call, fresh, speech, self.call, now, self.timing, WEEK)
        self.speech, self.due, self.orphaned = said.speech, said.due_at, said.orphaned
        self.call = projection.call
        self.events += said.events
        return [e.name for e in said.events]

    def run(self, until: datetime) -> None:
        """Look whenever the call asks for it."""
        while self.due is not None and self.due <= until and not self.orphaned:
            self.hear(self.due)

    @property
    def names(self) -> list[str]:
        return [e.name for e in self.events]


def test_http_events_wait_for_the_gate() -> None:
    talk = Talk()
    assert talk.hear(at(0), RECEIVED) == []
    assert talk.due == at(0.3)
    assert talk.hear(at(0.3)) == ["call.received"]


def test_stream_events_are_said_at_once() -> None:
    assert Talk(Timing(gate=0.0)).hear(at(0), RECEIVED) == ["call.received"]


def test_in_call_events_wait_until_the_direction_is_known() -> None:
    talk = Talk(Timing(gate=0.0))
    assert talk.hear(at(1), DIALED) == []
    assert talk.hear(at(2), RECEIVED) == ["call.received", "call.agent_dialed"]


def test_completed_waits_for_quiet() -> None:
    talk = Talk()
    talk.hear(at(60), *CALL)
    talk.run(at(61.9))
    assert "call.completed" not in talk.names
    assert talk.names[-1] == "call.ended"
    talk.run(at(62))
    assert talk.names[-1] == "call.completed"


def test_completed_does_not_wait_longer_than_settle_max() -> None:
    talk = Talk()
    talk.hear(at(60), *CALL)
    for i in range(1, 30):
        talk.run(at(60 + i))
        talk.hear(at(60 + i), fact(Kind.NOTED, 60 + i, Data(notes=str(i))))
    completed = next(e for e in talk.events if e.name == "call.completed")
    assert completed.spoken_at == at(70)


def test_final_record_settles_at_once() -> None:
    assert Talk().hear(at(61), FINISHED) == ["call.ended", "call.completed"]


def test_sequence_has_no_gaps_and_completed_is_revision_one() -> None:
    talk = Talk()
    talk.hear(at(60), *CALL)
    talk.run(at(100))
    assert [e.sequence for e in talk.events] == list(range(1, len(talk.events) + 1))
    assert talk.events[-1].revision == 1


def test_h7_late_wrap_up_makes_one_revision_with_its_changes() -> None:
    talk = Talk()
    talk.hear(at(60), *CALL)
    talk.run(at(70))
    talk.hear(at(80), WRAPPED)
    talk.hear(at(81), fact(Kind.NOTED, 81, Data(notes="call back")))
    talk.run(at(100))
    updated = [e for e in talk.events if e.name == "call.updated"]
    assert [e.revision for e in updated] == [2]
    assert {c["path"] for c in updated[0].details["changes"]} == {"wrap_up_seconds", "notes"}


def test_a_duplicate_fact_after_the_end_makes_no_revision() -> None:
    talk = Talk()
    talk.hear(at(60), *CALL)
    talk.run(at(70))
    talk.hear(at(75), ENDED)
    talk.run(at(100))
    assert "call.updated" not in talk.names


def test_change_that_is_taken_back_before_it_was_told_makes_no_revision() -> None:
    talk = Talk()
    talk.hear(at(60), *CALL, fact(Kind.NOTED, 59, Data(notes="a")))
    talk.run(at(70))
    talk.hear(at(71), fact(Kind.NOTED, 71, Data(notes="b")))
    talk.hear(at(72), fact(Kind.NOTED, 72, Data(notes="a")))
    talk.run(at(100))
    assert "call.updated" not in talk.names


def test_late_in_call_event_is_marked_late() -> None:
    talk = Talk()
    talk.hear(at(60), RECEIVED, ENDED)
    talk.run(at(70))
    talk.hear(at(71), DIALED)
    talk.run(at(80))
    assert next(e for e in talk.events if e.name == "call.agent_dialed").late


def test_h4_watchdog_calls_for_an_end_that_never_came() -> None:
    talk = Talk()
    talk.hear(at(0), RECEIVED)
    talk.run(at(3599))
    assert not talk.orphaned
    talk.run(at(3600))
    assert talk.orphaned


def test_h5_end_without_start_says_only_the_end() -> None:
    talk = Talk()
    talk.hear(at(60), fact(Kind.ENDED, 60, Data(direction="inbound", duration_seconds=10)))
    talk.run(at(100))
    assert talk.names == ["call.ended", "call.completed"]


def test_closed_call_is_revised_by_a_person_only() -> None:
    talk = Talk()
    talk.hear(at(60), *CALL)
    talk.run(at(100))
    later = at(60) + WEEK + timedelta(hours=1)
    talk.hear(later, WRAPPED)
    talk.run(later + timedelta(minutes=1))
    assert "call.updated" not in talk.names
    talk.hear(later, fact(Kind.DISPOSITION_UPDATED, 90, Data(disposition="Sold")))
    talk.run(later + timedelta(minutes=1))
    assert talk.names[-1] == "call.updated"


@pytest.mark.parametrize("kind", [Kind.RECORDING_READY, Kind.ANALYZED])
def test_after_call_events_follow_completed(kind: Kind) -> None:
    talk = Talk()
    talk.hear(at(60), *CALL)
    talk.hear(at(60.1), fact(kind, 60))
    talk.run(at(100))
    assert talk.names.index("call.completed") < talk.names.index(str(kind))


@given(st.permutations(range(len(CALL))), st.lists(st.floats(0, 0.05), min_size=5, max_size=5), st.data())
def test_any_order_within_the_gate_says_the_same_once(
    order: list[int], gaps: list[float], data: st.DataObject
) -> None:
    """Jitter up to 0.2 s: nothing is said twice, and the settled call is the same (C4.1)."""
    expected = Talk()
    expected.hear(at(60), *CALL)
    expected.run(at(100))
    talk, now = Talk(), 60.0
    for index, gap in zip(order, gaps, strict=True):
        now += gap
        talk.run(at(now))
        again = data.draw(st.booleans())
        talk.hear(at(now), CALL[index], *([CALL[order[0]]] if again else []))
    talk.run(at(200))
    ids = [e.event_id for e in talk.events]
    assert len(ids) == len(set(ids))
    assert set(ids) == {e.event_id for e in expected.events}
    assert talk.call == expected.call
    assert talk.names.count("call.completed") == 1
