"""How a PBX's manager interface is reached: from `Source.settings`, its password from the source's secret."""

from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from msgspec import Meta

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid
from aftercall.sources.asterisk.dialplan import Dialplan

PORT, TLS_PORT = 5038, 5039
MAX_SECRET = 1000
_PASSWORDS = frozenset({"password", "secret", "token"})


class Manager(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    tls: bool = False
    username: Annotated[str, Meta(min_length=1, max_length=80)]
    dialplan: Any = None  # read by Dialplan

    @property
    def at(self) -> int:
        """The port."""
        return self.port or (TLS_PORT if self.tls else PORT)

    @classmethod
    def of(cls, source: Source) -> "Manager":
        """Raises Invalid where a setting is missing or not understood, naming it."""
        return read_settings(source, cls)


def check(source: Source) -> None:
    """Raise Invalid, naming the setting, unless a connection can be tried with it."""
    Manager.of(source)
    Dialplan.of(source)
    check_password(source, "the secret of the AMI user")


class Reached(Protocol):
    """What the settings of every connection have."""

    @property
    def host(self) -> str: ...

    @property
    def username(self) -> str: ...


S = TypeVar("S", bound=Reached)


def read_settings(source: Source, kind: type[S]) -> S:
    """The settings of a connection. Raises Invalid, naming the setting."""
    if named := _PASSWORDS & source.settings.keys():
        raise Invalid.field(f"settings.{min(named)}", "the password is the source's `secret`, no setting")
    try:
        made = msgspec.convert(source.settings, kind)
    except msgspec.ValidationError as error:
        rule, _, place = str(error).partition(" - at `$")
        raise Invalid.field(f"settings{place.rstrip('`')}", rule[:200]) from None
    for name, value in (("settings.host", made.host), ("settings.username", made.username)):
        if not value.isprintable() or value != value.strip():
            raise Invalid.field(name, "may hold no control characters, no space before or after")
    return made


def check_password(source: Source, what: str) -> None:
    if not source.token:
        raise Invalid.field("secret", f"is needed: {what}")
    if not source.token.isprintable() or len(source.token) > MAX_SECRET:
        raise Invalid.field("secret", "may hold no control characters")
