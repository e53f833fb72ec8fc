"""Schema versions. Alembic is loaded only when there is something to upgrade: it costs time and memory."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

SCHEMA = 5  # the newest migration, `versions/0005_*.py`
SCRIPTS = Path(__file__).parent / "migrations"


class NewerSchema(RuntimeError):
    """The database was written by a newer AfterCall than this one."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"the database was written by a newer AfterCall (schema {found}); this one knows up to {SCHEMA}"
        )


def bring_up_to_date(connection: Connection) -> None:
    """Inside the caller's transaction. A newer schema is left alone and refused."""
    found = schema_version(connection)
    if found is not None and (not found.isdecimal() or int(found) > SCHEMA):
        raise NewerSchema(found.lstrip("0"))
    if found is None or int(found) < SCHEMA:
        from alembic import command  # noqa: PLC0415

        command.upgrade(alembic_config(connection), f"{SCHEMA:04}")


def schema_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def alembic_config(connection: Connection) -> Any:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
