"""Values as columns hold them: times as microseconds, documents as JSON text."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_encode = msgspec.json.Encoder().encode


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)


def moment_or_none(at: int | None) -> datetime | None:
    return None if at is None else _EPOCH + timedelta(microseconds=at)


def document(value: Any) -> str:
    return _encode(value).decode()


def searchable(words: Iterable[str | None]) -> str | None:
    """Words that are looked for whole and in any case: each on a line of its own."""
    lines = "\n".join([word for word in words if word]).lower()
    return f"\n{clean(lines)}\n" if lines else None


def clean(text: str) -> str:
    """Without NUL, which PostgreSQL cannot store; in documents JSON writes it as an escape."""
    return text.replace("\0", "") if "\0" in text else text
