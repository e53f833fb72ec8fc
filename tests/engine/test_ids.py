"""Ids sort by the time they were made, and are what https://github.com/ulid/spec says."""

import re
import time

from aftercall.engine.ids import new_id, ulid

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_ulid_holds_the_time_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = ulid()
    number = sum(CROCKFORD.index(c) << 5 * i for i, c in enumerate(reversed(made)))
    assert before <= number >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ulids_of_one_process_only_grow() -> None:
    made = [ulid() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_new_id_has_its_prefix() -> None:
    assert re.fullmatch(r"cl_[0-9A-HJKMNP-TV-Z]{26}", new_id("cl"))
