"""Cursors: where a page ended, opaque to whoever carries it to the next (C2)."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.engine.rows import Page

T = TypeVar("T")


def write_cursor(*place: int | str) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read_cursor(cursor: str, type_: type[T]) -> T:
    """`type_` is the tuple that was written. Raises Invalid for anything else."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=type_)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise Invalid.field("cursor", "must be the `next_cursor` of an earlier page") from None


def page(
    rows: Sequence[Any], limit: int, make: Callable[[Any], T], place: Callable[[Any], tuple[int | str, ...]]
) -> Page[T]:
    """One row more than `limit` was asked for: whether there is one says whether there is another page."""
    shown = rows[:limit]
    more = write_cursor(*place(shown[-1])) if len(rows) > limit and shown else None
    return Page(tuple(make(row) for row in shown), more)
