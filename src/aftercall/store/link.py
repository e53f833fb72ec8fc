"""A connection inside a transaction, as the statements of this package see it. Plain synchronous calls:
SQLite answers at once, and for PostgreSQL SQLAlchemy's greenlet waits in their place.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from sqlite3 import Connection as Driver
from typing import Any

from sqlalchemy import Connection, Executable, Row

from aftercall.store.statement import Keyed, Kind, Many, Query, Rows


class Link(ABC):
    """`rows`, `run`, `keyed`, `many` are the hot path: SQL compiled once, values given straight to the driver."""

    kind: Kind

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, query: Query, /, **values: Any) -> Rows:
        compiled = query.compiled(self.kind)
        return self._fetch(compiled.sql, compiled.ordered(values))

    def run(self, query: Query, /, **values: Any) -> int:
        """How many rows it changed."""
        compiled = query.compiled(self.kind)
        return self._change(compiled.sql, compiled.ordered(values))

    def keyed(self, query: Keyed, keys: Rows, /, **values: Any) -> Rows:
        return self.rows(query, **query.parameters(self.kind, keys), **values) if keys else []

    def change(self, query: Keyed, keys: Rows, /, **values: Any) -> int:
        return self.run(query, **query.parameters(self.kind, keys), **values) if keys else 0

    def many(self, query: Many, rows: Rows) -> int:
        return self._many(query, rows) if rows else 0

    def all(self, statement: Executable, values: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
        """A statement made for the occasion: the logs' filters."""
        return self._connection.execute(statement, values).all()

    @abstractmethod
    def lock(self, names: Collection[str]) -> None:
        """One transaction at a time goes on from here with any of these names."""

    @abstractmethod
    def notify(self, channel: str) -> None:
        """Tell other nodes, once the transaction is committed."""

    @abstractmethod
    def _many(self, query: Many, rows: Rows) -> int: ...

    @abstractmethod
    def _fetch(self, sql: str, values: tuple[Any, ...]) -> Rows: ...

    @abstractmethod
    def _change(self, sql: str, values: tuple[Any, ...]) -> int: ...


class SqliteLink(Link):
    """Past SQLAlchemy's execution, which would double the time of such short statements."""

    kind: Kind = "sqlite"

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.driver: Driver = connection.connection.driver_connection  # type: ignore[assignment]

    def lock(self, names: Collection[str]) -> None:
        """Only one transaction writes."""

    def notify(self, channel: str) -> None:
        """There is no other node."""

    def _many(self, query: Many, rows: Rows) -> int:
        return self.driver.executemany(query.compiled("sqlite").sql, query.arranged(rows)).rowcount

    def _fetch(self, sql: str, values: tuple[Any, ...]) -> Rows:
        return self.driver.execute(sql, values).fetchall()

    def _change(self, sql: str, values: tuple[Any, ...]) -> int:
        return self.driver.execute(sql, values).rowcount


class PostgresLink(Link):
    kind: Kind = "postgresql"

    def _many(self, query: Many, rows: Rows) -> int:
        return self._change(query.compiled("postgresql").sql, tuple(query.arrays(rows)))

    def all(self, statement: Executable, values: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Planned for its own values: what the filters leave of a log differs from account to account."""
        self._connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
        return super().all(statement, values)

    def lock(self, names: Collection[str]) -> None:
        for name in sorted(names):
            self._connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", (name,))

    def notify(self, channel: str) -> None:
        self._connection.exec_driver_sql(f"NOTIFY {channel}")

    def _fetch(self, sql: str, values: tuple[Any, ...]) -> Rows:
        return self._connection.exec_driver_sql(sql, values).all()

    def _change(self, sql: str, values: tuple[Any, ...]) -> int:
        return self._connection.exec_driver_sql(sql, values).rowcount
