"""The event socket's wire: headers, an empty line, and a body of Content-Length bytes where there is one.

https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_event_socket_1048924/
"""

import msgspec

MAX_HEAD = 16 * 1024
MAX_BODY = 16 * 1024 * 1024  # a list of some 20,000 channels; events are some 10 kB


class Garbled(Exception):
    """These bytes are no event socket's, or more than anybody should say at once."""


class Frame(msgspec.Struct, frozen=True):
    """One message. The names of its headers are in lower case."""

    headers: dict[str, str]
    body: bytes = b""

    @property
    def type(self) -> str:
        return self.headers.get("content-type", "")


class Decoder:
    """Cuts a stream of bytes into frames, whatever the pieces it comes in."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # up to here the buffer holds no end of the headers
        self._head: dict[str, str] | None = None  # of a frame whose body is not complete
        self._length = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises Garbled; then the stream is of no use any more."""
        self._buffer += data
        found: list[Frame] = []
        while self._begin() and len(self._buffer) >= self._length:
            head, self._head = self._head or {}, None
            found.append(Frame(head, bytes(self._buffer[: self._length])))
            del self._buffer[: self._length]
        return found

    def _begin(self) -> bool:
        """Whether the headers of the next frame are read."""
        if self._head is not None:
            return True
        while self._buffer.startswith(b"\n"):
            del self._buffer[:1]
        end = self._buffer.find(b"\n\n", max(self._searched - 1, 0))
        if (len(self._buffer) if end < 0 else end) > MAX_HEAD:
            raise Garbled("the PBX sent headers that are too long")
        if end < 0:
            self._searched = len(self._buffer)
            return False
        self._head = _headers(bytes(self._buffer[:end]))
        self._length = _length(self._head.get("content-length", "0"))
        del self._buffer[: end + 2]
        self._searched = 0
        return True


def _headers(text: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


def _length(said: str) -> int:
    if not (said.isdecimal() and said.isascii() and len(said) < 12):
        raise Garbled("the PBX sent a message of no length")
    if int(said) > MAX_BODY:
        raise Garbled("the PBX sent a message that is too large")
    return int(said)
