import asyncio
import json
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from aftercall.store.database import migrate, open_store
from aftercall.store.migrate import SCHEMA, SCRIPTS, NewerSchema, alembic_config
from aftercall.store.schema import metadata
from aftercall.store.vault import Vault


async def inside(url: str, work: Any) -> Any:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        result = await connection.run_sync(work)
    await engine.dispose()
    return result


async def test_the_migrations_make_what_the_schema_says(database_url: str) -> None:
    assert await migrate(database_url) == SCHEMA

    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    assert await inside(database_url, differences) == []


async def test_the_migrations_make_the_same_sql_as_the_schema(database_url: str) -> None:
    """What Alembic does not compare: collations, conditions of indexes, tables without row ids."""
    await migrate(database_url)

    def definitions(connection: Connection) -> Any:
        if connection.dialect.name == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE name <> 'alembic_version'"
        else:
            query = """
                SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
                UNION SELECT table_name || '.' || column_name, concat(data_type, collation_name, is_nullable)
                FROM information_schema.columns WHERE table_schema = current_schema()"""
        rows = connection.execute(text(query)).all()
        return {name: " ".join((sql or "").split()) for name, sql in rows if not name.startswith("alembic")}

    migrated = await inside(database_url, definitions)

    def made_anew(connection: Connection) -> Any:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        return definitions(connection)

    assert await inside(database_url, made_anew) == migrated


async def test_a_database_that_is_up_to_date_is_left_alone(database_url: str) -> None:
    await migrate(database_url)
    await migrate(database_url)


async def test_a_newer_schema_is_refused_and_left_alone(database_url: str, vault: Vault) -> None:
    await migrate(database_url)
    await inside(database_url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '0042'")))
    refused = rf"written by a newer AfterCall \(schema 42\); this one knows up to {SCHEMA}"
    with pytest.raises(NewerSchema, match=refused):
        await migrate(database_url)
    with pytest.raises(NewerSchema):
        await open_store(database_url, vault=vault)


async def test_a_migration_that_fails_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aftercall.store import migrate as module

    def fail(connection: Connection) -> Any:
        connection.execute(text("CREATE TABLE half (id INTEGER)"))
        raise ZeroDivisionError

    monkeypatch.setattr(module, "alembic_config", fail)
    with pytest.raises(ZeroDivisionError):
        await migrate(database_url)
    assert await inside(database_url, lambda c: inspect(c).get_table_names()) == []


@pytest.mark.postgres
async def test_nodes_that_start_together_migrate_once(postgres_database: str) -> None:
    await asyncio.gather(*(migrate(postgres_database) for _ in range(4)))


def test_the_newest_migration_is_the_one_the_program_knows() -> None:
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [f"{SCHEMA:04}"]


async def test_owners_keys_from_before_may_read_and_write_contacts_and_no_other_keys(
    database_url: str,
) -> None:
    """D1. What an owner may do has grown; keys that name less were meant to."""
    from alembic import command

    owners = [
        "events:write", "calls:read", "calls:write", "webhooks:read", "webhooks:write", "deliveries:read",
        "deliveries:write", "directory:read", "directory:write", "keys:write",
    ]  # fmt: skip
    keys = {
        "owner": owners,
        "operator": [*owners, "accounts:write"],
        "reader": ["calls:read"],
        "most": owners[1:],
    }

    def before(connection: Connection) -> None:
        command.upgrade(alembic_config(connection), "0003")
        for name, scopes in keys.items():
            told = json.dumps({"name": "ключ", "scopes": scopes})
            values = {"id": name, "told": told}
            sql = "INSERT INTO api_keys (account_id, id, digest, document) VALUES ('ac_1', :id, :id, :told)"
            connection.execute(text(sql), values)

    await inside(database_url, before)
    await migrate(database_url)
    found = await inside(database_url, lambda c: c.execute(text("SELECT id, document FROM api_keys")).all())
    new = ["contacts:read", "contacts:write", "messages:read", "messages:write", "messages:override"]
    assert {id_: json.loads(told)["scopes"] for id_, told in found} == {
        "owner": [*owners, *new], "operator": [*owners, "accounts:write", *new], "reader": ["calls:read"],
        "most": owners[1:],
    }  # fmt: skip
    assert {json.loads(told)["name"] for _, told in found} == {"ключ"}
