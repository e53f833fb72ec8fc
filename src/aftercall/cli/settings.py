"""`config`: what is set, and where it was set."""

from typing import Any

from aftercall.cli.shell import Where, table
from aftercall.config import OPTIONS, load_with_origins, shown


def config(where: Where | None = None) -> None:
    """Show every option, its value, and where it comes from. Secrets are not shown."""
    where = where or Where()
    flags: dict[str, Any] = {"config": where.config, "data": where.data, "database": where.database}
    found, origins = load_with_origins(flags)
    values = shown(found)
    rows = [(name, _plain(values[name]), origins.get(name, "default")) for name in OPTIONS]
    table(("option", "value", "from"), rows)


def _plain(value: object) -> object:
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else value
