"""rebuild: calls worked out anew from their stored facts, for when the reading of facts has been improved.

Records are corrected in silence: no event is said, nothing is sent. The next thing that is heard of a call
is compared with the corrected record.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from aftercall.domain.call import Call
from aftercall.domain.emit import changes
from aftercall.domain.fact import Fact
from aftercall.domain.linked import tell
from aftercall.domain.project import project
from aftercall.engine.ports import Store, Work
from aftercall.engine.rows import CallQuery, CallRow

BATCH = 200  # calls in one transaction


class Difference(msgspec.Struct, frozen=True):
    """A call whose record is not what its facts say. `changes`: path, old and new value."""

    account_id: str
    call_id: str
    changes: list[dict[str, Any]]


async def rebuild(
    store: Store, calls: Sequence[tuple[str, str]], now: datetime, *, write: bool
) -> list[Difference]:
    """Compare these (account, call id) with their facts and, with `write`, correct the records.

    Calls that are gone, or that another node is working on at this moment, are left out.
    """
    found: list[Difference] = []
    for start in range(0, len(calls), BATCH):
        async with store.begin() as work:
            found += await _rebuild(work, sorted(calls[start : start + BATCH]), now, write=write)
    return found


async def _rebuild(
    work: Work, calls: Sequence[tuple[str, str]], now: datetime, *, write: bool
) -> list[Difference]:
    rows = await work.lock_calls(calls)
    linked = [(row.account_id, link.call_id) for row in rows for link in row.call.links]
    facts = await work.load_facts([*{*linked, *((row.account_id, row.id) for row in rows)}])
    found, corrected = [], []
    for row in rows:
        call = told(row, facts)
        if call is None or call == row.call:
            continue
        found.append(Difference(row.account_id, row.id, changes(row.call, call)))
        # Without its fold the call is folded from its start when it is next heard of.
        corrected.append(
            msgspec.structs.replace(row, call=call, fold=None, version=row.version + 1, updated_at=now)
        )
    if write and corrected:
        await work.update_calls(corrected)
    return found


def told(row: CallRow, facts: Mapping[str, list[Fact]]) -> Call | None:
    """The record as the facts of its records (by id; see `Call.links`) tell it; None where there are none.

    Who the customer is comes from the contacts, not from facts: it stays.
    """
    call = _told(row, facts)
    return call and msgspec.structs.replace(call, contact=row.call.contact)


def _told(row: CallRow, facts: Mapping[str, list[Fact]]) -> Call | None:
    own, call = facts.get(row.id), row.call
    if call.merged_into is not None:
        alone = None if call.links or not own else project(own).call
        return alone and msgspec.structs.replace(alone, merged_into=call.merged_into)
    if call.links:
        return tell(call.links, facts).call if any(facts.get(link.call_id) for link in call.links) else None
    return project(own).call if own else None


async def chosen(
    store: Store, accounts: Iterable[str], call_id: str | None, since: datetime | None
) -> AsyncIterator[list[tuple[str, str]]]:
    """The calls meant, page by page, as (account, call id)."""
    for account_id in accounts:
        if call_id is not None:
            if await store.get_call(account_id, call_id) is not None:
                yield [(account_id, call_id)]
            continue
        cursor: str | None = None
        while True:
            asked = CallQuery(since=since, merged=True, cursor=cursor, limit=BATCH)
            page = await store.list_calls(account_id, asked)
            yield [(account_id, row.id) for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
