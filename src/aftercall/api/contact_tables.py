"""/v1/contacts/import and /v1/contacts/export: contacts as CSV (D1)."""

from collections.abc import AsyncIterator

import msgspec

from aftercall.api.contacts import READ, TAG, WRITE
from aftercall.api.operation import Ask, operation
from aftercall.domain.contact import Contact
from aftercall.engine.contact_csv import Sheet
from aftercall.engine.contact_import import Imported, import_contacts
from aftercall.engine.contacts import ContactQuery

CSV = "text/csv"
MOST_BYTES = 16 << 20
PAGE = 200  # contacts read and written at once
EXAMPLE = "number,name,tags,consent_promotional\r\n+14085551234,Ada Lovelace,vip;press,yes\r\n"


class ImportQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    dry_run: bool = False


@operation("POST", "/v1/contacts/import", WRITE, "Import contacts from CSV", tag=TAG, takes=CSV,
           most_bytes=MOST_BYTES, example=EXAMPLE)  # fmt: skip
async def import_table(ask: Ask, query: ImportQuery, data: bytes) -> Imported:
    """UTF-8 with a header row; comma, semicolon or tab. Columns: `number`, `name`, `email`, `time_zone`, `tags`
    (separated by `;`), `consent_<category>` (yes or no), `consent_source`; any other goes to `details`. Empty
    cells change nothing. At most 100,000 rows and 16 MiB. A row that is rejected takes no other with it.
    """
    account = await ask.account()
    return await import_contacts(ask.app.store, account, data, ask.now, dry_run=query.dry_run)


@operation("GET", "/v1/contacts/export", READ, "Export contacts as CSV", tag=TAG, gives=CSV)
async def export_table(ask: Ask) -> AsyncIterator[bytes]:
    """All of them, with columns as the import takes them. Cells that a spreadsheet would take for a formula begin
    with an apostrophe, which the import takes off again.
    """
    sheet = Sheet()
    async for contacts in _all(ask):
        sheet.look_at(contacts)
    return _written(ask, sheet)


async def _written(ask: Ask, sheet: Sheet) -> AsyncIterator[bytes]:
    yield sheet.header()
    async for contacts in _all(ask):
        yield sheet.rows(contacts)


async def _all(ask: Ask) -> AsyncIterator[tuple[Contact, ...]]:
    cursor: str | None = None
    while True:
        page = await ask.app.store.list_contacts(ask.account_id, ContactQuery(cursor=cursor, limit=PAGE))
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


OPERATIONS = (import_table, export_table)
