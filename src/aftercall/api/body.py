"""A request's body as it comes in: in memory, and beyond a size in a file that has no name."""

import mmap
import tempfile
from typing import IO


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
