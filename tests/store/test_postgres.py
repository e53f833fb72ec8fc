import asyncio

import pytest
from sqlalchemy import func, select

from aftercall.domain.errors import Unavailable
from aftercall.store.accounts import raise_version
from aftercall.store.database import open_store
from aftercall.store.link import Link
from aftercall.store.store import SqlStore
from aftercall.store.vault import Vault
from tests.store import make
from tests.store.make import ACCOUNT
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.postgres


async def add(store: SqlStore, key: str) -> None:
    async with store.begin() as work:
        await work.add_calls([make.call_row(call_key=key)])


async def test_a_server_that_is_away_is_unavailable_and_heals_by_itself(
    postgres_server: PostgresServer, vault: Vault
) -> None:
    store = await open_store(postgres_server.url(), vault=vault)
    await add(store, "before")
    heard: asyncio.Queue[None] = asyncio.Queue()
    listening = asyncio.create_task(store.listen(lambda: heard.put_nowait(None)))
    await asyncio.wait_for(heard.get(), 10)
    await asyncio.to_thread(postgres_server.stop, immediate=True)
    for attempt in (add(store, "away"), store.backlog()):
        with pytest.raises(Unavailable) as refused:
            await attempt
        assert refused.value.retry_after == 1
    await asyncio.to_thread(postgres_server.start)
    await add(store, "after")
    await asyncio.wait_for(heard.get(), 10)  # the listener is back, and looks for what it may have missed
    listening.cancel()
    await store.close()


async def test_a_restart_between_two_transactions_goes_unnoticed(
    postgres_server: PostgresServer, vault: Vault
) -> None:
    store = await open_store(postgres_server.url(), vault=vault)
    await asyncio.gather(*(add(store, f"before-{i}") for i in range(8)))
    await asyncio.to_thread(postgres_server.restart)
    await asyncio.gather(*(add(store, f"after-{i}") for i in range(8)))
    await asyncio.to_thread(postgres_server.restart)
    assert await store.backlog() == {"pending": 0, "held": 0}
    await store.close()


async def test_a_server_that_goes_in_the_middle_of_a_transaction_is_unavailable(
    postgres_server: PostgresServer, vault: Vault
) -> None:
    store = await open_store(postgres_server.url(), vault=vault)
    row, other = make.call_row(), make.call_row(call_key="two")

    async def interrupted() -> None:
        async with store.begin() as work:
            await work.add_calls([row])
            await asyncio.to_thread(postgres_server.restart, immediate=True)
            await work.add_calls([other])

    with pytest.raises(Unavailable):
        await interrupted()
    assert await store.get_call(ACCOUNT, row.id) is None
    await store.close()


async def test_a_server_nobody_runs_is_unavailable(vault: Vault) -> None:
    with pytest.raises(Unavailable):
        await open_store("postgresql://nobody@127.0.0.1:1/none", vault=vault)


async def test_two_that_lock_the_same_rows_crosswise_both_get_through(
    postgres_database: str, vault: Vault
) -> None:
    store = await open_store(postgres_database, vault=vault)
    both = asyncio.Barrier(2)
    tries = 0

    def crosswise(link: Link, first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        for name in (first, second):
            raise_version(link, name)
            link.all(select(func.pg_sleep(0.3)))

    async def write(first: str, second: str) -> None:
        await store.add_account(make.account(first))
        await both.wait()
        await store._database.write(crosswise, first, second)

    await asyncio.gather(write("ac_a", "ac_b"), write("ac_b", "ac_a"))
    assert tries == 3
    assert [await store.settings_version(name) for name in ("ac_a", "ac_b")] == [3, 3]
    await store.close()


async def test_the_engines_connections_keep_to_their_plans(postgres_database: str, vault: Vault) -> None:
    names = ("jit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "statement_timeout")
    store = await open_store(postgres_database, vault=vault)
    shown = await store._database.read(Link.all, select(*(func.current_setting(name) for name in names)))
    assert tuple(shown[0]) == ("off", "off", "off", "off", "30s")
    await store.close()


async def test_errors_hold_no_values(postgres_server: PostgresServer, vault: Vault) -> None:
    """They are logged; numbers and texts never are."""
    store = await open_store(postgres_server.url(), vault=vault)
    with pytest.raises(Exception, match="invalid byte sequence") as raised:
        await store.find_suppressions(ACCOUNT, ["+14085551234\0"])
    assert "+14085551234" not in str(raised.value)
    await store.close()
