"""The call log of 1,000,000 calls: a filtered page and a number search, by API. The rows are written beforehand."""

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aftercall.config import Config
from aftercall.domain.call import Call
from aftercall.domain.emit import Speech
from aftercall.domain.fact import Agent, Named
from aftercall.engine.ids import new_id
from aftercall.engine.rows import CallRow
from aftercall.store.database import open_store
from aftercall.store.vault import Vault
from benchmarks.bench import Figure, note
from tests.support.server import Server

CALLS = 1_000_000
BATCH = 5_000
START = datetime(2026, 1, 1, tzinfo=UTC)
STATUSES = ("answered", "answered", "answered", "missed", "abandoned", "voicemail")


def row(account_id: str, source_id: str, n: int) -> CallRow:
    started = START + timedelta(seconds=n * 25)
    ended = started + timedelta(seconds=n % 600)
    call = Call(
        source_call_key=f"bench-{n}",
        phase="ended",
        direction="inbound" if n % 3 else "outbound",
        from_=f"+1408{n * 7919 % 10_000_000:07d}",
        to=f"+1669{n % 500:07d}",
        did=f"+1669{n % 500:07d}",
        status=STATUSES[n // 7 % 6],  # type: ignore[arg-type]
        started_at=started,
        ended_at=ended,
        duration_seconds=n % 600,
        queue=Named(f"q_{n % 20}", f"Queue {n % 20}"),
        agent=Agent(id=f"ag_{n % 200}", name=f"Agent {n % 200}"),
    )
    return CallRow(
        id=new_id("cl"), account_id=account_id, source_id=source_id, call_key=f"bench-{n}", generation=0,
        version=1, facts=1, call=call, speech=Speech(started, ended, completed_at=ended, sequence=2, revision=1),
        created_at=started, updated_at=ended,
    )  # fmt: skip


async def fill(folder: Path) -> None:
    config = Config(data=folder)
    store = await open_store(config.database, vault=Vault(config.secret_keys))
    account = (await store.list_accounts(None, 1)).items[0]
    source = (await store.list_sources(account.id, None, 1)).items[0]
    for start in range(0, CALLS, BATCH):
        async with store.begin() as work:
            await work.add_calls([row(account.id, source.id, n) for n in range(start, start + BATCH)])
        if start % 100_000 == 0:
            note(f"  {start:,} calls written")
    await store.close()


async def run(runs: int) -> list[Figure]:
    note(f"call log: writing {CALLS:,} calls")
    page, search, nothing = [], [], []
    with tempfile.TemporaryDirectory(prefix="aftercall-bench-") as name:
        folder = Path(name)
        async with Server(folder):
            pass  # founds the account
        await fill(folder)
        async with Server(folder) as server:
            for number in range(runs):
                page.append(
                    await timed(server, [f"/v1/calls?status=voicemail&queue=q_{n % 20}" for n in range(40)])
                )
                nothing.append(await timed(server, ["/v1/calls?status=voicemail&queue=nobody"] * 5))
                numbers = [f"{n * 7919 * 13 % 10_000_000:07d}" for n in range(40)]
                search.append(await timed(server, [f"/v1/calls?number={n}" for n in numbers]))
                note(
                    f"  run {number + 1}: page {page[-1]:.1f} ms, number {search[-1]:.1f} ms, "
                    f"nothing {nothing[-1]:.0f} ms"
                )
    return [
        Figure("call log of 1,000,000: filtered page", "ms", page, 50, 10),
        Figure("call log of 1,000,000: number search", "ms", search, 50, 10),
        Figure("call log of 1,000,000: filter that matches nothing", "ms", nothing, None, None),
    ]


async def timed(server: Server, paths: list[str]) -> float:
    """The median answer in milliseconds."""
    times = []
    for path in paths:
        start = time.perf_counter()
        status, answer = await server.ask("GET", path)
        times.append((time.perf_counter() - start) * 1000)
        assert status == 200, answer
    return statistics.median(times)
