"""The one Config: defaults < file < environment < flags. The only reader of the environment.

Every option is documented in docs/reference/configuration.md; a test fails when one is missing there.
"""

import base64
import difflib
import hashlib
import os
import re
import secrets
import socket
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

import msgspec

from aftercall import __version__
from aftercall.options import ConfigError, Given, decode_secret_key, read

__all__ = [
    "OPTIONS",
    "Config",
    "ConfigError",
    "load",
    "load_with_origins",
    "local_url",
    "shown",
    "write_private",
]

LogLevel = Literal["debug", "info", "warning", "error"]
Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]

# What `dev` opens besides the public internet. Not link-local: cloud metadata services answer there.
DEV_NETWORKS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
PREFIX = "AFTERCALL_"
NOT_OURS = ("AFTERCALL_TEST_", "AFTERCALL_BENCH_")  # the tests' and the benchmarks' own
SECRETS = frozenset({"api_key", "secret_key", "database"})  # never shown; a database URL may hold a password


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All that a process needs to know. `load` reads one; tests and the demo make theirs directly."""

    host: str = "127.0.0.1"
    port: Port = 8080  # 0: any free one
    data: Path = Path("data")
    database: str = ""  # empty: SQLite, <data>/aftercall.db
    dev: bool = False  # allows http:// and receivers on this machine and in private networks
    allow_networks: tuple[str, ...] = ()  # ranges that may be dialled besides public addresses
    ca_file: Path | None = None  # PEM certificates trusted besides the system's
    public_url: str = ""  # how others reach this server; empty: http://host:port
    node_name: str = ""  # empty: the host's name and a hash of data directory and port
    api_key: str = ""  # presets the owner key of a new data directory; the commands' key
    secret_key: str = ""  # base64, 32 bytes; empty: <data>/secret.key
    url: str = ""  # where the commands find the server; empty: http://host:port
    max_body_bytes: Count = 1 << 20
    max_batch: Count = 1000  # events in one request
    max_events_per_second: Count = 20_000  # per source, unless it or its account has its own
    egress_addresses: tuple[str, ...] = ()  # published, so that receivers can let us in
    log_level: LogLevel = "info"
    log_json: bool = False
    sqlite_max_pages: Count | None = None  # tests fill the disk with it
    version: str = __version__

    def __post_init__(self) -> None:
        derive = msgspec.structs.force_setattr
        if not self.database:
            derive(self, "database", f"sqlite+aiosqlite:///{self.data / 'aftercall.db'}")
        if not self.node_name:
            place = f"{self.data.absolute()}:{self.port}".encode()
            derive(self, "node_name", f"{socket.gethostname()}-{hashlib.sha256(place).hexdigest()[:8]}")
        local = local_url(self.host, self.port)
        derive(self, "public_url", self.public_url.rstrip("/") or local)
        derive(self, "url", self.url.rstrip("/") or local)

    def __repr__(self) -> str:
        return f"Config({', '.join(f'{k}={v!r}' for k, v in shown(self).items())})"

    @property
    def networks(self) -> tuple[str, ...]:
        """The ranges that may be dialled besides public addresses."""
        return (*self.allow_networks, *(DEV_NETWORKS if self.dev else ()))

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, when it is one."""
        scheme, _, rest = self.database.partition("://")
        if scheme.partition("+")[0] != "sqlite" or rest in {"", "/", "/:memory:"}:
            return None
        return Path(rest.removeprefix("/").partition("?")[0])

    @property
    def owner_key_file(self) -> Path:
        return self.data / "owner.key"

    @property
    def secret_key_file(self) -> Path:
        return self.data / "secret.key"

    @property
    def secret_keys(self) -> tuple[bytes, ...]:
        """The keys that encrypt what is secret, the one in use first. The first call makes the file.

        Raises ConfigError, also when a database is there whose key is gone: a new one could read nothing in it.
        """
        file = self.secret_key_file
        if self.secret_key:
            return _decoded(self.secret_key, "secret_key")
        if not file.exists():
            if self.sqlite_path and self.sqlite_path.exists():
                raise ConfigError(
                    f"{file} is missing; without it the secrets in {self.sqlite_path} are lost."
                )
            write_private(file, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        return _decoded(file.read_text(encoding="ascii", errors="replace"), str(file))


def local_url(host: str, port: int) -> str:
    """Where a server that listens there is reached from this machine."""
    host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared only
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _decoded(text: str, origin: str) -> tuple[bytes, ...]:
    keys = tuple(key for part in text.replace(",", " ").split() if (key := decode_secret_key(part)))
    if not keys or len(keys) != len(text.replace(",", " ").split()):
        raise ConfigError(f"{origin} must hold 32 bytes in base64.")
    return keys


def write_private(path: Path, text: str) -> None:
    """A new file that only its owner may read. Raises FileExistsError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # whole or not at all, and never over another
    finally:
        draft.unlink()


OPTIONS = tuple(name for name in Config.__struct_fields__ if name != "version")


def load(flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this process. A flag that is None was not given. Raises ConfigError."""
    return load_with_origins(flags, environ)[0]


def load_with_origins(
    flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Config, dict[str, str]]:
    """As `load`; also where each option that was set came from: "--port", "AFTERCALL_PORT", a file."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    flagged = {name: Given(value, f"--{name.replace('_', '-')}") for name, value in given.items()}
    from_environment = _environment(os.environ if environ is None else environ)
    early = from_environment | flagged
    from_file = _file(early.pop("config", None), early.get("data"))
    merged = from_file | early
    values = {name: read(name, given, _TYPES[name], secret=name in SECRETS) for name, given in merged.items()}
    return Config(**values), {name: given.origin for name, given in merged.items()}


def _environment(environ: Mapping[str, str]) -> dict[str, Given]:
    found = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable.startswith(NOT_OURS):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in (*OPTIONS, "config") or variable != variable.upper():
            raise ConfigError(f"{variable} is not a known variable.{_meant(variable, _variables())}")
        if value:
            found[name] = Given(value, variable, text=True)
    return found


def _variables() -> list[str]:
    return [PREFIX + name.upper() for name in (*OPTIONS, "config")]


def _file(named: Given | None, data: Given | None) -> dict[str, Given]:
    """The file that was named, else aftercall.toml in the data directory if there is one."""
    path = Path(str(named.value)) if named else Path(str(data.value if data else "data")) / "aftercall.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named is None:
            return {}
        raise ConfigError(f"{path} ({named.origin}) does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    for key in table:
        if key not in OPTIONS:
            raise ConfigError(f"{key} in {path} is not a known option.{_meant(key, OPTIONS)}")
    return {key: Given(value, f"{key} in {path}") for key, value in table.items()}


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def shown(config: Config) -> dict[str, object]:
    """Option and value, secrets masked."""
    masked = {name: getattr(config, name) for name in Config.__struct_fields__}
    for name in SECRETS - {"database"}:
        masked[name] = "(set)" if masked[name] else ""
    masked["database"] = re.sub(r"(://[^:@]*):.*@", r"\1:***@", config.database)
    return masked


_TYPES = get_type_hints(Config, include_extras=True)
