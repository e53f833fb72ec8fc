"""AMI's wire: lines `Key: Value`, a message ends with an empty line. Bytes may be cut anywhere, so bytes are
framed first and decoded afterwards. https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Manager-Interface-AMI/
"""

BANNER = b"Asterisk Call Manager/"
MAX_MESSAGE = 256 * 1024  # Asterisk's own are far below; a variable may hold 64 kB
MAX_BANNER = 256


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
        while (cut := self._next_cut()) is not None:
            end, after = cut
            if self._skipping:
                self._skipping = False
            elif end:
                self._keep(bytes(self._buffer[:end]), found)
            del self._buffer[:after]
            self._searched = 0
        if len(self._buffer) > MAX_MESSAGE:
            self._skip()
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
        del self._buffer[:-4]
        self._searched = 0

    def _next_cut(self) -> tuple[int, int] | None:
        """Where the next message ends and the one after it begins: LF LF, or LF CR LF."""
        buffer, at = self._buffer, self._searched
        while (line := buffer.find(b"\n", at)) >= 0:
            rest = bytes(buffer[line + 1 : line + 3])
            if rest.startswith(b"\n"):
                return line, line + 2
            if rest == b"\r\n":
                return line, line + 3
            if rest in (b"", b"\r"):
                self._searched = line
                return None
            at = line + 1
        self._searched = len(buffer)
        return None
