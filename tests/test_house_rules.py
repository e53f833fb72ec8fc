# Rules about the source that import-linter cannot express, read off the syntax tree. Each check is tried on
# offending lines as well: a rule that cannot fail is no rule.

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "aftercall"

READERS_OF_THE_ENVIRONMENT = ("config.py", "store/migrations/env.py")
CONNECTING = {
    "ClientSession", "create_connection", "create_datagram_endpoint", "create_unix_connection",
    "open_connection", "open_unix_connection",
}  # fmt: skip
CLIENTS = {"ftplib", "http.client", "httpx", "imaplib", "requests", "smtplib", "urllib.request", "urllib3"}
# Beside values: what turns a text into another one. A mail's body is fixed when it is planned, so it is made here.
DOMAIN_MAY_IMPORT = {"aftercall.domain", "css_inline", "liquid", "msgspec", "phonenumbers"}
IMPURE_MODULES = {
    "asyncio", "logging", "os", "random", "secrets", "socket", "ssl", "subprocess", "tempfile", "threading",
}  # fmt: skip
IMPURE_CALLS = {
    "time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.sleep",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid1", "uuid4",
}  # fmt: skip
NAMES_THAT_SAY_NOTHING = {"common", "constants", "helpers", "utils"}

Check = Callable[[ast.AST], Iterator[str]]


def reads_the_environment(node: ast.AST) -> Iterator[str]:
    yield from called_or_named(node) & {"os.environ", "os.getenv", "os.environb"}
    yield from imported(node) & {"os.environ", "os.getenv", "os.environb"}


def opens_a_connection(node: ast.AST) -> Iterator[str]:
    yield from {name for name in called_or_named(node) if name.rpartition(".")[2] in CONNECTING}
    yield from {name for name in imported(node) if within(name, CLIENTS)}


def is_impure(node: ast.AST) -> Iterator[str]:
    yield from {name for name in called_or_named(node) if within_tail(name, IMPURE_CALLS)}
    yield from {name for name in imported(node) if within(name, IMPURE_MODULES)}


def leaves_the_domain(node: ast.AST) -> Iterator[str]:
    yield from {name for name in imported(node) if not (is_standard(name) or within(name, DOMAIN_MAY_IMPORT))}


def needs_more_than_python(node: ast.AST) -> Iterator[str]:
    yield from {name for name in imported(node) if not is_standard(name)}


def called_or_named(node: ast.AST) -> set[str]:
    """`a.b.c` as written, for an attribute or a bare name."""
    match node:
        case ast.Name(id=name):
            return {name}
        case ast.Attribute():
            return {ast.unparse(node)}
        case _:
            return set()


def imported(node: ast.AST) -> set[str]:
    match node:
        case ast.Import(names=names):
            return {alias.name for alias in names}
        case ast.ImportFrom(module=str(module), names=names, level=0):
            return {f"{module}.{alias.name}" for alias in names}
        case ast.ImportFrom():
            return {"a relative import"}
        case _:
            return set()


def within(name: str, packages: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def within_tail(name: str, endings: Iterable[str]) -> bool:
    return any(f".{name}".endswith(f".{ending}") for ending in endings)


def is_standard(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def offences(check: Check, files: Iterable[Path]) -> list[str]:
    return [
        f"{file.relative_to(SOURCE)}:{getattr(node, 'lineno', '?')} {found}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for found in check(node)
    ]


def source(*, but: tuple[str, ...] = (), only: str = "") -> list[Path]:
    return [
        path
        for path in sorted(SOURCE.rglob("*.py"))
        if (relative := path.relative_to(SOURCE).as_posix()).startswith(only) and not relative.startswith(but)
    ]


def test_only_the_configuration_reads_the_environment() -> None:
    assert offences(reads_the_environment, source(but=READERS_OF_THE_ENVIRONMENT)) == []


def test_only_the_door_opens_connections() -> None:
    assert offences(opens_a_connection, source(but=("net/",))) == []


def test_the_domain_is_pure() -> None:
    assert offences(is_impure, source(only="domain/")) == []


def test_the_domain_imports_only_values() -> None:
    assert offences(leaves_the_domain, source(only="domain/")) == []


def test_the_receivers_helper_stands_alone() -> None:
    assert offences(needs_more_than_python, source(only="verify.py")) == []


def test_every_file_has_a_name_that_says_something() -> None:
    assert [path for path in source() if NAMES_THAT_SAY_NOTHING & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (reads_the_environment, "x = os.environ['HOME']"),
        (reads_the_environment, "x = os.getenv('HOME')"),
        (reads_the_environment, "from os import environ"),
        (opens_a_connection, "await asyncio.open_connection(host, 25)"),
        (opens_a_connection, "await loop.create_connection(protocol, host, 25)"),
        (opens_a_connection, "socket.create_connection((host, 25))"),
        (opens_a_connection, "session = aiohttp.ClientSession()"),
        (opens_a_connection, "import httpx"),
        (opens_a_connection, "from urllib.request import urlopen"),
        (is_impure, "import random"),
        (is_impure, "from logging import getLogger"),
        (is_impure, "now = time.time()"),
        (is_impure, "now = datetime.now(UTC)"),
        (is_impure, "now = datetime.datetime.now(UTC)"),
        (leaves_the_domain, "import sqlalchemy"),
        (leaves_the_domain, "from aftercall.engine import ports"),
        (leaves_the_domain, "from . import call"),
        (needs_more_than_python, "import msgspec"),
        (needs_more_than_python, "from aftercall.domain import call"),
    ],
)
def test_a_check_finds_what_it_is_for(check: Check, line: str) -> None:
    assert any(list(check(node)) for node in ast.walk(ast.parse(line)))


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (reads_the_environment, "environ = config.environ"),
        (opens_a_connection, "from urllib.parse import urlsplit"),
        (opens_a_connection, "await door.connect(host, 25)"),
        (is_impure, "from datetime import datetime, timedelta, time"),
        (is_impure, "uuid.uuid5(space, name)"),
        (leaves_the_domain, "from aftercall.domain.call import Call"),
        (leaves_the_domain, "import phonenumbers.timezone"),
        (needs_more_than_python, "import hmac"),
    ],
)
def test_a_check_lets_the_rest_pass(check: Check, line: str) -> None:
    assert not any(list(check(node)) for node in ast.walk(ast.parse(line)))


def test_locks_name_no_place() -> None:
    for lock in (SOURCE.parent.parent / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert re.findall(r"://|--(?:extra-)?index-url|--find-links|--trusted-host", text) == [], lock.name
