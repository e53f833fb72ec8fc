# The step-wise form of the projection: when facts may be added, what a long call costs, taking its events.

from datetime import timedelta

import msgspec
import pytest

from aftercall.domain.fact import Fact, Kind
from aftercall.domain.project import Fold, project
from tests.domain.calls import START, Script, at, inbound


def folded(script: Script) -> Fold:
    fold = Fold()
    fold.extend(script.facts)
    return fold


def dtmf(seconds: float, natural_id: str, seq: int | None = None) -> Fact:
    return Fact(kind=Kind.DTMF, call_key="c", occurred_at=at(seconds), natural_id=natural_id, seq=seq)


def test_anything_follows_nothing() -> None:
    assert Fold().follows([dtmf(1, "a")])


@pytest.mark.parametrize(
    ("fact", "follows"),
    [
        (dtmf(5.1, "a", 8), True),
        (dtmf(5.1, "a"), True),
        (dtmf(5, "z", 7), True),  # after "n" at the same moment
        (dtmf(5, "a", 8), False),
        (dtmf(4.9, "z", 8), False),
        (dtmf(5.1, "z", 6), False),  # later, but the source told it before
        (dtmf(5, "n", 7), False),  # folded already
    ],
)
def test_only_what_is_told_later_follows(fact: Fact, follows: bool) -> None:
    fold = Fold()
    fold.extend([dtmf(5, "n", 7)])
    assert fold.follows([fact]) is follows
    assert fold.follows([dtmf(9, "y", 9), fact]) is follows


def test_an_end_told_late_stands_where_the_call_ended() -> None:
    fold = folded(inbound("c").say(Kind.CONNECTED, 5))
    record = Script("r").say(Kind.COMPLETED, 60, ended_at=at(4)).facts
    assert not fold.follows(record)
    assert fold.follows(Script("r").say(Kind.COMPLETED, 60, ended_at=at(6)).facts)


def test_events_are_taken_once() -> None:
    fold = folded(inbound("c").say(Kind.RINGING, 1))
    assert [e.name for e in fold.take_events()] == ["call.received", "call.ringing"]
    assert fold.take_events() == ()
    fold.extend(Script("e").say(Kind.ENDED, 5).facts)
    assert [e.name for e in fold.read().events] == ["call.ended", "call.completed"]


def test_an_end_that_was_taken_is_not_told_again() -> None:
    fold = folded(inbound("c").say(Kind.ENDED, 5))
    assert len(fold.take_events()) == 3
    fold.extend(Script("e").say(Kind.ENDED, 6).facts)
    assert fold.take_events() == ()
    assert fold.read().call.ended_at == at(6)


def test_a_long_call_folds_on_to_what_it_projects_to() -> None:
    facts = [Fact(kind=Kind.RECEIVED, call_key="c", occurred_at=START, natural_id="0")]
    kinds = (Kind.CONNECTED, Kind.HELD, Kind.DTMF, Kind.RESUMED, Kind.DISCONNECTED)
    for i in range(3000):
        moment = START + timedelta(seconds=i + 1)
        facts.append(Fact(kind=kinds[i % 5], call_key="c", occurred_at=moment, natural_id=str(i), leg="a"))
    fold, events = Fold(), 0
    for start in range(0, len(facts), 500):
        fold = msgspec.msgpack.decode(msgspec.msgpack.encode(fold), type=Fold)
        assert fold.follows(facts[start : start + 500])
        fold.extend(facts[start : start + 500])
        events += len(fold.take_events())
    whole = project(facts)
    assert (fold.read().call, events) == (whole.call, len(whole.events))


def test_the_state_of_a_call_does_not_grow_with_its_length() -> None:
    def size(rounds: int) -> int:
        script = inbound("c")
        for i in range(rounds):
            script.say(Kind.CONNECTED, i * 3 + 1, leg="a").say(Kind.DISCONNECTED, i * 3 + 2, leg="a")
        fold = folded(script)
        fold.take_events()
        return len(msgspec.msgpack.encode(fold))

    assert size(500) - size(50) < 20


def test_nothing_makes_an_empty_call() -> None:
    projection = project([])
    assert (projection.call.phase, projection.events, projection.call.started_at) == ("new", (), None)
