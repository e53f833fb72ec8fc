"""How a PBX's REST interface is reached: from `Source.settings`, its password from the source's secret."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.domain.account import Source
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.endpoint import check_line, check_secret, settings_of

PORT, TLS_PORT = 8088, 8089
# Names that can stand in a URL as they are: nothing has to be escaped, nothing can break out.
Word = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._-]+$")]


class Rest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    tls: bool = False
    username: Word
    app: Word = "aftercall"  # whoever connects by the same name takes the connection over
    prefix: Word | None = None  # of http.conf
    dialplan: Any = None  # read by Dialplan

    @property
    def at(self) -> int:
        """The port."""
        return self.port or (TLS_PORT if self.tls else PORT)

    @property
    def root(self) -> str:
        """Where the interface begins on the server."""
        return f"/{self.prefix}/ari" if self.prefix else "/ari"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.at}"

    @property
    def events(self) -> str:
        """The websocket's URL. The password is not in it: URLs are logged."""
        scheme = "wss" if self.tls else "ws"
        return f"{scheme}://{self.authority}{self.root}/events?app={self.app}&subscribeAll=true"

    @classmethod
    def of(cls, source: Source) -> "Rest":
        """Raises Invalid where a setting is missing or not understood, naming it."""
        made = settings_of(source, cls)
        check_line("settings.host", made.host)
        return made


def check(source: Source) -> None:
    """Raise Invalid, naming the setting, unless a connection can be tried with it."""
    Rest.of(source)
    Dialplan.of(source)
    check_secret(source, "the password of the ARI user")
