"""`rebuild`: records worked out anew from what was stored of the calls."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from aftercall.cli.shell import MISUSED, Failure, Where, configure, out, run, table
from aftercall.config import Config
from aftercall.engine.ports import Store
from aftercall.engine.rebuild import Difference
from aftercall.engine.reread import Reread

SHOWN = 200  # differences that are listed


def rebuild(
    where: Where | None = None,
    *,
    call: Annotated[str | None, Parameter(help="One call, by id.")] = None,
    since: Annotated[str | None, Parameter(help="Calls that began since: 12h, 7d, or a time.")] = None,
    all: Annotated[bool, Parameter(help="Every call.", negative=())] = False,
    source: Annotated[
        str | None, Parameter(help="Read the kept input of this source again, by id; --since is optional.")
    ] = None,
    account: Annotated[str | None, Parameter(help="Account id; default: all accounts.")] = None,
    write: Annotated[bool, Parameter(help="Correct the records instead of comparing.", negative=())] = False,
) -> None:
    """Work calls out anew from their stored facts, or from what a source sent, and show what differs.

    Nothing is sent: a corrected record makes no events. SQLite: stop the server first.
    """
    from aftercall.cli.look import moment

    from_ = datetime.fromisoformat(moment(since)) if since else None
    if source is not None:
        if call is not None or all:
            raise Failure("With --source only --since can be given.", MISUSED)
        _show_reread(run(_reread(configure(where), source, from_, write=write)), write=write)
        return
    if sum((call is not None, since is not None, all)) != 1:
        raise Failure("Name the calls with one of --call, --since, --all.", MISUSED)
    looked, found = run(_rebuild(configure(where), call, from_, account, write=write))
    _show(found, "from its facts")
    verb = "corrected" if write else "differ; --write corrects them"
    came_of_it = f"{len(found)} {verb}" if found else "all as they should be"
    out.print(f"Calls looked at: {looked}; {came_of_it}.")


def _show(found: list[Difference], column: str) -> None:
    rows = [
        (d.call_id, change["path"], _plain(change["old"]), _plain(change["new"]))
        for d in found[:SHOWN]
        for change in d.changes
    ]
    if rows:
        table(("call", "field", "stored", column), rows)


def _show_reread(found: Reread, *, write: bool) -> None:
    _show(found.differences, "from its input")
    if found.unread:
        table(("input", "not read again"), found.unread[:SHOWN])
    done = "corrected" if write else "differ"
    made = "made" if write else "would be made"
    more = "" if write or not (found.differences or found.made) else " --write does it."
    out.print(
        f"Inputs read again: {found.inputs - len(found.unread)} of {found.inputs};"
        f" {len(found.differences)} calls {done}, {len(found.made)} {made}.{more}"
    )


async def _reread(config: Config, source_id: str, since: datetime | None, *, write: bool) -> Reread:
    from aftercall.cli.direct import exclusively
    from aftercall.engine.reread import reread
    from aftercall.sources import SOURCES, reader

    async with exclusively(config) as store:
        source = await store.find_source(source_id)
        settings = await store.settings(source.account_id) if source is not None else None
        if source is None or settings is None:
            raise Failure(f"There is no source {source_id}.")
        kind = SOURCES[source.type]
        return await reread(
            store, settings, source, reader(kind), kind.timing, since, datetime.now(UTC), write=write
        )


async def _rebuild(
    config: Config, call: str | None, since: datetime | None, account: str | None, *, write: bool
) -> tuple[int, list[Difference]]:
    from aftercall.cli.direct import account as find
    from aftercall.cli.direct import exclusively
    from aftercall.engine.rebuild import chosen
    from aftercall.engine.rebuild import rebuild as work_out

    looked, found = 0, []
    async with exclusively(config) as store:
        accounts = [(await find(store, account)).id] if account else await _every(store)
        async for page in chosen(store, accounts, call, since):
            looked += len(page)
            found += await work_out(store, page, datetime.now(UTC), write=write)
    if call is not None and not looked:
        raise Failure(f"There is no call {call}.")
    return looked, found


async def _every(store: Store) -> list[str]:
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.list_accounts(cursor, 200)
        ids += [account.id for account in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def _plain(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode().strip('"')
