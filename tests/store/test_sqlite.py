import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aftercall.domain.errors import Unavailable
from aftercall.engine.ports import Collision
from aftercall.engine.rows import CallRow
from aftercall.store import sqlite as module
from aftercall.store.database import open_store
from aftercall.store.sqlite import Sqlite
from aftercall.store.store import SqlStore
from aftercall.store.vault import Vault
from tests.store import make
from tests.store.make import ACCOUNT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "aftercall.db"


@pytest.fixture
async def store(path: Path, vault: Vault) -> AsyncIterator[SqlStore]:
    store = await open_store(f"sqlite:///{path}", vault=vault)
    yield store
    await store.close()


def database(store: SqlStore) -> Sqlite:
    assert isinstance(store._database, Sqlite)
    return store._database


async def add(store: SqlStore, *rows: CallRow) -> None:
    async with store.begin() as work:
        await work.add_calls(rows)


async def test_a_file_is_open_in_one_process_at_a_time(store: SqlStore, path: Path, vault: Vault) -> None:
    with pytest.raises(RuntimeError, match="in use by another AfterCall process"):
        await open_store(f"sqlite:///{path}", vault=vault)


async def test_a_file_that_was_closed_can_be_opened_again(path: Path, vault: Vault) -> None:
    row = make.call_row()
    first = await open_store(f"sqlite+aiosqlite:///{path}", vault=vault)
    await add(first, row)
    await first.close()
    second = await open_store(f"sqlite:///{path}", vault=vault)
    assert await second.get_call(ACCOUNT, row.id) == row
    await second.close()


async def test_closing_leaves_one_file_without_a_log(path: Path, vault: Vault) -> None:
    store = await open_store(f"sqlite:///{path}", vault=vault)
    await add(store, make.call_row())
    await store.close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["aftercall.db", "aftercall.db.lock"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db"])
async def test_only_files_and_postgresql_are_databases(url: str, vault: Vault) -> None:
    with pytest.raises(ValueError, match="sqlite"):
        await open_store(url, vault=vault)


async def test_a_directory_that_cannot_be_written_is_said_so(vault: Vault) -> None:
    with pytest.raises(OSError, match="/proc"):
        await open_store("sqlite:////proc/aftercall.db", vault=vault)


async def test_commits_are_durable_and_the_log_is_synced(store: SqlStore) -> None:
    driver = database(store)._link.driver
    pragmas = {
        name: driver.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 0, "wal_autocheckpoint": 0}


async def test_a_full_disk_refuses_and_stores_nothing_half_until_there_is_room(store: SqlStore) -> None:
    await add(store, make.call_row(call_key="before"))
    pages = database(store)._link.driver.execute("PRAGMA page_count").fetchone()[0]
    database(store).limit(pages + 10)
    big = [make.call_row(call_key=f"big-{i}", fold=bytes(100_000)) for i in range(10)]
    with pytest.raises(Unavailable) as refused:
        await add(store, *big)
    assert refused.value.retry_after == 1
    assert [await store.get_call(ACCOUNT, row.id) for row in big] == [None] * 10
    database(store).limit(1_000_000)
    await add(store, *big)
    assert await store.get_call(ACCOUNT, big[9].id) == big[9]


async def test_whoever_shares_a_commit_with_one_that_fills_the_disk_is_told(store: SqlStore) -> None:
    pages = database(store)._link.driver.execute("PRAGMA page_count").fetchone()[0]
    database(store).limit(pages + 10)
    rows = [make.call_row(call_key=key) for key in ("first", "small")]
    big = make.call_row(call_key="big", fold=bytes(1_000_000))
    results = await asyncio.gather(*(add(store, row) for row in (*rows, big)), return_exceptions=True)
    stored = [await store.get_call(ACCOUNT, row.id) is not None for row in (*rows, big)]
    assert stored == [result is None for result in results] == [True, False, False]
    assert isinstance(results[1], Unavailable)


async def test_a_busy_database_is_waited_for(store: SqlStore, path: Path) -> None:
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    adding = asyncio.create_task(add(store, make.call_row()))
    await asyncio.sleep(0.1)
    assert not adding.done()
    foreign.rollback()
    foreign.close()
    await adding


async def test_a_database_that_stays_busy_is_unavailable(
    store: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftercall.store.group.BUSY_SECONDS", 0.05)
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await add(store, make.call_row())
    foreign.close()
    await add(store, make.call_row())


async def test_who_waits_together_shares_a_commit(store: SqlStore) -> None:
    rows = [make.call_row(call_key=str(i)) for i in range(10)]
    await asyncio.gather(*(add(store, row) for row in rows))
    assert database(store)._group.commits == 2  # of the first, and of those that came while it was under way
    assert [await store.get_call(ACCOUNT, row.id) for row in rows] == rows


async def test_one_that_fails_takes_nobody_along(store: SqlStore) -> None:
    rows = [make.call_row(call_key=key) for key in ("a", "b", "a", "c")]  # the third collides
    results = await asyncio.gather(*(add(store, row) for row in rows), return_exceptions=True)
    assert [type(r) for r in results] == [type(None), type(None), Collision, type(None)]
    stored = [await store.get_call(ACCOUNT, row.id) for row in rows]
    assert stored == [rows[0], rows[1], None, rows[3]]


@pytest.mark.parametrize("bad", [0, 2])
async def test_the_first_or_the_last_that_fails_takes_nobody_along(store: SqlStore, bad: int) -> None:
    await add(store, make.call_row(call_key="taken"))
    rows = [make.call_row(call_key="taken" if i == bad else str(i)) for i in range(3)]
    results = await asyncio.gather(*(add(store, row) for row in rows), return_exceptions=True)
    assert [i for i, r in enumerate(results) if isinstance(r, Collision)] == [bad]
    stored = [await store.get_call(ACCOUNT, row.id) is not None for row in rows]
    assert stored == [i != bad for i in range(3)]


@pytest.mark.parametrize("cancelled", [1, 2, 3])
async def test_one_that_is_cancelled_while_it_waits_leaves_nobody_waiting(
    store: SqlStore, cancelled: int
) -> None:
    tasks = [asyncio.create_task(add(store, make.call_row(call_key=str(i)))) for i in range(4)]
    for _ in range(cancelled):
        await asyncio.sleep(0)
    tasks[cancelled].cancel()
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    others = [r for i, r in enumerate(results) if i != cancelled]
    assert others == [None] * 3


async def test_the_log_starts_over_instead_of_growing(
    path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.01)
    monkeypatch.setattr(module, "WAL_PAGES", 50)
    store = await open_store(f"sqlite:///{path}", vault=vault)
    for i in range(200):
        await add(store, make.call_row(call_key=str(i), fold=bytes(50_000)))
    assert path.with_name("aftercall.db-wal").stat().st_size < 5_000_000  # of 10 MB that were written
    await store.close()


async def test_a_commit_survives_a_kill(path: Path, vault: Vault) -> None:
    """kill -9 right after a commit, and in the middle of the next transaction."""
    program = f"""
import asyncio, os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from aftercall.store.database import open_store
from aftercall.store.vault import Vault
from tests.store import make

async def main():
    store = await open_store({f"sqlite:///{path}"!r}, vault=Vault([bytes(32)]))
    async with store.begin() as work:
        await work.add_calls([make.call_row("cl_kept")])
    async with store.begin() as work:
        await work.add_calls([make.call_row("cl_lost", call_key="two")])
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=False)
    assert done.returncode == -9
    store = await open_store(f"sqlite:///{path}", vault=vault)
    assert await store.get_call(ACCOUNT, "cl_kept") is not None
    assert await store.get_call(ACCOUNT, "cl_lost") is None
    await store.close()


async def test_no_secret_reaches_the_file_in_the_clear(store: SqlStore, path: Path) -> None:
    from aftercall.domain.webhook import Auth

    await store.add_account(make.account())
    await store.add_webhook(
        make.webhook(
            auth=Auth(type="basic", username="ada", password="TOPSECRET1", secret="TOPSECRET2"),
            headers={"X-Key": "TOPSECRET3"},
            signing_secret="TOPSECRET4",
        )
    )
    await store.add_source(make.source(token="TOPSECRET5"))
    files = b"".join(p.read_bytes() for p in path.parent.iterdir())
    assert b"example.com/hook" in files
    assert b"TOPSECRET" not in files
