"""How many post-call actions one call could run, known before the eleventh is saved (S1). Pure.

A rule takes certain values in each dimension of a call: outcome, direction, type, number, source, duration, queue.
Where there is one call for several rules, they crowd. Agents and tags tell no rules apart: a call may have them all.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from aftercall.domain.event import IN_CALL
from aftercall.domain.filter import name_key, number_key
from aftercall.domain.rule import Rule
from aftercall.domain.trigger import TRIGGERS
from aftercall.domain.webhook import STATUSES

PATIENCE = (
    100_000  # steps; what so long a search has not found is left to the limit that counts, when calls end
)
FEW = 300  # values of a dimension that are compared each with each


class Crowd(msgspec.Struct, frozen=True):
    """`count` rules run for a call such as `example`: its values by dimension, as far as they matter."""

    count: int
    example: dict[str, str]
    rules: tuple[str, ...]


class _Choice(NamedTuple):
    """A value of a dimension, and the rules that take it, each a bit."""

    value: str
    rules: int


def most(rules: Iterable[Rule], *, through: str | None = None, floor: int = 0) -> Crowd | None:
    """The largest crowd of enabled rules; None where none has more than `floor`. `through`: only with this rule."""
    enabled = [rule for rule in rules if rule.status == "enabled"]
    must = sum(1 << i for i, rule in enumerate(enabled) if rule.id == through)
    if len(enabled) <= floor or (through is not None and not must):
        return None
    search = _Search(enabled, must, floor)
    search.walk(0, (1 << len(enabled)) - 1, {})
    return search.found


class _Search:
    """Depth first over the dimensions, without the branches that cannot lead to more than is known."""

    def __init__(self, rules: Sequence[Rule], must: int, floor: int) -> None:
        self._rules, self._must, self._best = rules, must, floor
        self._dimensions = sorted(
            _dimensions(rules), key=lambda one: max(c.rules.bit_count() for c in one[1])
        )
        self._any_queue, self._queues = _by_value(rules, _queues)
        self._seen: set[tuple[int, int]] = set()
        self._steps = 0
        self.found: Crowd | None = None

    def walk(self, at: int, rules: int, example: dict[str, str]) -> None:
        """`rules` are those that take everything in the example so far."""
        if rules.bit_count() <= self._best or (at, rules) in self._seen or self._steps > PATIENCE:
            return
        self._seen.add((at, rules))
        if at == len(self._dimensions):
            self._queue(rules, example)
            return
        name, choices = self._dimensions[at]
        self._steps += len(choices)
        for value, left in sorted(((c.value, c.rules & rules) for c in choices), key=_most_first):
            if left & self._must == self._must:
                self.walk(at + 1, left, {**example, name: value} if value else example)

    def _queue(self, rules: int, example: dict[str, str]) -> None:
        """A call's queue is known by its id and its name, so two rules that name it differently are no two queues."""
        always = self._any_queue & rules
        choices = sorted(((c.value, c.rules & rules) for c in self._queues), key=_most_first)
        self._keep(always, example)
        for i, (value, one) in enumerate(choices):
            if always.bit_count() + 2 * one.bit_count() <= self._best or self._steps > PATIENCE:
                return
            self._keep(always | one, {**example, "queue": value})
            for other, two in choices[i + 1 :]:
                self._steps += 1
                if always.bit_count() + one.bit_count() + two.bit_count() <= self._best:
                    break
                self._keep(always | one | two, {**example, "queue": f"{value}, also known as {other}"})

    def _keep(self, rules: int, example: dict[str, str]) -> None:
        count = rules.bit_count()
        if count > self._best and rules & self._must == self._must:
            self._best = count
            ids = tuple(rule.id for i, rule in enumerate(self._rules) if rules >> i & 1)
            self.found = Crowd(count, example, ids)


def _most_first(choice: tuple[str, int]) -> int:
    return -choice[1].bit_count()


def _dimensions(rules: Sequence[Rule]) -> Iterable[tuple[str, list[_Choice]]]:
    plain: dict[str, Callable[[Rule], Iterable[str]]] = {
        "outcome": lambda rule: () if _in_call(rule) or set(rule.events) >= set(STATUSES) else rule.events,
        "direction": lambda rule: rule.filters.directions,
        "call_type": lambda rule: rule.filters.call_types,
        "number": lambda rule: map(number_key, rule.filters.numbers),
        "source": lambda rule: rule.filters.sources,
    }
    for name, values in plain.items():
        always, choices = _by_value(rules, values)
        yield name, choices or [_Choice("", always)]
    yield "duration_seconds", _durations(rules)


def _by_value(rules: Sequence[Rule], values: Callable[[Rule], Iterable[str]]) -> tuple[int, list[_Choice]]:
    """The rules that take any value, and for each value that is named those that take it, largest groups only."""
    always, named = 0, dict[str, int]()
    for i, rule in enumerate(rules):
        wanted = list(values(rule))
        for value in wanted:
            named[value] = named.get(value, 0) | 1 << i
        always |= 0 if wanted else 1 << i
    distinct = {taken | always: value for value, taken in reversed(named.items())}
    return always, _largest([_Choice(value, taken) for taken, value in distinct.items()])


def _durations(rules: Sequence[Rule]) -> list[_Choice]:
    """Where an interval begins there are as many as anywhere up to the next beginning."""
    bounds = []
    for rule in rules:
        low, high = rule.filters.min_duration_seconds, rule.filters.max_duration_seconds
        bounds.append((0, None) if _in_call(rule) else (low or 0, high))
    choices = []
    for seconds in sorted({low for low, _ in bounds}):
        taken = sum(
            1 << i
            for i, (low, high) in enumerate(bounds)
            if low <= seconds and (high is None or seconds <= high)
        )
        choices.append(_Choice(str(seconds) if seconds else "", taken))
    return _largest(choices)


def _largest(choices: list[_Choice]) -> list[_Choice]:
    """Without those whose rules all take another value as well."""
    if len(choices) > FEW:
        return choices
    kept: list[_Choice] = []
    for choice in sorted(choices, key=lambda c: -c.rules.bit_count()):
        if not any(choice.rules | other.rules == other.rules for other in kept):
            kept.append(choice)
    return kept


def _queues(rule: Rule) -> Iterable[str]:
    """A call that is still on may come to another queue."""
    return () if _in_call(rule) else map(name_key, rule.filters.queues)


def _in_call(rule: Rule) -> bool:
    """Such a rule runs while outcome and duration are not known yet."""
    return any((TRIGGERS[t].event if t in TRIGGERS else t) in IN_CALL for t in rule.triggers)
