"""A request's body as it comes in: in memory, and beyond a size in a file that has no name. How large it may be."""

import mmap
import tempfile
from typing import IO

from aftercall.api.access import Access
from aftercall.api.asked import Asked
from aftercall.domain.errors import Busy, TooLarge
from aftercall.engine.upstream import StreamedType
from aftercall.sources import SOURCES

MAX_STREAMS = 4  # bodies larger than usual on their way in at once


class Body:
    def __init__(self) -> None:
        self.size = 0
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self._file is None:
            self._memory += data
        else:
            self._file.write(data)

    def spill(self) -> None:
        """From here on into a file. Raises OSError."""
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed by `drop`
        self._file.write(self._memory)
        self._memory.clear()

    def whole(self) -> bytes | mmap.mmap:
        """Raises OSError."""
        if self._file is None:
            return bytes(self._memory)
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def drop(self) -> None:
        self._memory.clear()
        if self._file is not None:
            self._file.close()


class Room:
    """How large bodies may be, in bytes: `usual`, or what a source's type that sends audio asks for."""

    def __init__(self, access: Access, usual: int) -> None:
        self._access, self.usual = access, usual
        self._streams: set[object] = set()  # who sends a body that is larger than usual

    async def larger(self, asked: Asked, sender: object) -> int:
        """What a body may have that is larger than usual.

        Only a few may send so much at once: raises Busy. `release` gives the place back.
        """
        source = await self._access.find_source(asked.path.removeprefix("/in/").partition("/")[0])
        kind = SOURCES.get(source.type) if source is not None and asked.path.startswith("/in/") else None
        if not isinstance(kind, StreamedType):
            return self.usual
        if len(self._streams) >= MAX_STREAMS:
            raise Busy("Too many large requests at once.", retry_after=10)
        self._streams.add(sender)
        return kind.largest

    def release(self, sender: object) -> None:
        self._streams.discard(sender)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have at most {limit} bytes.")
