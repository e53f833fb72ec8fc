# What is made of Event-Sequence: holes, repetitions, a little disorder, another core.

import random
from datetime import timedelta

from aftercall.sources.freeswitch.count import DISORDER, ORDINARY, Count
from aftercall.sources.freeswitch.reader import Reader
from tests.sources.freeswitch import scenarios
from tests.sources.freeswitch.pbx import DIALPLAN, NOW, SOURCE, facts


def lost(numbers: list[int], *, every: bool = False) -> int:
    count = Count(every=every)
    for number in numbers:
        count.take("core", number)
    return count.lost


def test_numbers_of_events_nobody_asked_for_are_not_missed() -> None:
    assert lost([5, 6, 6 + ORDINARY, 6 + 2 * ORDINARY]) == 0


def test_large_hole_is_a_loss() -> None:
    assert lost([5, 6, 8 + ORDINARY]) == ORDINARY + 1


def test_large_hole_is_none_when_it_took_its_time() -> None:
    """Thousands of phones that register make a thousand events between two heartbeats."""
    count, start = Count(every=False), NOW
    for n in range(5):
        count.take("core", 1 + n * 9_000, start + timedelta(seconds=20 * n))
    assert count.lost == 0
    count.take("core", 60_000, start + timedelta(seconds=81))
    assert count.lost == 60_000 - 36_001 - 1


def test_any_hole_is_a_loss_when_every_event_is_listened_to() -> None:
    assert lost([5, 6, *range(8, 8 + DISORDER)], every=True) == 1
    assert lost([5, 6, 6 + 10 * DISORDER], every=True) == 9 * DISORDER
    assert lost(list(range(5, 500)), every=True) == 0


def test_a_little_disorder_is_no_loss() -> None:
    numbers = list(range(1, 1001))
    shuffler = random.Random(1)
    for start in range(1, 1000, 50):
        part = numbers[start : start + 50]
        shuffler.shuffle(part)
        numbers[start : start + 50] = part
    assert lost(numbers, every=True) == 0


def test_repeated_events_are_known() -> None:
    count = Count(every=False)
    assert [count.take("core", number) for number in (5, 7, 6, 7, 5, 8)] == [
        True,
        True,
        True,
        False,
        False,
        True,
    ]
    assert count.take("core", None)


def test_events_told_twice_are_read_once() -> None:
    pbx = scenarios.attended_transfer()
    assert Reader(SOURCE, DIALPLAN).feed(pbx.said + pbx.said, NOW) == facts(pbx.said)


def test_one_absurd_number_does_not_silence_the_rest() -> None:
    count = Count(every=False)
    assert [count.take("core", number) for number in (5, 10**15, 6, 7, 7)] == [True, True, True, True, False]


def test_count_begins_anew_with_another_core() -> None:
    count = Count(every=True)
    assert count.take("one", 5)
    assert count.take("two", 90_000)
    assert count.take("one", 6)
    assert count.lost == 0
