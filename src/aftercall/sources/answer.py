"""What a vendor answers when it is asked about a call: as little trusted as what it sends by itself."""

import re
from collections.abc import Container

from aftercall.domain.errors import Unreadable
from aftercall.engine.taking import Object, record
from aftercall.engine.upstream import Lost, Refused

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


def is_plain(call_key: str) -> bool:
    """Whether it can be a part of an address as it is: ids that vendors make can."""
    return _PLAIN.fullmatch(call_key) is not None


def answer_of(status: int, body: bytes) -> Object:
    """The object an answer holds. Raises Lost where there is none, Unreadable."""
    if status in (401, 403):
        raise Refused(f"the vendor answered {status}: it does not take the source's secret")
    if status != 200:
        raise Lost(f"the vendor answered {status}")
    return record(body)


def answer_about(
    call_key: str, field: str, status: int, body: bytes, unknown: Container[int] = (404,)
) -> Object | None:
    """The call whose key stands in this field; None where the vendor knows of none. Raises as `answer_of` does."""
    if status in unknown:
        return None
    call = answer_of(status, body)
    if call.get(field) != call_key:
        raise Unreadable("The answer is about something else.")
    return call
