"""Core statements that the hot path runs, each turned into SQL once for each kind of database.

What differs between the two is here: SQLite takes a list of keys as one JSON value and many rows one by one,
PostgreSQL takes both as arrays. Either way one statement, whatever the number of rows.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ARRAY, Executable, Table, Text, bindparam, func, literal_column, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

Kind = Literal["sqlite", "postgresql"]
Columns = dict[str, ColumnElement[Any]]
Rows = Sequence[tuple[Any, ...]]

_DIALECTS = {"sqlite": SQLiteDialect_pysqlite(), "postgresql": PGDialect_asyncpg()}  # type: ignore[no-untyped-call]
_INSERT: dict[Kind, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_encode = msgspec.json.Encoder().encode


class Compiled(NamedTuple):
    """The SQL, the names of its parameters in the order it wants them, and the values SQLAlchemy gave some."""

    sql: str
    names: tuple[str, ...]
    constants: dict[str, Any]

    def ordered(self, values: dict[str, Any]) -> tuple[Any, ...]:
        if self.constants:
            values = self.constants | values
        return tuple([values[name] for name in self.names])


class Query:
    """One statement, the same for both. Its constants are literals: partial indexes are matched by them."""

    def __init__(self, statement: Executable | None = None) -> None:
        self._statement = statement
        self._compiled: dict[Kind, Compiled] = {}

    def compiled(self, kind: Kind) -> "Compiled":
        if kind not in self._compiled:
            compiled: Any = self.built(kind).compile(dialect=_DIALECTS[kind])  # type: ignore[attr-defined]
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            self._compiled[kind] = Compiled(compiled.string, tuple(compiled.positiontup or ()), constants)
        return self._compiled[kind]

    def built(self, kind: Kind) -> Executable:  # noqa: ARG002  # the descendants differ by it
        assert self._statement is not None  # noqa: S101
        return self._statement


class Keyed(Query):
    """A statement about the rows that a list of keys (texts) names; `build` gets the columns of that list."""

    def __init__(self, names: tuple[str, ...], build: Callable[[Columns], Executable]) -> None:
        super().__init__()
        self._names, self._build = names, build

    def built(self, kind: Kind) -> Executable:
        if kind == "postgresql":
            return self._build(_unnest(dict.fromkeys(self._names, Text())))
        value = func.json_each(bindparam("keys", type_=Text())).table_valued("value", name="k").c.value
        paths: list[ColumnElement[Any]] = [literal_column(f"'$[{i}]'") for i in range(len(self._names))]
        return self._build(
            {name: func.json_extract(value, path) for name, path in zip(self._names, paths, strict=True)}
        )

    def parameters(self, kind: Kind, keys: Rows) -> dict[str, Any]:
        if kind == "sqlite":
            return {"keys": _encode(keys).decode()}
        return dict(zip(self._names, map(list, zip(*keys, strict=True)), strict=True))


class Many(Query):
    """A statement for many rows, tuples of values of these types; `build` gets a row's values as columns."""

    def __init__(self, types: dict[str, TypeEngine[Any]], build: Callable[[Columns], Executable]) -> None:
        super().__init__()
        self._types, self._build = types, build
        self._arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None

    def built(self, kind: Kind) -> Executable:
        if kind == "postgresql":
            return self._build(_unnest(self._types))
        return self._build({name: bindparam(name, type_=type_) for name, type_ in self._types.items()})

    def arranged(self, rows: Rows) -> Rows:
        """SQLite: each row's values in the order of the statement's question marks."""
        if self._arrange is None:
            places = list(self._types)
            self._arrange = itemgetter(*(places.index(name) for name in self.compiled("sqlite").names))
        return list(map(self._arrange, rows))

    def arrays(self, rows: Rows) -> list[list[Any]]:
        """PostgreSQL: each column's values as one array, in the order of the statement's parameters."""
        arrays = dict(zip(self._types, map(list, zip(*rows, strict=True)), strict=True))
        return [arrays[name] for name in self.compiled("postgresql").names]


class Insert(Many):
    """Whole rows into a table, in the order of its columns. On a conflict of keys: fail, keep or replace.

    `when` is given the new row's columns and says which stored rows are replaced; without it all are. Booleans
    that `stay` remain true once they are.
    """

    def __init__(
        self,
        table: Table,
        *,
        conflict: Literal["fail", "keep", "replace"] = "fail",
        when: Callable[[Columns], ColumnElement[bool]] | None = None,
        stay: Sequence[str] = (),
    ) -> None:
        self._table, self._conflict, self._when, self._stay = table, conflict, when, stay
        super().__init__(types(*table.columns), lambda _: _INSERT["sqlite"](table))

    def built(self, kind: Kind) -> Executable:
        statement = _INSERT[kind](self._table)
        if kind == "postgresql":
            new = _unnest(self._types)
            # `WHERE true` is not needed here, it is SQLite's parser that cannot do without.
            statement = statement.from_select(list(new), select(*new.values()))
        keys = [c.name for c in self._table.primary_key]
        if self._conflict == "keep":
            statement = statement.on_conflict_do_nothing()
        elif self._conflict == "replace":
            changed = {c: statement.excluded[c] for c in self._types if c not in keys}
            changed |= {c: or_(self._table.c[c], statement.excluded[c]) for c in self._stay}
            where = self._when and self._when(statement.excluded)
            statement = statement.on_conflict_do_update(index_elements=keys, set_=changed, where=where)
        return statement  # type: ignore[no-any-return]

    def arranged(self, rows: Rows) -> Rows:
        return rows


def types(*columns: ColumnElement[Any]) -> dict[str, TypeEngine[Any]]:
    """The columns' types as parameters have them: without collation."""
    return {c.key: Text() if isinstance(c.type, Text) else c.type for c in columns if c.key}


def _unnest(types: dict[str, TypeEngine[Any]]) -> Columns:
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items()]
    given = func.unnest(*arrays).table_valued(*types, name="k").render_derived()
    return {name: given.c[name] for name in types}


def within(column: ColumnElement[Any], given: ColumnElement[Any]) -> ColumnElement[bool]:
    """Equal, as a mere filter: in a form for which no index is taken. See `schema` for the reason."""
    return literal_column("''").concat(column) == given
