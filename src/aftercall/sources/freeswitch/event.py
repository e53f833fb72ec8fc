"""One event: its headers, as JSON tells them or, URL-encoded, in lines. Names are as in FreeSWITCH's source."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from aftercall.engine.taking import epoch, integer, text
from aftercall.sources.freeswitch.framing import Frame

JSON, PLAIN = "text/event-json", "text/event-plain"
MICRO = 10**6
VARIABLE = "variable_"
NOTHING = frozenset({"", "_undef_"})  # how FreeSWITCH says that it knows nothing
MAX_VALUE = 4096  # characters of a header; what is longer is nothing we read

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Event:
    __slots__ = ("headers",)

    def __init__(self, headers: Mapping[str, Any]) -> None:
        self.headers = headers

    def get(self, *names: str) -> str | None:
        """The first of these headers that says something. Of a list (a variable set several times) the first."""
        for name in names:
            value = self.headers.get(name)
            if type(value) is list:
                value = value[0] if value else None
            found = text(value, MAX_VALUE)
            if found is not None and found not in NOTHING:
                return found
        return None

    def variable(self, *names: str) -> str | None:
        return self.get(*(VARIABLE + name for name in names))

    def variables(self) -> dict[str, Any]:
        """The channel's variables, without their prefix. On most events only some are there."""
        start = len(VARIABLE)
        return {name[start:]: value for name, value in self.headers.items() if name.startswith(VARIABLE)}

    @property
    def name(self) -> str:
        """The event's name, or the subclass of a CUSTOM one."""
        return self.get("Event-Subclass") or self.get("Event-Name") or ""

    @property
    def core(self) -> str:
        """The FreeSWITCH that speaks, from its start to its end."""
        return self.get("Core-UUID") or ""

    @property
    def seq(self) -> int | None:
        """The core's count of all its events, whoever listens to them."""
        return integer(self.get("Event-Sequence"))

    def at(self, *names: str) -> datetime | None:
        """The first of these times that is one: microseconds since the epoch, 0 is never."""
        for name in names:
            if (found := epoch(self.headers.get(name), MICRO)) is not None:
                return found
        return epoch(self.headers.get("Event-Date-Timestamp"), MICRO)


def read(frame: Frame) -> Event | None:
    """The event of a frame; None for what is none, or cannot be read."""
    if frame.type == JSON:
        try:
            return Event(_decode(frame.body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _mended(frame.body)
    return Event(dict(_lines(frame.body))) if frame.type == PLAIN else None


def _mended(body: bytes) -> Event | None:
    """JSON with bytes that are no UTF-8: callers' names come as they are sent."""
    try:
        return Event(_decode(body.decode("utf-8", "replace").encode()))
    except msgspec.DecodeError:
        return None


def _lines(body: bytes) -> Iterable[tuple[str, str]]:
    for line in body.partition(b"\n\n")[0].decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), unquote(value.strip(), errors="replace")
