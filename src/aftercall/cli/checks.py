"""What `doctor` looks at on this machine. Each check answers findings and raises nothing."""

import os
import shutil
import stat
import sys
import time
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from aftercall.config import Config

Colour = Literal["green", "yellow", "red"]

LITTLE_SPACE, NO_SPACE = 2 << 30, 200 << 20  # bytes free
SLOW_SYNC, BAD_SYNC = 0.020, 0.200  # seconds; every group commit waits for one
SYNCS = 20
AFTER = 1_700_000_000  # 2023: a clock before that has never been set


class Finding(NamedTuple):
    colour: Colour
    what: str
    found: str
    hint: str = ""


def python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("green", "Python", version)


def clock() -> Finding:
    if time.time() < AFTER:
        return Finding(
            "red", "Clock", "is years behind", "Set it and keep it set (NTP): signatures carry the time."
        )
    return Finding("green", "Clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def data_directory(config: Config) -> list[Finding]:
    """Space, speed of the disk, and who may read the keys."""
    if not config.data.is_dir():
        return [Finding("yellow", "Data directory", f"{config.data} is not there", "`serve` makes it.")]
    found = [_space(config.data)]
    try:
        found.append(_sync(config.data))
    except OSError as error:
        found.append(Finding("red", "Data directory", f"cannot be written: {error.strerror}"))
    return [
        *found,
        *(_private(file) for file in (config.secret_key_file, config.owner_key_file) if file.exists()),
    ]


def _space(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    shown = f"{free / (1 << 30):.1f} GiB free in {data}"
    if free < NO_SPACE:
        return Finding("red", "Disk space", shown, "Events are refused when it is full: make room now.")
    if free < LITTLE_SPACE:
        return Finding("yellow", "Disk space", shown, "A call with its deliveries takes about 5 KiB.")
    return Finding("green", "Disk space", shown)


def _sync(data: Path) -> Finding:
    """How long the disk takes to make a small write last."""
    probe = data / f".doctor.{os.getpid()}"
    times = []
    try:
        with probe.open("wb", buffering=0) as file:
            for _ in range(SYNCS):
                file.write(b"x" * 4096)
                started = time.perf_counter()
                os.fsync(file.fileno())
                times.append(time.perf_counter() - started)
    finally:
        probe.unlink(missing_ok=True)
    took = median(times)
    shown = f"fsync takes {took * 1000:.2f} ms"
    if took > BAD_SYNC:
        return Finding("red", "Disk speed", shown, "Every answer to a source waits for it: use a local SSD.")
    if took > SLOW_SYNC:
        return Finding("yellow", "Disk speed", shown, "Every answer to a source waits for it.")
    return Finding("green", "Disk speed", shown)


def _private(file: Path) -> Finding:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return Finding("red", "Permissions", f"{file} may be read by others ({mode:o})", f"chmod 600 {file}")
    return Finding("green", "Permissions", f"{file} is private")
