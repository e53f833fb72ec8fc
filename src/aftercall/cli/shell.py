"""What the commands share: their flags, the configuration, output, and how a command fails."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aftercall.client import Client, Refused
from aftercall.config import Config, ConfigError, load

T = TypeVar("T")

FAILED = 1  # it was tried and did not work, or not wholly
MISUSED = 2  # arguments or configuration
PORT_TAKEN = 3
DATA_IN_USE = 4
UNREACHABLE = 5  # no server, no database

TRIES = 10  # when the server asks to come back later

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)


class Failure(Exception):
    """Ends the command with a message for a person and an exit code."""

    def __init__(self, message: str, code: int = FAILED, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.hint = code, hint


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where:
    """The configuration and the data a command works with."""

    config: Annotated[Path | None, Parameter(help="TOML file with options.")] = None
    data: Annotated[Path | None, Parameter(help="Data directory.")] = None
    database: Annotated[
        str | None, Parameter(help="Database URL; default: SQLite in the data directory.")
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Remote:
    """The server a command talks to, and the key it shows there."""

    url: Annotated[str | None, Parameter(help="The server; default: the one of this configuration.")] = None
    key: Annotated[
        str | None, Parameter(help="API key; default: AFTERCALL_API_KEY, else <data>/owner.key.")
    ] = None
    config: Annotated[Path | None, Parameter(help="TOML file with options.")] = None
    data: Annotated[Path | None, Parameter(help="Data directory, for its owner.key.")] = None


def configure(flags: Where | Remote | dict[str, Any] | None = None) -> Config:
    """The configuration with a command's flags on top. Raises Failure."""
    given = flags if isinstance(flags, dict) else asdict(flags) if flags else {}
    if "key" in given:
        given["api_key"] = given.pop("key")
    try:
        return load(given)
    except ConfigError as error:
        raise Failure(str(error), MISUSED) from None


def client(remote: Remote | Config | None) -> Client:
    """The API of the server that the flags mean. Raises Failure when there is no key."""
    config = remote if isinstance(remote, Config) else configure(remote)
    key = config.api_key
    if not key and config.owner_key_file.is_file():
        key = config.owner_key_file.read_text(encoding="ascii").strip()
    if not key:
        hint = f"Use --key, AFTERCALL_API_KEY, or --data with the directory that holds {config.owner_key_file.name}."
        raise Failure("No API key.", MISUSED, hint)
    return Client(config.url, key, str(config.ca_file) if config.ca_file else None)


def run(main: Coroutine[Any, Any, T]) -> T:
    """The command's asynchronous part."""
    return asyncio.run(main)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What the server answers, which may be busy for a while. Raises Refused."""
    for _ in range(TRIES - 1):
        try:
            return await ask()
        except Refused as refusal:
            if refusal.status not in {429, 503}:
                raise
            await asyncio.sleep(refusal.retry_after or 1)
    return await ask()


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Print rows; nothing stands for None. In a pipe nothing is cut or wrapped."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not out.is_terminal:
        lines = [list(columns), *cells]
        if title:
            print(title)
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
        for line in lines:
            print("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip())
        return
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for line in cells:
        made.add_row(*map(Text, line))
    out.print(made)


def fail(failure: Failure) -> NoReturn:
    err.print(f"[bold red]Error:[/] {failure}", markup=True)
    if failure.hint:
        err.print(failure.hint, markup=False)
    sys.exit(failure.code)
