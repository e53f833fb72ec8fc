"""Asterisk: how many events a second become facts, and what 200 concurrent calls cost the whole server."""

import asyncio
import time

from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.reader import Reader
from benchmarks.bench import Figure, Rig, note, python, rig
from tests.sources.asterisk.captures import ALL, DIALPLAN, NOW, stream

ROUNDS = 20
PIECE = 4096  # bytes read at once
CALLS = 200
WARM, WINDOW = 15.0, 20.0  # seconds
SECRET = "secret-of-the-benchmark"


async def run(runs: int) -> list[Figure]:
    events, share = [], []
    for number in range(runs):
        events.append(read_alone())
        note(f"Asterisk, run {number + 1}: {events[-1]:,.0f} events/s read")
        async with rig() as rigged:
            share.append(await concurrent(rigged))
        note(f"  {CALLS} calls at once: {share[-1]:.1f} % of a core")
    return [
        Figure(
            "Asterisk: events read, captures as they are", "1/s", events, 50_000, None, higher_is_better=True
        ),
        Figure(f"Asterisk: {CALLS} calls at once, CPU of the whole server", "% of a core", share, 50, None),
    ]


def read_alone() -> float:
    """Events per second of CPU: bytes to facts, all that the PBX said, in pieces as a socket gives them."""
    told = [stream(name) for name in ALL]
    count = sum(len(Framer().feed(data)) for data in told) * ROUNDS
    start = time.process_time()
    for _ in range(ROUNDS):
        for data in told:
            reader = Reader(DIALPLAN)
            for at in range(0, len(data), PIECE):
                reader.feed(data[at : at + PIECE], NOW)
    return count / (time.process_time() - start)


async def concurrent(rigged: Rig) -> float:
    """Percent of one core, of reading, storing and projecting so many calls in their own time."""
    pbx = await python("benchmarks.pbx", str(CALLS), SECRET, stdout=True)
    try:
        assert pbx.stdout is not None
        settings = {"host": "127.0.0.1", "port": int(await pbx.stdout.readline()), "username": "aftercall"}
        source = await rigged.server.made("/v1/sources", {
            "type": "asterisk", "secret": SECRET, "settings": settings | {"dialplan": {"agents": r"10\d"}},
        })  # fmt: skip
        await asyncio.sleep(WARM)
        cpu, start = rigged.cpu_seconds(), time.perf_counter()
        await asyncio.sleep(WINDOW)
        spent, lasted = rigged.cpu_seconds() - cpu, time.perf_counter() - start
        _, shown = await rigged.server.ask("GET", f"/v1/sources/{source['id']}")
        assert shown["connection"]["state"] == "connected", shown
        note(f"  {shown['connection']['events_per_second']:.0f} events/s heard")
        _, page = await rigged.server.ask("GET", "/v1/calls?limit=100&status=answered")
        assert len(page["items"]) == 100, "calls are not recorded as they end"
    finally:
        pbx.terminate()
        await pbx.wait()
    return 100 * spent / lasted
