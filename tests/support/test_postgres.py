# The test servers themselves: that they start, crash, come back and leave nothing behind.

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.postgres import PostgresServer


async def fetch(url: str, statement: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return (await connection.execute(text(statement))).scalar()
    finally:
        await engine.dispose()


async def change(url: str, *statements: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


async def test_a_database_of_each_kind_is_empty_and_takes_tables(database_url: str) -> None:
    await change(database_url, "CREATE TABLE fact (id INTEGER)", "INSERT INTO fact VALUES (7)")
    assert await fetch(database_url, "SELECT id FROM fact") == 7


@pytest.mark.postgres
async def test_each_test_has_its_own_database(postgres_database: str, postgres_url: str) -> None:
    name = postgres_database.rpartition("/")[2]
    assert await fetch(postgres_database, "SELECT current_database()") == name
    assert name not in postgres_url


@pytest.mark.postgres
async def test_a_database_is_dropped_under_open_connections(
    request: pytest.FixtureRequest, postgres_database: str
) -> None:
    connection = await asyncpg.connect(postgres_database.replace("+asyncpg", ""))
    request.addfinalizer(connection.terminate)


@pytest.mark.postgres
async def test_committed_rows_survive_a_crash(postgres_server: PostgresServer) -> None:
    url = postgres_server.url()
    await change(url, "CREATE TABLE fact (id INTEGER)", "INSERT INTO fact VALUES (7)")

    postgres_server.stop(immediate=True)
    with pytest.raises(OSError):  # noqa: PT011 - refused, by whichever words
        await fetch(url, "SELECT 1")

    postgres_server.start()
    assert await fetch(url, "SELECT id FROM fact") == 7
    assert "automatic recovery" in postgres_server.log


@pytest.mark.postgres
async def test_a_restart_keeps_url_and_rows(postgres_server: PostgresServer) -> None:
    url = postgres_server.url()
    await change(url, "CREATE TABLE fact (id INTEGER)", "INSERT INTO fact VALUES (7)")
    postgres_server.restart()
    assert await fetch(url, "SELECT id FROM fact") == 7


@pytest.mark.postgres
def test_a_server_that_cannot_start_says_why_and_leaves_nothing() -> None:
    server = PostgresServer({"max_connections": "none"})
    with pytest.raises(RuntimeError, match="max_connections"), server:
        pass
    assert not server.running
    assert server.log == ""
