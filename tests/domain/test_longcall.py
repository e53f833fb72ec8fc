# Calls of very many facts: folded on, they come to what they are as a whole, and a fact costs what it costs early on.

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from aftercall.domain import longcall
from aftercall.domain.event import Derived
from aftercall.domain.fact import Agent, Data, Fact, Kind, Line, Named, Recording, Transfer
from aftercall.domain.fold import shorten
from aftercall.domain.longcall import LongCall
from aftercall.domain.project import project
from tests.domain.calls import START
from tests.domain.test_project_properties import FACTS, broken, keys

Told = Callable[[int], Fact]


@contextmanager
def limits(since: int, most: int) -> Iterator[None]:
    """Limits so small that generated calls reach them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longcall, "SINCE", since)
        patch.setattr(shorten, "MOST", most)
        patch.setattr(shorten, "FIRST", most // 4)
        patch.setattr(shorten, "LEFT", most // 2)
        yield


def begun(facts: Collection[Fact]) -> LongCall:
    call = LongCall()
    call.extend(facts)
    return call


def gone_on(state: bytes, new: Collection[Fact]) -> LongCall | None:
    """From the state, where it can take these."""
    call = LongCall.stored(state)
    if call is None or not call.follows(new):
        return None
    call.extend(new)
    return call


class Account:
    """Keeps a call's state as the engine does: folds on where it can, says some events now and the rest later."""

    def __init__(self) -> None:
        self.heard: dict[str, Fact] = {}
        self.call: LongCall
        self.state: bytes | None = None
        self.said: dict[tuple[str, str], Derived] = {}

    def hear(self, batch: Collection[Fact], *, says: bool) -> None:
        new = [fact for fact in batch if fact.natural_id not in self.heard]
        self.heard |= {fact.natural_id: fact for fact in new}
        call = gone_on(self.state, new) if self.state is not None else None
        event(f"resumed: {call is not None}")
        self.call = call or begun(self.heard.values())
        fresh = {key: e for e in self.call.fold.events if (key := (e.name, e.discriminator)) not in self.said}
        if says:
            self.said |= fresh
        self.state = self.call.state([] if says else list(fresh.values()))


def batches(draw: st.DataObject, facts: list[Fact]) -> list[list[Fact]]:
    """In any order, some of them more than once, cut anywhere."""
    again = draw.draw(st.lists(st.sampled_from(facts), max_size=5))
    mixed = draw.draw(st.permutations(facts + again))
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(mixed)), max_size=8)))
    return [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]


def almost_in_order(draw: st.DataObject, facts: list[Fact]) -> list[list[Fact]]:
    """One at a time, each up to three places late: what parallel requests do."""
    places = [(i + draw.draw(st.integers(0, 3)), i) for i in range(len(facts))]
    return [[facts[i]] for _, i in sorted(places)]


@given(FACTS, st.data(), st.sampled_from([2, 4, 128]), st.sampled_from([4, 8, 200]))
def test_resumed_is_whole_in_any_order_and_batches(
    facts: list[Fact], draw: st.DataObject, since: int, most: int
) -> None:
    arrange = draw.draw(st.sampled_from([batches, almost_in_order]))
    account = Account()
    with limits(since, most):
        for batch in arrange(draw, facts):
            account.hear(batch, says=draw.draw(st.booleans()))
        whole = project(facts)
    fold = account.call.fold
    assert fold.read().call == whole.call
    assert fold.read().last_at == whole.last_at
    heard = set(account.said) | {(e.name, e.discriminator) for e in fold.events}
    assert heard >= set(keys(whole.events))


@given(FACTS, st.data(), st.sampled_from([2, 4, 128]))
def test_events_that_wait_are_those_of_the_whole(facts: list[Fact], draw: st.DataObject, since: int) -> None:
    account = Account()
    with limits(since, 200):
        for batch in batches(draw, facts):
            account.hear(batch, says=False)
    whole = project(facts)
    assert sorted(map(repr, account.call.fold.events)) == sorted(map(repr, whole.events))


@given(FACTS, st.sampled_from([4, 8]))
def test_a_shortened_call_keeps_the_rules_of_every_call(facts: list[Fact], most: int) -> None:
    with limits(128, most):
        assert broken(project(facts).call) == []


# What a conference, a queue or a menu tells for hours, fact by fact.


def told(n: int, kind: Kind, leg: str | None = None, line: Line | None = None, **data: Any) -> Fact:
    at = START + timedelta(seconds=1.44 * n)
    return Fact(
        kind=kind, call_key="c", occurred_at=at, natural_id=f"{n:06}", leg=leg, data=Data(**data), line=line
    )


def agent(n: int) -> Agent:
    return Agent(id=f"ag_{n % 40}", name=f"Agent {n % 40}")


def participants(n: int) -> Fact:
    kinds = (Kind.AGENT_DIALED, Kind.AGENT_ANSWERED, Kind.DISCONNECTED)
    return told(n, kinds[n % 3], f"leg-{n // 3}", agent=agent(n // 3))


def nobody_answers(n: int) -> Fact:
    """A queue that rings forty agents in turn, by a source that names no legs."""
    return told(n, (Kind.AGENT_DIALED, Kind.AGENT_MISSED)[n % 2], agent=agent(n // 2))


def never_an_outcome(n: int) -> Fact:
    return told(n, Kind.AGENT_DIALED, f"leg-{n}", agent=agent(n))


def everybody_stays(n: int) -> Fact:
    return told(n, Kind.CONNECTED, f"leg-{n}")


def menus(n: int) -> Fact:
    return (
        told(n, Kind.DTMF, digit=str(n % 10))
        if n % 2
        else told(n, Kind.IVR_ANSWERED, ivr=Named(f"m{n % 7}", "Menu"))
    )


def transfers(n: int) -> Fact:
    return told(n, (Kind.CONNECTED, Kind.TRANSFERRED)[n % 2], f"leg-{n}", transfer=Transfer(to=f"10{n}"))


def customers(n: int) -> Fact:
    return told(n, (Kind.CUSTOMER_DIALED, Kind.CUSTOMER_MISSED)[n % 2], f"leg-{n // 2}")


def recordings(n: int) -> Fact:
    return told(
        n, (Kind.RECORDING_STARTED, Kind.RECORDING_READY)[n % 2], recording=Recording(id=f"r-{n // 2}")
    )


def labels(n: int) -> Fact:
    return told(n, Kind.HELD, tags=(f"tag-{n}",), custom_fields={f"field-{n}": n})


def after_the_end(n: int) -> Fact:
    return told(n, (Kind.ENDED if n == 1 else Kind.HELD if n % 2 else Kind.RESUMED))


def switch(n: int) -> Fact:
    """Phones that are dialled into a bridge and leave it, as a PBX tells it."""
    kinds = (Kind.AGENT_DIALED, Kind.ANSWERED, Kind.CONNECTED, Kind.DISCONNECTED, Kind.ENDED)
    if n < 3:
        kind = (Kind.RECEIVED, Kind.ANSWERED, Kind.CONNECTED)[n]
        return told(n, kind, "root", Line(first=True, bridge="b" if n == 2 else None), direction="inbound")
    person, step = divmod(n, 5)
    line = Line(dialed_by="root" if step == 0 else None, bridge="b" if step in (2, 3) else None)
    if step == 0:
        return told(n, kinds[0], f"leg-{person}", line, agent=agent(person))
    return told(n, kinds[step], f"leg-{person}", line)


LONG: list[Told] = [
    participants, nobody_answers, never_an_outcome, everybody_stays, menus, transfers, customers, recordings,
    labels, after_the_end, switch,
]  # fmt: skip


def of_length(tell: Told, count: int) -> list[Fact]:
    start = told(0, Kind.RECEIVED, direction="inbound", from_="+14085551234")
    return [tell(n) for n in range(count)] if tell is switch else [start, *(tell(n) for n in range(1, count))]


@pytest.mark.parametrize("tell", LONG)
def test_neither_state_nor_record_grow_with_a_long_calls_length(tell: Told) -> None:
    def size(count: int) -> tuple[int, int]:
        call = begun(of_length(tell, count))
        return len(call.state([])), len(msgspec.json.encode(call.fold.read().call))

    state, record = size(1_500)
    longer_state, longer_record = size(6_000)
    assert longer_state < state * 1.4
    assert longer_record < record * 1.4
    assert longer_state < 250_000


@pytest.mark.parametrize("tell", LONG)
def test_a_long_call_folded_on_is_the_whole(tell: Told) -> None:
    facts = of_length(tell, 1_000)
    call: LongCall | None = begun(facts[:150])
    for n in range(150, len(facts), 10):
        for part in (facts[n + 5 : n + 10], facts[n : n + 5]):  # the second five come first
            assert call is not None
            call = gone_on(call.state([]), part)
    assert call is not None
    assert call.fold.read().call == project(facts).call


def test_a_long_call_lists_the_first_and_the_latest_and_counts_all() -> None:
    facts = of_length(participants, 3_000)
    call = project(facts).call
    legs = [leg.leg for leg in call.agents]
    assert legs[:3] == ["leg-0", "leg-1", "leg-2"]
    assert legs[-1] == "leg-999"
    assert shorten.LEFT <= len(legs) <= shorten.MOST
    assert "shortened" in call.data_quality
    assert len([e for e in project(facts).events if e.name == "call.agent_dialed"]) == 999
    assert "shortened" not in project(of_length(participants, 300)).call.data_quality


def test_an_agent_whose_legs_are_listed_no_more_gets_a_new_leg() -> None:
    """Three hundred agents are rung in turn, by a source that names no legs; each leg is an event of its own."""
    rung = [
        told(n, (Kind.AGENT_DIALED, Kind.AGENT_MISSED)[n % 2], agent=Agent(id=f"ag_{n // 2 % 300}"))
        for n in range(3_000)
    ]
    dialed = [e.discriminator for e in project(rung).events if e.name == "call.agent_dialed"]
    assert len(set(dialed)) == len(dialed) == 1_500
    assert dialed[1_260] == "ag_60#5"


def test_a_queue_waited_in_for_hours_is_waited_in_all_the_time() -> None:
    facts = [*of_length(menus, 102), told(102, Kind.DEPARTMENT_ENTERED, queue=Named("q"))]
    facts += [nobody_answers(n) for n in range(104, 2_000)]
    gave_up = project([*facts, told(2_002, Kind.ENDED)]).call
    assert (gave_up.status, gave_up.reason) == ("abandoned", "caller_hangup_in_queue")
    assert gave_up.wait_seconds == int(1.44 * 1_900)
    answered = project([*facts, told(2_002, Kind.AGENT_ANSWERED, "leg", agent=Agent(id="ag"))]).call
    assert answered.wait_seconds == int(1.44 * 1_900)
    assert [(step.result, step.duration_seconds) for step in answered.call_flow[-2:]] == [
        ("missed", 1), ("answered", None)
    ]  # fmt: skip


def test_who_was_rung_after_the_answer_is_known_in_a_shortened_call() -> None:
    facts = [never_an_outcome(n) for n in range(199)]
    facts += [told(199, Kind.AGENT_ANSWERED, "leg-198"), *map(never_an_outcome, range(200, 210))]
    agents = project([*facts, told(210, Kind.ENDED)]).call.agents
    assert [leg.missed for leg in agents[-12:]] == [False, False, *[True] * 10]


def test_an_end_that_waits_is_told_anew_when_a_better_one_comes() -> None:
    facts = of_length(participants, 200)
    call = begun([*facts, told(200, Kind.ENDED)])
    for n, final in ((201, False), (202, True)):
        resumed = gone_on(call.state(call.fold.events), [told(n, Kind.ENDED, final=final)])
        assert resumed is not None
        call = resumed
    ends = [e.occurred_at for e in call.fold.events if e.name in ("call.ended", "call.completed")]
    assert ends == [told(202, Kind.ENDED).occurred_at] * 2


def test_only_what_is_older_than_all_that_is_kept_takes_the_whole_call() -> None:
    facts = of_length(participants, 1_000)
    state = begun(facts[:900]).state([])
    kept = 900 - longcall.SINCE // 2
    missing = msgspec.structs.replace(facts[kept + 1], natural_id=facts[kept + 1].natural_id + "b")
    assert gone_on(state, [missing]) is not None
    older = msgspec.structs.replace(facts[kept - 2], natural_id=facts[kept - 2].natural_id + "b")
    assert gone_on(state, [older]) is None


@pytest.mark.parametrize("state", [b"", b"\x80", msgspec.msgpack.encode({"last": 1})])
def test_a_state_of_another_version_is_left_alone(state: bytes) -> None:
    assert LongCall.stored(state) is None


def test_a_call_that_may_not_speak_does_not_gather_events_for_ever() -> None:
    facts = [told(n, Kind.DTMF, digit="1") for n in range(2_000)]
    call = begun(facts)
    call.state(call.fold.events)
    assert len(call.fold.events) == longcall.WAITING
    assert call.fold.events[-1].occurred_at == facts[-1].occurred_at
