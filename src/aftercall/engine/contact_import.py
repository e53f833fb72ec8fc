"""Importing contacts: a table's rows, some at a time, each of them created, updated, unchanged or rejected (D1).

What a row leaves empty stays as it is. A consent that was withdrawn is not given back by a table, which may be old.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from aftercall.domain.account import Account
from aftercall.domain.contact import Consent, Contact
from aftercall.domain.errors import Invalid
from aftercall.engine.contact_csv import COLUMNS, CONSENT, CONSENT_SOURCE, Line, lines
from aftercall.engine.contacts import Contacts, Known
from aftercall.engine.setup_contact import MAX_DETAILS, changed_contact, check_number, new_contact

MOST_LINES = 100_001  # with the header
AT_ONCE = 200  # rows in one transaction: what others wait for
YES = frozenset({"yes", "y", "true", "1", "granted", "opt-in", "x"})
NO = frozenset({"no", "n", "false", "0", "withdrawn", "opt-out"})


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of the row that begins at this line of the table."""

    line: int
    result: Literal["created", "updated", "unchanged", "rejected"]
    contact_id: str | None = None
    reason: str | None = None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """With `dry_run` nothing was stored; ids of contacts that would be created are not given."""

    dry_run: bool
    created: int
    updated: int
    unchanged: int
    rejected: int
    rows: tuple[Result, ...]


class Row(msgspec.Struct, frozen=True):
    line: int
    number: str
    cells: dict[str, str]


async def import_contacts(
    store: Contacts, account: Account, raw: bytes, now: datetime, *, dry_run: bool
) -> Imported:
    """Raises Invalid for what is no table at all. Importing the same again changes nothing."""
    if max(raw.count(b"\n"), raw.count(b"\r")) > MOST_LINES:
        raise Invalid.field("body", f"at most {MOST_LINES} lines at once")
    table = lines(raw)
    seen: dict[str, int] = {}
    results: list[Result] = []
    while some := list(islice(table, AT_ONCE)):
        rows = list(_read(some, account.country, seen, results))
        results += await _take(store, account.id, rows, now, dry_run=dry_run)
        await asyncio.sleep(0)  # the server's other work goes on, even if all of it is to be rejected
    results.sort(key=lambda result: result.line)
    counts = Counter(result.result for result in results)
    return Imported(
        dry_run=dry_run,
        created=counts["created"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        rejected=counts["rejected"],
        rows=tuple(results),
    )


def _read(
    some: Sequence[Line], country: str | None, seen: dict[str, int], results: list[Result]
) -> Iterator[Row]:
    """The rows that name somebody; the others are results already."""
    for line in some:
        problem = line.problem
        if problem is None:
            try:
                number = check_number(line.cells.get("number", ""), country)
            except Invalid as error:
                problem = error.message
            else:
                first = seen.setdefault(number, line.number)
                if first == line.number:
                    yield Row(line.number, number, line.cells)
                    continue
                problem = f"number: stands in line {first} already"
        results.append(Result(line.number, "rejected", reason=problem))


async def _take(
    store: Contacts, account_id: str, rows: Sequence[Row], now: datetime, *, dry_run: bool
) -> list[Result]:
    numbers = [row.number for row in rows]
    if dry_run:
        told = [_judge(row, known, account_id, now) for known in [await store.find_contacts(account_id, numbers)]
                for row in rows]  # fmt: skip
        return [_unnamed(result) for result, _ in told]
    judged: list[tuple[Result, Contact | None]] = []

    def change(known: Known) -> Sequence[Contact]:
        judged[:] = [_judge(row, known, account_id, now) for row in rows]
        return [contact for _, contact in judged if contact is not None]

    if rows:
        await store.change_contacts(account_id, numbers, change)
    return [result for result, _ in judged]


def _unnamed(result: Result) -> Result:
    return msgspec.structs.replace(result, contact_id=None) if result.result == "created" else result


def _judge(row: Row, known: Known, account_id: str, now: datetime) -> tuple[Result, Contact | None]:
    """What becomes of a row, and the contact to be written, if any."""
    before = known.get(row.number)
    try:
        told = _told(row.cells, before, now)
        if before is None:
            made = new_contact(account_id, row.number, now, **told)
            return Result(row.line, "created", made.id), made
        after = changed_contact(before, now, **told)
    except Invalid as error:
        return Result(row.line, "rejected", before.id if before else None, error.message), None
    if after is before:
        return Result(row.line, "unchanged", before.id), None
    return Result(row.line, "updated", after.id), after


def _told(cells: Mapping[str, str], before: Contact | None, now: datetime) -> dict[str, Any]:
    """What the row says, as a contact's fields."""
    said = {name: cell for name, cell in cells.items() if cell}
    fields: dict[str, Any] = {name: said[name] for name in ("name", "email", "time_zone") if name in said}
    if "tags" in said:
        fields["tags"] = said["tags"].split(";")
    details = {n: c for n, c in said.items() if n not in COLUMNS and not n.startswith(CONSENT)}
    if details:
        fields["details"] = {**(before.details if before else {}), **details}
        if len(fields["details"]) > MAX_DETAILS:
            raise Invalid.field("details", f"may not be more than {MAX_DETAILS}")
    if consents := _consents(said, before, now):
        fields["consents"] = consents
    return fields


def _consents(said: Mapping[str, str], before: Contact | None, now: datetime) -> tuple[Consent, ...]:
    known = {consent.category: consent for consent in (before.consents if before else ())}
    source = said.get(CONSENT_SOURCE, "")
    for column, cell in said.items():
        if not column.startswith(CONSENT) or column == CONSENT_SOURCE:
            continue
        category: Any = column.removeprefix(CONSENT)
        old, status = known.get(category), _status(column, cell)
        withdrawn = [c for c in (old, known.get("all")) if c is not None and c.status == "withdrawn"]
        if status == "granted" and withdrawn:
            why = f"was withdrawn on {withdrawn[0].at:%Y-%m-%d}; a table does not give it back, a change by hand does"
            raise Invalid.field(column, why)
        if old is None or old.status != status or (source and old.source != source):
            known[category] = Consent(category=category, status=status, source=source, at=now)
    return tuple(known.values())


def _status(column: str, cell: str) -> Literal["granted", "withdrawn"]:
    word = cell.casefold()
    if word not in YES | NO:
        raise Invalid.field(column, "must be yes or no, or empty")
    return "granted" if word in YES else "withdrawn"
