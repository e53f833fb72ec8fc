"""How a PBX's manager interface is reached: from `Source.settings`, its password from the source's secret."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.domain.account import Source
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.endpoint import check_line, check_secret, settings_of

PORT, TLS_PORT = 5038, 5039


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
        made = settings_of(source, cls)
        check_line("settings.host", made.host)
        check_line("settings.username", made.username)
        return made


def check(source: Source) -> None:
    """Raise Invalid, naming the setting, unless a connection can be tried with it."""
    Manager.of(source)
    Dialplan.of(source)
    check_secret(source, "the secret of the AMI user")
