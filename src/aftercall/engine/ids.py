"""New ids: a prefix and a ULID (https://github.com/ulid/spec), so that ids sort by the time they were made."""

import os
import threading
import time
from base64 import b32hexencode

_TO_CROCKFORD = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_lock = threading.Lock()
_last = 0


def ulid() -> str:
    """26 characters; ids made by one process only ever grow."""
    global _last  # noqa: PLW0603  # the last id is the one thing that must be shared for them to grow
    with _lock:
        value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
        _last = value if value > _last else _last + 1
        return b32hexencode(_last.to_bytes(20))[-26:].translate(_TO_CROCKFORD).decode()


def new_id(prefix: str) -> str:
    """For example `new_id("cl")` for a call."""
    return f"{prefix}_{ulid()}"
