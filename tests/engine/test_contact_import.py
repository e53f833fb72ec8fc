# Contacts from tables (D1): what people really send, and what nobody should.

import random
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.account import Account
from aftercall.domain.contact import Consent, Contact
from aftercall.domain.errors import Invalid
from aftercall.engine.contact_csv import FORMULA, MOST_CELL, Sheet, guarded, lines
from aftercall.engine.contact_import import AT_ONCE, Imported, import_contacts
from aftercall.store.database import open_store
from aftercall.store.store import SqlStore
from aftercall.store.vault import Vault

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACCOUNT = Account(id="ac_1", name="Acme", country="DE", created_at=NOW)
ADA = "+4930123451"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}", vault=Vault([bytes(32)]))
    await store.add_account(ACCOUNT)
    yield store
    await store.close()


def read(table: str | bytes) -> list[tuple[int, Any]]:
    raw = table if isinstance(table, bytes) else table.encode()
    return [(line.number, line.problem or line.cells) for line in lines(raw)]


async def load(store: SqlStore, table: str | bytes, now: datetime = NOW) -> Imported:
    raw = table if isinstance(table, bytes) else table.encode()
    return await import_contacts(store, ACCOUNT, raw, now, dry_run=False)


async def ada(store: SqlStore) -> Contact:
    return (await store.find_contacts(ACCOUNT.id, [ADA]))[ADA]


@pytest.mark.parametrize(
    "table",
    [
        "number,name\n+1,Ada\n", "number;name\r\n+1;Ada\r\n", "number\tname\r+1\tAda\r", "\ufeffnumber,name\n+1,Ada",
        '"number","name"\n"+1","Ada"\n', "sep=;\nnumber;name\n+1;Ada", " Number , NAME \n +1 , Ada \n",
        "number,name,\n+1,Ada,\n,,\n\n",
    ],
)  # fmt: skip
def test_tables_of_all_shapes_are_read(table: str) -> None:
    ((_, cells),) = read(table)
    assert cells == {"number": "+1", "name": "Ada"}


def test_rows_are_numbered_by_the_line_they_begin_at() -> None:
    table = 'number,name\n1,"two\nlines"\n\n3,"say ""x"""\n'
    assert read(table) == [
        (2, {"number": "1", "name": "two\nlines"}),
        (5, {"number": "3", "name": 'say "x"'}),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"1,a\x00b", "control characters"), (b"1,\xff\xfe", "is not UTF-8"), (b"1,caf\xe9", "is not UTF-8"),
        (b"1,a,b", "more cells"), (b'1,"a"b', "cannot be read as CSV"), (b"1," + b"x" * 200_000, "field"),
        (b"1," + b"x" * (MOST_CELL + 1), "longer than"), (b"1" + b"," * 1000 + b"x", "more cells"),
        (b"1" + b",x" * 1_200_000, "more cells"), (b'1,"' + b"x" * 3_000_000 + b'"', "field"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_spoils_only_itself(row: bytes, why: str) -> None:
    found = read(b"number,name\n0,first\n" + row + b"\n2,last\n")
    assert [problem for _, problem in found if isinstance(problem, str) and why in problem]
    assert [cells["number"] for _, cells in found if isinstance(cells, dict)] == ["0", "2"]


def test_a_quote_that_is_never_closed_is_told() -> None:
    (first, second) = read('number,name\n0,a\n1,"open\n2,b\n')
    assert first == (2, {"number": "0", "name": "a"})
    assert (second[0], "unexpected end" in second[1]) == (3, True)


@pytest.mark.parametrize(
    "table",
    [
        b"", b"\n", b"name,phone\n", b"number,name,name\n", b"number,consent_spam\n", b"number," + b"x" * 101,
        b"number" + b",x" * 3, b"\xff\xfen\x00u\x00", b'"number\n', b"number,\xff\n", b"number,a\x00\n",
        b"number," + b",".join(b"c%d" % n for n in range(200)), b"PK\x03\x04 a spreadsheet, zipped",
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(table: bytes) -> None:
    with pytest.raises(Invalid, match="body"):
        read(table)


@given(st.binary(max_size=300), st.sampled_from([b"", b"number\n", b"number;name;consent_all\n"]))
def test_whatever_comes_is_read_or_refused(junk: bytes, header: bytes) -> None:
    try:
        found = list(lines(header + junk))
    except Invalid:
        return
    assert all(line.problem or line.cells for line in found)


@given(st.dictionaries(st.sampled_from(["crm", "city"]), st.text(max_size=20)), st.text(max_size=20))
def test_what_is_written_is_read_again_and_is_no_formula(details: dict[str, str], name: str) -> None:
    contact = Contact(
        id="ct_1", account_id="ac_1", number=ADA, name=name, details=details, created_at=NOW, updated_at=NOW
    )
    sheet = Sheet()
    sheet.look_at([contact])
    for line in lines(sheet.header() + sheet.rows([contact])):
        cells = line.cells
        assert line.problem or cells["number"] == ADA
        if line.problem is None and not any(
            text.startswith(("'", *FORMULA)) for text in (name, *details.values())
        ):
            assert cells["name"] == name.encode("utf-8", "replace").decode().strip()
    assert not guarded(name).startswith(FORMULA)


async def test_a_row_becomes_a_contact(store: SqlStore) -> None:
    table = (
        "number;name;email;time_zone;tags;consent_promotional;consent_otp;consent_source;CRM id\n"
        "030 123451;Ada;ada@example.com;Europe/Berlin;vip; press ;ja\n"
        '030 123451;Ada;ada@example.com;Europe/Berlin;"vip; press;";yes;no;form;A-1\n'
    )
    done = await load(store, table)
    assert [(row.line, row.result) for row in done.rows] == [(2, "rejected"), (3, "rejected")]
    done = await load(
        store, table.replace("vip; press ;ja\n", "x;\n", 1).splitlines()[0] + "\n" + table.splitlines()[2]
    )
    assert done.created == 1
    contact = await ada(store)
    assert (contact.name, contact.email, contact.time_zone) == ("Ada", "ada@example.com", "Europe/Berlin")
    assert (contact.tags, contact.details) == (("vip", "press"), {"CRM id": "A-1"})
    assert contact.consents == (
        Consent(category="promotional", source="form", at=NOW),
        Consent(category="otp", status="withdrawn", source="form", at=NOW),
    )


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("102,,,,", "number"), (",Ada,,,", "number"), ("1.49E+10,,,,", "number"), (f"{ADA},,nobody,,", "email"),
        (f"{ADA},,,Mars,", "time_zone"), (f"{ADA},,,,maybe", "consent_all"), (f"{ADA},{'x' * 201},,,", "name"),
    ],
)  # fmt: skip
async def test_a_row_that_breaks_a_rule_is_rejected_by_name_and_no_other(
    store: SqlStore, cells: str, why: str
) -> None:
    done = await load(store, f"number,name,email,time_zone,consent_all\n{cells}\n+4930999999,,,,\n")
    assert [row.result for row in done.rows] == ["rejected", "created"]
    assert (done.rows[0].reason or "").startswith(f"{why}: ")


async def test_empty_cells_change_nothing_and_others_do(store: SqlStore) -> None:
    await load(store, f"number,name,email,a,b\n{ADA},Ada,ada@example.com,1,2\n")
    done = await load(store, f"number,name,email,b,tags\n{ADA},,new@example.com,3,t\n", LATER)
    contact = await ada(store)
    assert (done.updated, contact.name, contact.email, contact.tags) == (1, "Ada", "new@example.com", ("t",))
    assert (contact.details, contact.created_at, contact.updated_at) == ({"a": "1", "b": "3"}, NOW, LATER)


async def test_consent_keeps_its_date_when_it_is_told_again(store: SqlStore) -> None:
    await load(store, f"number,consent_all\n{ADA},yes\n")
    assert (await load(store, f"number,consent_all\n{ADA},yes\n", LATER)).unchanged == 1
    assert [c.at for c in (await ada(store)).consents] == [NOW]
    assert (await load(store, f"number,consent_all\n{ADA},no\n", LATER)).updated == 1
    assert [(c.status, c.at) for c in (await ada(store)).consents] == [("withdrawn", LATER)]


@pytest.mark.parametrize("category", ["all", "promotional"])
async def test_consent_that_was_withdrawn_is_not_given_back_by_a_table(
    store: SqlStore, category: str
) -> None:
    await load(store, f"number,consent_{category}\n{ADA},no\n")
    done = await load(store, f"number,consent_promotional\n{ADA},{'yes'}\n", LATER)
    assert (done.rejected, "was withdrawn on 2026-03-01" in (done.rows[0].reason or "")) == (1, True)
    assert [c.status for c in (await ada(store)).consents] == ["withdrawn"]


async def test_a_number_that_stands_twice_counts_once(store: SqlStore) -> None:
    done = await load(store, f"number,name\n{ADA},Ada\n030-123451,Eve\n")
    assert [(row.result, row.reason) for row in done.rows] == [
        ("created", None), ("rejected", "number: stands in line 2 already")
    ]  # fmt: skip
    assert (await ada(store)).name == "Ada"


@pytest.mark.slow
async def test_a_hundred_thousand_rows_take_little_memory(store: SqlStore) -> None:
    chance = random.Random(4)
    numbers = chance.sample(range(10**7), 100_000)
    raw = "\n".join(["number,name,tags", *(f"+4930{n:07},Name {n},a;b" for n in numbers)]).encode()
    tracemalloc.start()
    try:
        done = await load(store, raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (done.created, done.rejected) == (100_000, 0)
    assert await store.count_contacts(ACCOUNT.id) == 100_000
    assert peak < 80 << 20, peak
    with pytest.raises(Invalid, match="at most"):
        await load(store, raw + b"\n1,2\n1,2\n")


async def test_rows_are_stored_some_at_a_time(store: SqlStore) -> None:
    rows = [f"+4930{n:07}" for n in range(2 * AT_ONCE + 1)]
    done = await load(store, "\n".join(["number", *rows]))
    assert done.created == len(rows)
    assert [row.line for row in done.rows] == list(range(2, len(rows) + 2))
