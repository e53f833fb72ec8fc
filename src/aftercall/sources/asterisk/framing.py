"""AMI's wire: lines `Key: Value`, a message ends with an empty line. Bytes may be cut anywhere, so bytes are
framed first and decoded afterwards. https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Manager-Interface-AMI/
"""

import re

BANNER = b"Asterisk Call Manager/"
MAX_MESSAGE = 256 * 1024  # Asterisk's own are far below; a variable may hold 64 kB
MAX_BANNER = 256
_END = re.compile(rb"\n\r?\n")


class Framer:
    """Cuts a stream of bytes into messages, whatever the pieces it comes in."""

    def __init__(self) -> None:
        self.banner: str | None = None
        self.oversized = 0  # messages thrown away because they were too long
        self._buffer = bytearray()
        self._searched = 0  # up to here the buffer holds no end of a message
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now, without their empty line."""
        self._buffer += data
        found: list[bytes] = []
        begins = 0
        for end in _END.finditer(self._buffer, self._searched):
            if self._skipping:
                self._skipping = False
            else:
                self._keep(bytes(self._buffer[begins : end.start()]), found)
            begins = end.end()
        del self._buffer[:begins]
        if len(self._buffer) > MAX_MESSAGE:
            self._skip()
        self._searched = max(len(self._buffer) - 2, 0)
        return found

    def _keep(self, message: bytes, found: list[bytes]) -> None:
        message = message.lstrip(b"\r\n")
        if self.banner is None and message.startswith(BANNER):
            first, _, message = message.partition(b"\n")
            self.banner = first.rstrip(b"\r")[:MAX_BANNER].decode("utf-8", "replace")
        if len(message) > MAX_MESSAGE:
            self.oversized += 1
        elif message.strip():
            found.append(message)

    def _skip(self) -> None:
        """Forget the beginning of a message that is too long; its end is recognised all the same."""
        if not self._skipping:
            self.oversized += 1
        self._skipping = True
        del self._buffer[:-2]
