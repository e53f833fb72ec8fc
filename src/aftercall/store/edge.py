"""What a database's errors mean to the engine: unavailable now, overtaken by another transaction, or a bug."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from aftercall.domain.errors import Unavailable
from aftercall.engine.ports import Collision

# https://www.sqlite.org/rescode.html: primary codes, the low byte of what is reported.
_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM,
}  # fmt: skip
_SQLITE_TAKEN = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}

# https://www.postgresql.org/docs/current/errcodes-appendix.html: classes, then single codes.
_POSTGRES_UNAVAILABLE = ("08", "53", "57", "58", "25006", "25P03", "55P03")
_POSTGRES_TAKEN = "23505"
_POSTGRES_UNDONE = ("40001", "40P01")  # serialization failure, deadlock


class Undone(Collision):
    """The database undid the transaction for another's sake; the same again will do."""


class Lost(Unavailable):
    """The connection to the database is gone."""


@contextmanager
def edge() -> Iterator[None]:
    """Database errors leave the store as `Unavailable` or `Collision`; what is neither, as it is."""
    try:
        yield
    except sqlite3.Error as error:
        raise _sqlite(error) from error
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise _sqlite(error.orig) from error
        raise _postgres(error) from error
    except (OSError, NoConnectionFree) as error:  # refused, unreachable, timed out
        raise Lost("The database cannot be reached.", retry_after=1) from error


def _sqlite(error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)
    if code in _SQLITE_TAKEN:
        return Collision(str(error))
    if code is not None and code & 0xFF in _SQLITE_UNAVAILABLE:
        return Unavailable(f"The database cannot be written or read just now: {error}.", retry_after=1)
    return error


def _postgres(error: DBAPIError) -> Exception:
    code = str(getattr(error.orig, "sqlstate", None) or "")
    if code == _POSTGRES_TAKEN:
        return Collision(str(error.orig))
    if code in _POSTGRES_UNDONE:
        return Undone(str(error.orig))
    if error.connection_invalidated:
        return Lost("The connection to the database is lost.", retry_after=1)
    if code.startswith(_POSTGRES_UNAVAILABLE):
        return Unavailable(f"The database refuses work just now: {error.orig}", retry_after=1)
    return error
