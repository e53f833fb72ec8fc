"""The files that mod_json_cdr leaves behind (`err-log-dir`): found, read when they are whole, put away."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

ENDING = ".cdr.json"
SENT = "sent"  # where files go that were taken in
LARGEST = 16 << 20  # bytes; records are some 20 kB
GIVEN_UP = 60.0  # seconds since the last write, after which it will not be completed any more
SETTLED = 2.0  # seconds since the last write; before, somebody may still be writing


class Left(Exception):
    """This file is not sent now; the text says why, for people."""


class Unfinished(Left):
    """It may be whole later."""


class Spool:
    def __init__(self, directory: Path, *, delete: bool) -> None:
        """Raises OSError where files could not be put away later: better before they are sent."""
        self.directory, self._delete = directory, delete
        self._sent = directory / SENT
        if delete:
            _check(directory)
            return
        if not self._sent.is_symlink():
            self._sent.mkdir(mode=0o750, exist_ok=True)
        _check(directory)
        _check(self._sent)

    def waiting(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        """The files there are now, oldest first, each with what tells it from another of its name."""
        found: list[tuple[int, str, tuple[int, int]]] = []
        with os.scandir(self.directory) as entries:
            for entry in entries:
                if not entry.name.endswith(ENDING):
                    continue
                with contextlib.suppress(FileNotFoundError):  # somebody else has put it away meanwhile
                    seen = entry.stat(follow_symlinks=False)
                    found.append((seen.st_mtime_ns, entry.name, (seen.st_mtime_ns, seen.st_ino)))
        for _, name, mark in sorted(found):
            yield self.directory / name, mark

    def read(self, file: Path, now: float) -> bytes:
        """The whole record. `now` in seconds since the epoch. Raises Left."""
        try:
            opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise Left("is a link" if file.is_symlink() else f"cannot be read: {error.strerror}") from None
        try:
            seen = os.fstat(opened)
            text = _content(opened, seen)
        finally:
            os.close(opened)
        if 0 <= now - seen.st_mtime < SETTLED:
            raise Unfinished("is still being written")
        try:
            msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError):
            kind = Unfinished if now - seen.st_mtime < GIVEN_UP else Left
            raise kind("is no complete JSON object") from None
        return text

    def put_away(self, file: Path) -> None:
        """It was taken in. Raises OSError."""
        if self._delete:
            file.unlink()
        else:
            file.replace(self._sent / file.name)


def _content(opened: int, seen: os.stat_result) -> bytes:
    if not stat.S_ISREG(seen.st_mode):
        raise Left("is no file")
    if seen.st_size > LARGEST:
        raise Left("is too large for a record")
    with os.fdopen(opened, "rb", closefd=False) as stream:
        return stream.read(LARGEST)


def _check(directory: Path) -> None:
    if directory.is_symlink() and directory.name == SENT:
        raise NotADirectoryError(None, "is a link", str(directory))
    if not directory.is_dir():
        raise NotADirectoryError(None, "is no directory", str(directory))
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(None, "files could not be moved out of it or into it", str(directory))
