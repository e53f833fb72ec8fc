# Real processes: `aftercall` as a user runs it, in an environment without a trace of ours.

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-W", "error", "-m", "aftercall"]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("AFTERCALL_")}
PATIENCE = 30  # seconds

Run = Callable[..., subprocess.CompletedProcess[str]]


class Process:
    """A running `aftercall`, with what it has said so far."""

    def __init__(self, *arguments: str, until: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=CLEAN | environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if until in line:
                break

    @property
    def url(self) -> str:
        found = re.search(r"http://[\d.]+:\d+", self.said)
        assert found, self.said + self.stop()[1]
        return found[0]

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what it said on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        out, err = self.process.communicate(timeout=PATIENCE)
        self.said += out
        return self.process.returncode, err


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start a command; it is stopped when the test is over."""
    started: list[Process] = []

    def begin(*arguments: str, until: str = "Ctrl-C stops it.", **environ: str) -> Process:
        started.append(Process(*arguments, until=until, **environ))
        return started[-1]

    yield begin
    for process in started:
        process.stop()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(start: Callable[..., Process], data: Path) -> Process:
    return start("serve", "--dev", "--port", "0", "--data", str(data))


@pytest.fixture
def run() -> Run:
    """Run a command to its end."""

    def run(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env=CLEAN | environ,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    return run
