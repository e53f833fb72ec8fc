# How many rules one call can run (S1): against trying every call, and in bounded time.

import itertools
import random
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aftercall.domain.call import AgentLeg, Call
from aftercall.domain.crowd import most
from aftercall.domain.fact import Agent, CallType, Direction, Named, Status
from aftercall.domain.filter import refusal
from aftercall.domain.rule import Rule
from aftercall.domain.webhook import STATUSES, Filters
from tests.domain.samples import START, but

SOURCES = ("src_1", "src_2")
NUMBERS = ("+14085559876", "1 408 555-9876", "0014085550000")
QUEUES = ("q_1", "Support", " support", "Sales")
DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound")
TYPES: tuple[CallType, ...] = ("direct", "dialer")
AGENTS, TAGS = ("Kim", "Jo"), ("vip", "late")


def rule(number: int = 1, events: tuple[Status, ...] = STATUSES, **filters: Any) -> Rule:
    return Rule(
        id=f"rl_{number}", account_id="ac_1", channel="sms", events=events, filters=Filters(**filters),
        created_at=START, updated_at=START,
    )  # fmt: skip


def some(values: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.just(()) | st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


def made(drawn: list[dict[str, Any]]) -> list[Rule]:
    return [rule(i, **given) for i, given in enumerate(drawn)]


fields: dict[str, st.SearchStrategy[Any]] = {
    "events": st.lists(st.sampled_from(STATUSES), min_size=1, unique=True).map(tuple),
    "directions": some(DIRECTIONS),
    "call_types": some(TYPES),
    "numbers": some(NUMBERS),
    "queues": some(QUEUES),
    "agents": some(AGENTS),
    "tags": some(TAGS),
    "sources": some(SOURCES),
    "min_duration_seconds": st.none() | st.integers(0, 4),
    "max_duration_seconds": st.none() | st.integers(0, 4),
}
rules = st.lists(st.fixed_dictionaries(fields), max_size=7).map(made)


def brute(rules: list[Rule], through: str | None) -> int:
    """The most that any call runs, of all calls there could be."""
    best = 0
    names = [None, *(Named(a, b) for a, b in itertools.product((*QUEUES, "x"), repeat=2))]
    for status, direction, type_, did, source, seconds, queue in itertools.product(
        STATUSES, DIRECTIONS, TYPES, (*NUMBERS, "+1"), (*SOURCES, "src_3"), range(6), names
    ):
        call = Call(
            source_call_key="k", status=status, direction=direction, call_type=type_, did=did,
            duration_seconds=seconds, queue=queue, tags=TAGS,
            agents=tuple(AgentLeg(agent=Agent(name=name)) for name in AGENTS),
        )  # fmt: skip
        run = [r.id for r in rules if refusal(r, call) is None and source in (r.filters.sources or (source,))]
        if through is None or through in run:
            best = max(best, len(run))
        if best == len(rules):
            break
    return best


@given(rules, st.sampled_from([None, "rl_0", "rl_3"]))
@settings(max_examples=25, deadline=None)
def test_most_is_what_trying_every_call_finds(rules: list[Rule], through: str | None) -> None:
    found = most(rules, through=through)
    assert (found.count if found else 0) == brute(rules, through)
    if found is not None:
        assert len(found.rules) == found.count


def test_most_is_none_when_no_more_than_the_floor() -> None:
    ten = [rule(i) for i in range(10)]
    assert most(ten, floor=10) is None
    eleven = most([*ten, rule(10, ("missed",), directions=("inbound",))], floor=10)
    assert eleven is not None
    assert (eleven.count, eleven.example) == (11, {"outcome": "missed", "direction": "inbound"})


def test_most_counts_no_rule_that_is_disabled() -> None:
    found = most([rule(1), but(rule(2), status="disabled")])
    assert found is not None
    assert found.rules == ("rl_1",)


def test_outcome_and_queue_tell_apart_only_after_the_call() -> None:
    ringing = but(rule(1, ("missed",), queues=("a",)), triggers=("call.ringing",))
    after = [rule(2, ("answered",), queues=("b",)), rule(3, ("missed",), queues=("b",))]
    found = most([ringing, *after], through="rl_1")
    assert found is not None
    assert found.count == 2


def test_most_takes_bounded_time_when_filters_are_many_and_mixed() -> None:
    chance = random.Random(1)

    def words(prefix: str) -> tuple[str, ...]:
        return tuple({f"{prefix}{chance.randrange(60)}" for _ in range(chance.randrange(30))})

    many = [
        rule(
            i, tuple(chance.sample(STATUSES, chance.randrange(1, 5))), directions=tuple(chance.sample(DIRECTIONS, 1)),
            numbers=tuple({f"+1408555{chance.randrange(1000, 1060)}" for _ in range(20)}), queues=words("q"),
            sources=words("src_"), min_duration_seconds=chance.randrange(100),
            max_duration_seconds=chance.randrange(100, 200),
        )
        for i in range(200)
    ]  # fmt: skip
    started = time.perf_counter()
    assert most(many) is not None
    most(many, through="rl_7", floor=10)
    assert time.perf_counter() - started < 5
