"""How a FreeSWITCH's event socket is reached: from `Source.settings`, its password from the source's secret."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.domain.account import Source
from aftercall.sources.endpoint import check_line, check_secret, settings_of
from aftercall.sources.freeswitch.dialplan import Dialplan


class Socket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8021
    tls: bool = False  # FreeSWITCH itself speaks none: for a tunnel in front of it
    all_events: bool = False
    cdr: bool = False  # takes posts of mod_json_cdr, too
    encoded_values: bool = True  # of those: `encode-values`
    recordings_url: Annotated[str, Meta(max_length=1000)] | None = None
    dialplan: Any = None  # read by Dialplan

    @classmethod
    def of(cls, source: Source) -> "Socket":
        """Raises Invalid where a setting is missing or not understood, naming it."""
        made = settings_of(source, cls)
        check_line("settings.host", made.host)
        return made


def check(source: Source) -> None:
    """Raise Invalid, naming the setting, unless a connection can be tried with it."""
    Socket.of(source)
    Dialplan.of(source)
    check_secret(source, "the password of the event socket")
