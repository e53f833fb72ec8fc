"""New ids: a prefix and a ULID (https://github.com/ulid/spec), so that ids sort by the time they were made."""

import random
import threading
import time

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]  # ten bits each: half the steps of one character
_chance = random.Random()  # noqa: S311  # ids need not be hard to guess: every look-up names its account
_lock = threading.Lock()
_last = 0


def ulid() -> str:
    """26 characters; ids made by one process only ever grow."""
    global _last  # noqa: PLW0603  # the last id is the one thing that must be shared for them to grow
    with _lock:
        value = (time.time_ns() // 1_000_000) << 80 | _chance.getrandbits(80)
        _last = n = value if value > _last else _last + 1
    p = _PAIRS
    return (
        p[n >> 120] + p[n >> 110 & 1023] + p[n >> 100 & 1023] + p[n >> 90 & 1023] + p[n >> 80 & 1023]
        + p[n >> 70 & 1023] + p[n >> 60 & 1023] + p[n >> 50 & 1023] + p[n >> 40 & 1023] + p[n >> 30 & 1023]
        + p[n >> 20 & 1023] + p[n >> 10 & 1023] + p[n & 1023]
    )  # fmt: skip


def new_id(prefix: str) -> str:
    """For example `new_id("cl")` for a call."""
    return f"{prefix}_{ulid()}"
