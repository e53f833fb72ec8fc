"""`rebuild`: records worked out anew from what was stored of the calls."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from aftercall.cli.shell import MISUSED, Failure, Where, configure, out, run, table
from aftercall.config import Config
from aftercall.engine.ports import Store
from aftercall.engine.rebuild import Difference

SHOWN = 200  # differences that are listed


def rebuild(
    where: Where | None = None,
    *,
    call: Annotated[str | None, Parameter(help="One call, by id.")] = None,
    since: Annotated[str | None, Parameter(help="Calls that began since: 12h, 7d, or a time.")] = None,
    all: Annotated[bool, Parameter(help="Every call.", negative=())] = False,
    account: Annotated[str | None, Parameter(help="Account id; default: all accounts.")] = None,
    write: Annotated[bool, Parameter(help="Correct the records instead of comparing.", negative=())] = False,
) -> None:
    """Work calls out anew from their stored facts and show what differs.

    Nothing is sent: a corrected record makes no events. SQLite: stop the server first.
    """
    if sum((call is not None, since is not None, all)) != 1:
        raise Failure("Name the calls with one of --call, --since, --all.", MISUSED)
    from aftercall.cli.look import moment

    from_ = datetime.fromisoformat(moment(since)) if since else None
    looked, found = run(_rebuild(configure(where), call, from_, account, write=write))
    rows = [
        (d.call_id, change["path"], _plain(change["old"]), _plain(change["new"]))
        for d in found[:SHOWN]
        for change in d.changes
    ]
    if rows:
        table(("call", "field", "stored", "from its facts"), rows)
    verb = "corrected" if write else "differ; --write corrects them"
    came_of_it = f"{len(found)} {verb}" if found else "all as they should be"
    out.print(f"Calls looked at: {looked}; {came_of_it}.")


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
