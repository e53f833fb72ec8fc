"""Contacts as CSV: what spreadsheets and CRMs write is read row by row, and written so that they open it (D1).

A row that cannot be read is told with its reason; the others go on. https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
import io
import re
import typing
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from aftercall.domain.contact import Contact
from aftercall.domain.errors import Invalid
from aftercall.domain.message import Category

COLUMNS = ("number", "name", "email", "time_zone", "tags")
CONSENT = "consent_"
CONSENT_SOURCE = "consent_source"
CATEGORIES: tuple[str, ...] = ("all", *typing.get_args(Category))
DELIMITERS = ",;\t"
MOST_COLUMNS = 100
MOST_CELL = 5_000  # characters
MOST_LINE = 1_000_000  # characters: more than a row that can be taken has; what is longer is cut
# What a spreadsheet takes for the beginning of a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r")

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Line(msgspec.Struct, frozen=True):
    """One row: the line it begins at, its cells by column, and why it cannot be taken."""

    number: int
    cells: dict[str, str] = {}
    problem: str | None = None


def lines(raw: bytes) -> Iterator[Line]:
    """The rows below the header, without empty ones. Raises Invalid for a table that is none."""
    if raw.startswith(_UTF16):
        raise Invalid.field("body", "must be UTF-8; save the table as `CSV UTF-8`")
    # What is no UTF-8 becomes surrogates, so that it spoils its own row only.
    text = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", errors="surrogateescape", newline="")
    first = text.readline(MOST_LINE)
    before = 1
    if re.fullmatch(r"sep=[,;\t]\s*", first):  # Excel's own way to name the separator
        first, before = text.readline(MOST_LINE), 2
    columns, delimiter = _header(first)
    return _rows(csv.reader(_bounded(text), delimiter=delimiter, strict=True), columns, before)


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MOST_LINE):
        yield line
        while len(line) == MOST_LINE and not line.endswith(("\n", "\r")):
            line = text.readline(MOST_LINE)


def _header(first: str) -> tuple[list[str], str]:
    tables = []
    for delimiter in DELIMITERS:
        try:
            names = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        tables.append(([_column(name) for name in names], delimiter))
    columns, delimiter = max(tables, key=lambda t: ("number" in t[0], len(t[0])), default=([], ""))
    named = [name for name in columns if name]
    unknown = [name for name in named if name.startswith(CONSENT) and name != CONSENT_SOURCE
               and name.removeprefix(CONSENT) not in CATEGORIES]  # fmt: skip
    if "number" not in columns:
        why = "its first row must name the columns, and `number` must be one of them"
    elif len(set(named)) < len(named):
        why = "a column may be named once only"
    elif len(columns) > MOST_COLUMNS or any(len(name) > 100 or not name.isprintable() for name in named):
        why = f"at most {MOST_COLUMNS} columns, with printable UTF-8 names of at most 100 characters"
    elif unknown:
        why = (
            f"there is no category {unknown[0].removeprefix(CONSENT)}; choose one of {', '.join(CATEGORIES)}"
        )
    else:
        return columns, delimiter
    raise Invalid.field("body", why)


def _column(name: str) -> str:
    """Ours in any case and with spaces, all others as they are written."""
    name = _unguarded(name.strip())
    ours = re.sub(r"[\s-]+", "_", name.casefold())
    return ours if ours in COLUMNS or ours.startswith(CONSENT) else name


def _rows(reader: Any, columns: Sequence[str], before: int) -> Iterator[Line]:
    while True:
        at = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(at, problem=f"cannot be read as CSV: {error}")
            continue
        cells = [_unguarded(cell.strip()) for cell in cells]
        if any(cells):
            yield _line(at, cells, columns)


def _line(at: int, cells: list[str], columns: Sequence[str]) -> Line:
    told = dict(zip(columns, cells, strict=False))
    told.pop("", None)
    problem = None
    if any(cells[len(columns) :]):
        problem = "has more cells than there are columns"
    for name, cell in told.items():
        if _SURROGATE.search(cell):
            problem = f"{name}: is not UTF-8"
        elif any(ord(char) < 32 and char not in "\n\r\t" for char in cell):
            problem = f"{name}: may not hold control characters"
        elif len(cell) > MOST_CELL:
            problem = f"{name}: may not be longer than {MOST_CELL} characters"
    return Line(at, problem=problem) if problem else Line(at, told)


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def guarded(cell: str) -> str:
    """No spreadsheet takes it for a formula; `lines` takes the guard off again."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


class Sheet:
    """Writes contacts as CSV: which columns there are is found out first."""

    def __init__(self) -> None:
        self._categories: set[str] = set()
        self._details: dict[str, None] = {}

    def look_at(self, contacts: Collection[Contact]) -> None:
        for contact in contacts:
            self._categories.update(consent.category for consent in contact.consents)
            self._details.update(dict.fromkeys(contact.details))

    def header(self) -> bytes:
        consents = [CONSENT + category for category in CATEGORIES if category in self._categories]
        source = [CONSENT_SOURCE] if consents else []
        return _written([[*COLUMNS, *consents, *source, *map(guarded, self._details)]])

    def rows(self, contacts: Collection[Contact]) -> bytes:
        return _written([self._cells(contact) for contact in contacts])

    def _cells(self, contact: Contact) -> list[str]:
        said = {consent.category: consent.status for consent in contact.consents}
        consents = [{"granted": "yes", "withdrawn": "no", None: ""}[said.get(category)]  # type: ignore[call-overload]
                    for category in CATEGORIES if category in self._categories]  # fmt: skip
        source = [next((c.source for c in contact.consents if c.source), "")] if self._categories else []
        own = [contact.name, contact.email or "", contact.time_zone or "", ";".join(contact.tags)]
        details = [_plain(contact.details.get(name)) for name in self._details]
        # An E.164 number is digits behind a plus: to a spreadsheet a number, whatever it does with it.
        return [contact.number, *map(guarded, (*own, *consents, *source, *details))]


def _plain(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
