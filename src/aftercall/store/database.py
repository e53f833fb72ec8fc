"""Opening the store."""

from sqlalchemy.engine import URL, make_url

from aftercall.store.migrate import SCHEMA
from aftercall.store.store import SqlStore
from aftercall.store.transaction import Database
from aftercall.store.vault import Vault


async def open_store(url: str | URL, *, vault: Vault, max_pages: int | None = None) -> SqlStore:
    """Connect, and bring the schema up to date. `max_pages` (of 4 KiB) bounds the file that SQLite writes.

    Raises RuntimeError when another process has the SQLite file open, or a newer AfterCall wrote the database.
    """
    return SqlStore(await open_database(url, max_pages=max_pages), vault)


async def migrate(url: str | URL) -> int:
    """Create or upgrade the schema, which opening a store does as well; the version it has then."""
    database = await open_database(url)
    await database.close()
    return SCHEMA


async def open_database(url: str | URL, *, max_pages: int | None = None) -> Database:
    parsed = make_url(url)
    # Only the one that is used is loaded.
    if parsed.get_backend_name() == "sqlite":
        from aftercall.store.sqlite import Sqlite  # noqa: PLC0415

        return await Sqlite.open(parsed, max_pages=max_pages)
    if parsed.get_backend_name() == "postgresql":
        from aftercall.store.postgres import Postgres  # noqa: PLC0415

        return await Postgres.open(parsed)
    raise ValueError(f"{parsed.get_backend_name()}: AfterCall keeps its data in sqlite or postgresql")
