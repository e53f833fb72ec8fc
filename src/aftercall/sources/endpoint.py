"""Where a source that is listened to is reached: its settings read and checked, its secret looked at."""

from typing import TypeVar

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid

MAX_SECRET = 1000
_PASSWORDS = frozenset({"password", "secret", "token"})

T = TypeVar("T")


def settings_of(source: Source, kind: type[T]) -> T:
    """The source's settings. Raises Invalid where one is missing or not understood, naming it."""
    if named := _PASSWORDS & source.settings.keys():
        raise Invalid.field(f"settings.{min(named)}", "the password is the source's `secret`, no setting")
    try:
        return msgspec.convert(source.settings, kind)
    except msgspec.ValidationError as error:
        rule, _, place = str(error).partition(" - at `$")
        raise Invalid.field(f"settings{place.rstrip('`')}", rule[:200]) from None


def check_line(field: str, value: str) -> None:
    """Raise Invalid unless the value can be sent as a part of one line."""
    if not value.isprintable() or value != value.strip():
        raise Invalid.field(field, "may hold no control characters, no space before or after")


def check_secret(source: Source, what: str) -> None:
    """Raise Invalid unless the source has a secret that can be sent in one line; `what` it is."""
    if not source.token:
        raise Invalid.field("secret", f"is needed: {what}")
    if not source.token.isprintable() or len(source.token) > MAX_SECRET:
        raise Invalid.field("secret", "may hold no control characters")
