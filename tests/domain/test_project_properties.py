# What holds for every call: facts generated like those of life, and facts no source would tell.

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from aftercall.domain.call import Call
from aftercall.domain.event import Derived
from aftercall.domain.fact import Agent, Data, Fact, Hangup, Kind, Named, Recording, Transfer, ordered
from aftercall.domain.project import Fold, Projection, project
from tests.domain.calls import ASHA, BEN, CALLS, RITA, START, SUPPORT

SECONDS = (
    "duration_seconds", "billable_seconds", "talk_time_seconds", "bridged_seconds", "ring_time_seconds",
    "wait_seconds", "ivr_seconds", "hold_seconds", "outbound_seconds", "wrap_up_seconds",
)  # fmt: skip
MOVING = {
    "call.ended",
    "call.completed",
}  # told anew, at its time, when a better end comes before they are taken


def times() -> st.SearchStrategy[datetime]:
    """A small clock, so that facts share a moment."""
    return st.integers(0, 40).map(lambda half: START + timedelta(seconds=half / 2))


def hangups() -> st.SearchStrategy[Hangup]:
    return st.builds(
        Hangup,
        cause=st.sampled_from([None, "LOSE_RACE", "USER_BUSY", "ORIGINATOR_CANCEL"]),
        cause_code=st.sampled_from([None, 16, 17, 26, 34]),
        sip_code=st.sampled_from([None, 200, 486, 487]),
        by=st.sampled_from([None, "caller", "callee", "agent", "system", "unknown"]),
        by_tag=st.sampled_from([None, "a", "b"]),
    )


AGENTS = st.sampled_from([None, ASHA, BEN, RITA, Agent(name="Asha Rao"), Agent()])
LEGS = st.sampled_from([None, None, "a", "b", "c", "101"])


def seconds() -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(-5, 60)


@st.composite
def data(draw: st.DrawFn) -> Data:
    """Some of everything, whether it fits the kind of fact or not."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "agent": AGENTS,
        "direction": st.sampled_from(["inbound", "outbound"]),
        "call_type": st.sampled_from(["direct", "click_to_call", "dialer", "broadcast"]),
        "queue": st.sampled_from([SUPPORT, Named()]),
        "ivr": st.sampled_from([Named("1"), Named(None, "x")]),
        "digit": st.sampled_from("12#"),
        "digits": st.sampled_from([("1",), ("1", "1")]),
        "status": st.sampled_from(["answered", "missed", "abandoned", "voicemail"]),
        "reason": st.sampled_from(["busy", "machine", "caller_hangup_in_ivr", "closed_hours"]),
        "hangup": hangups(),
        "transfer": st.sampled_from([Transfer(), Transfer(kind="attended"), Transfer(result="failed")]),
        "recording": st.sampled_from([Recording(id="r"), Recording(url="https://r.example")]),
        "started_at": times(),
        "answered_at": times(),
        "connected_at": times(),
        "ended_at": times(),
        "duration_seconds": seconds(),
        "talk_time_seconds": seconds(),
        "billable_seconds": seconds(),
        "ring_time_seconds": seconds(),
        "wait_seconds": seconds(),
        "hold_seconds": seconds(),
        "outbound_seconds": seconds(),
        "wrap_up_seconds": seconds(),
        "tags": st.sampled_from([("a",), ()]),
        "final": st.booleans(),
        "flags": st.sampled_from([("gap",), ("merged", "gap")]),
    }
    names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True))
    return Data(**{name: draw(fields[name]) for name in names})


@st.composite
def arbitrary(draw: st.DrawFn) -> list[Fact]:
    """Facts that need not make sense together."""
    count = draw(st.integers(1, 14))
    return [
        Fact(
            kind=draw(st.sampled_from(Kind)),
            call_key="c",
            occurred_at=draw(times()),
            natural_id=f"n{i:02}",
            leg=draw(LEGS),
            seq=draw(st.none() | st.none() | st.integers(0, 9)),
            data=draw(data()),
        )
        for i in range(count)
    ]


@st.composite
def lifelike(draw: st.DrawFn) -> list[Fact]:
    """A scripted call at its own pace, told by a source that loses some of it and may number it."""
    told = CALLS[draw(st.sampled_from(sorted(CALLS)))]()
    kept = [fact for fact in told if draw(st.integers(0, 9))] or told
    pace = draw(st.sampled_from([0.25, 1.0, 3.0]))
    coarse = draw(st.booleans())
    numbered = draw(st.booleans())
    facts = []
    for i, fact in enumerate(kept):
        moment = START + (fact.occurred_at - START) * pace
        moment = moment.replace(microsecond=0) if coarse else moment
        seq = i if numbered and draw(st.integers(0, 4)) else None
        facts.append(msgspec.structs.replace(fact, occurred_at=moment, seq=seq))
    return facts


FACTS = st.one_of(lifelike(), arbitrary())


def keys(events: Iterable[Derived]) -> list[tuple[str, str]]:
    return sorted((e.name, e.discriminator) for e in events)


def still(events: Iterable[Derived]) -> list[str]:
    """Events that say the same whenever they are taken, so that they can be compared as sets."""
    return sorted(repr(e) for e in events if e.name not in MOVING)


def in_batches(batches: list[list[Fact]]) -> tuple[Projection, list[Derived]]:
    """As a store would: fold on where the facts follow, else project anew; each event is told once."""
    fold, told = Fold(), dict[tuple[str, str], Derived]()
    heard: list[Fact] = []
    for batch in batches:
        heard += batch
        follows = fold.follows(batch)
        event(f"follows: {follows}")
        if not follows:
            fold = Fold()
        fold.extend(batch if follows else heard)
        fold = msgspec.msgpack.decode(msgspec.msgpack.encode(fold), type=Fold)
        for derived in fold.take_events():
            told.setdefault((derived.name, derived.discriminator), derived)
    return fold.read(), list(told.values())


@given(FACTS, st.data())
def test_neither_order_nor_repetition_matters(facts: list[Fact], draw: st.DataObject) -> None:
    again = draw.draw(st.lists(st.sampled_from(facts), max_size=5))
    assert project(draw.draw(st.permutations(facts + again))) == project(facts)


@given(FACTS, st.data())
def test_a_call_told_in_order_folds_on_to_the_same(facts: list[Fact], draw: st.DataObject) -> None:
    told = ordered(facts)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(told)), max_size=4)))
    batches = [told[a:b] for a, b in zip([0, *cuts], [*cuts, len(told)], strict=True)]
    fold = Fold()
    taken: list[Derived] = []
    for batch in batches:
        for fact in batch:
            fold.apply(fact)
        taken += fold.take_events()
    whole = project(facts)
    assert fold.read().call == whole.call
    assert keys(taken) == keys(whole.events)
    assert still(taken) == still(whole.events)


@given(FACTS, st.data())
def test_batches_in_any_order_come_to_the_same_call(facts: list[Fact], draw: st.DataObject) -> None:
    mixed = draw.draw(st.permutations(facts))
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(mixed)), max_size=3)))
    batches = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
    projection, told = in_batches(batches)
    whole = project(facts)
    assert projection.call == whole.call
    assert projection.last_at == whole.last_at
    assert set(keys(told)) >= set(keys(whole.events))


@given(FACTS, st.data())
def test_what_follows_is_told_after_what_was_folded(facts: list[Fact], draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(facts)))
    mixed = draw.draw(st.permutations(facts))
    old, new = mixed[:cut], mixed[cut:]
    fold = Fold()
    fold.extend(old)
    if fold.follows(new):
        assert ordered(facts) == ordered(old) + ordered(new)
    assert not old or not fold.follows(old[:1])


@given(FACTS)
def test_every_event_is_told_once(facts: list[Fact]) -> None:
    told = keys(project(facts).events)
    assert len(told) == len(set(told))


@given(FACTS)
def test_the_record_is_consistent(facts: list[Fact]) -> None:
    projection = project(facts)
    assert broken(projection.call) == []
    names = {e.name for e in projection.events}
    assert ("call.completed" in names) == (projection.call.ended_at is not None)
    assert bool({"call.ended", "call.orphaned"} & names) == (projection.call.ended_at is not None)


@given(FACTS)
def test_reading_changes_nothing(facts: list[Fact]) -> None:
    fold = Fold()
    fold.extend(facts)
    before = msgspec.msgpack.encode(fold)
    assert fold.read() == fold.read()
    assert msgspec.msgpack.encode(fold) == before


def broken(call: Call) -> list[str]:
    """The rules every call keeps, as far as this one does not."""
    ended = call.ended_at is not None
    rules = {
        "ended calls have an outcome": (call.status is not None) == ended == (call.phase == "ended"),
        "only missed and abandoned calls have a reason": (call.reason is not None)
        == (call.status in {"missed", "abandoned"}),
        "seconds are not negative": all((getattr(call, field) or 0) >= 0 for field in SECONDS),
        "an ended call has its seconds": (call.duration_seconds is not None) == ended
        and (call.talk_time_seconds is not None) == ended,
        "talk is not longer than the call": (call.talk_time_seconds or 0) <= (call.duration_seconds or 0),
        "it starts": call.started_at is not None,
        "nothing comes before the start": all(
            at is None or (call.started_at is not None and at >= call.started_at)
            for at in (call.server_answered_at, call.connected_at, call.ended_at)
        ),
        "no agent both answers and misses": all(
            not (leg.missed and leg.answered_at) and (leg.reason is not None) == leg.missed
            for leg in call.agents
        ),
    }
    return [rule for rule, holds in rules.items() if not holds]
