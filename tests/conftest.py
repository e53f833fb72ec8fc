# Fixtures that every test may ask for: the databases. PostgreSQL is real and started when first asked for.

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.postgres import PostgresServer, execute, with_database

# No deadline: how fast an example runs is no property of the code. The blob repeats a failure elsewhere.
settings.register_profile("aftercall", deadline=None, print_blob=True)
settings.load_profile("aftercall")


def pytest_configure() -> None:
    # A run that is told to stop ends like one that is interrupted: its servers are stopped, not orphaned.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server that tests share: our own, unless AFTERCALL_TEST_POSTGRES names one (postgresql://...)."""
    given = os.environ.get("AFTERCALL_TEST_POSTGRES")
    if given:
        yield given
        return
    with PostgresServer() as server:
        yield server.url()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database that only this test knows."""
    name = f"aftercall_{uuid.uuid4().hex}"
    execute(postgres_url, f"CREATE DATABASE {name}")
    try:
        yield with_database(postgres_url, name)
    finally:
        execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A server for this test alone, which it may stop, crash and start again."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind in turn, as SQLAlchemy's URL."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'aftercall.db'}"
    url: str = request.getfixturevalue("postgres_database")
    return url
