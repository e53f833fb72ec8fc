"""What the vendors' signature schemes share: secrets old and new, constant-time comparison, the age of a stamp."""

import hmac
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from mmap import mmap
from typing import NoReturn

from aftercall.domain.errors import Unauthenticated

MISSING = "The request is not signed."
WRONG = "The signature does not match the secret."
OLD = "The signature is too old, or a clock is wrong."


def check(secrets: Sequence[bytes], given: Iterable[str], sign: Callable[[bytes], Iterable[str]]) -> None:
    """Raise Unauthenticated unless one of the given signatures is one that a secret makes.

    Every pair is compared, and each in constant time.
    """
    offered = [text.encode("latin-1", "replace") for text in given]
    right = [text.encode() for secret in secrets for text in sign(secret)]
    if not offered:
        refuse(MISSING)
    same = [hmac.compare_digest(one, other) for one in offered for other in right]
    if not any(same):
        refuse(WRONG)


def check_age(signed_at: float, now: datetime, past: float, future: float = 300.0) -> None:
    """Raise Unauthenticated for a signature of long ago or of the future. All in seconds."""
    if not -future <= now.timestamp() - signed_at <= past:
        refuse(OLD)


def hex_sha256(secret: bytes, *said: bytes | mmap) -> str:
    """Of the parts put together."""
    made = hmac.new(secret, digestmod=sha256)
    for part in said:
        made.update(part)
    return made.hexdigest()


def refuse(why: str) -> NoReturn:
    raise Unauthenticated(why)


def fields(header: str | None, separator: str = ",") -> dict[str, list[str]]:
    """`t=1,v1=a,v1=b` as its parts; a name may come several times."""
    parts: dict[str, list[str]] = {}
    for part in (header or "").split(separator):
        name, equals, value = part.strip().partition("=")
        if equals:
            parts.setdefault(name.strip(), []).append(value.strip())
    return parts


def stamp(text: str | None) -> int:
    """A time that is part of a signature. Raises Unauthenticated where it is none."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 16:
        refuse(MISSING)
    return int(text)
