"""`backup`: a copy of the SQLite database while the server runs."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from aftercall.cli.shell import MISUSED, Failure, Where, configure, out


def backup(
    to: Annotated[Path, Parameter(help="The file to write, which must not exist.")],
    where: Where | None = None,
) -> None:
    """Copy the SQLite database while the server runs; the copy is of one moment.

    Keep <data>/secret.key with it, apart from it: without the key its secrets cannot be read. For
    PostgreSQL use pg_dump.
    """
    config = configure(where)
    file = config.sqlite_path
    if file is None:
        raise Failure("This database is PostgreSQL's: back it up with pg_dump --format=custom.", MISUSED)
    if not file.exists():
        raise Failure(f"There is no database at {file}.", MISUSED)
    if to.exists():
        raise Failure(f"{to} exists already.", MISUSED)
    draft = to.with_name(f".{to.name}.part")
    try:
        draft.touch(mode=0o600)
        copy(file, draft)
        draft.rename(to)
    except (OSError, sqlite3.Error) as error:
        raise Failure(f"The backup failed: {error}.") from None
    finally:
        draft.unlink(missing_ok=True)
    out.print(f"{to}: {to.stat().st_size:,} bytes. Keep {config.secret_key_file.name} as well.", markup=False)


def copy(source: Path, target: Path) -> None:
    """In one step: the writer goes on writing beside it, and nothing of that gets into the copy."""
    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading,
        contextlib.closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
