"""Short calls at 100/s, alone and beside one call of 10,000 facts that receives another every 20 ms.

The long call is a conference of four hours: people are rung, answer, press a key and leave again.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.bench import Figure, Rig, note, rig

RATE = 100.0
EVENTS = 1_500
FACTS = 10_000
EVERY = 0.02  # seconds
AT_ONCE = 500  # facts in a request, until the call has FACTS
START = datetime(2026, 11, 20, 8, tzinfo=UTC)
STEP = timedelta(seconds=4 * 3600 / FACTS)
ROUND = ("call.agent_dialed", "call.agent_answered", "call.dtmf", "call.disconnected")


def fact(n: int) -> dict[str, Any]:
    """The call's n-th fact."""
    person, at = n // len(ROUND), START + n * STEP
    told = {
        "event": ROUND[n % len(ROUND)] if n else "call.received", "call_id": "conference", "event_id": f"f{n}",
        "occurred_at": at.isoformat(), "from": "+14085551234", "to": "+14085559876",
    }  # fmt: skip
    if told["event"] == "call.dtmf":
        return told | {"digit": str(person % 10)}
    return told | {
        "leg_id": f"leg-{person}",
        "agent": {"id": f"ag_{person % 50}", "name": f"Agent {person % 50}"},
    }


async def fill(rigged: Rig) -> float:
    """Seconds to take in the first FACTS."""
    begun = time.monotonic()
    for first in range(0, FACTS, AT_ONCE):
        status, answer = await rigged.server.ask(
            "POST", "/v1/events", [fact(n) for n in range(first, first + AT_ONCE)]
        )
        assert status == 200, answer
        assert all(item["status"] == "accepted" for item in answer["results"]), answer
    return time.monotonic() - begun


async def go_on(rigged: Rig, taken: list[float]) -> None:
    """One fact every 20 ms until cancelled; how long each took to be accepted, in ms."""
    n, due = FACTS, time.monotonic()
    while True:
        begun = time.monotonic()
        status, answer = await rigged.server.ask("POST", "/v1/events", fact(n))
        assert status in (200, 202), answer
        taken.append((time.monotonic() - begun) * 1000)
        n, due = n + 1, due + EVERY
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def neighbours(rigged: Rig) -> tuple[dict[str, Any], float]:
    """What the receiver saw of the short calls, and the server's CPU meanwhile."""
    await rigged.generate(200, connections=4, rate=RATE)
    await rigged.reset()
    cpu = rigged.cpu_seconds()
    await rigged.generate(EVENTS, connections=4, rate=RATE)
    return await rigged.stats(), rigged.cpu_seconds() - cpu


async def run(runs: int) -> list[Figure]:
    p50, p99, own, taking, memory = [], [], [], [], []
    for number in range(runs):
        note(f"short calls alone, run {number + 1}")
        async with rig() as rigged:
            await rigged.server.webhook(rigged.hook)
            alone, cpu_alone = await neighbours(rigged)
            note(f"  p50 {alone['p50_ms']:.2f} ms, p99 {alone['p99_ms']:.2f} ms")
        note(f"beside a call of {FACTS:,} facts, run {number + 1}")
        async with rig() as rigged:
            await rigged.server.webhook(rigged.hook)
            taking.append(FACTS / await fill(rigged))
            taken: list[float] = []
            talking = asyncio.create_task(go_on(rigged, taken))
            beside, cpu = await neighbours(rigged)
            talking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talking
            p50.append(beside["p50_ms"] - alone["p50_ms"])
            p99.append(beside["p99_ms"] - alone["p99_ms"])
            own.append((cpu - cpu_alone) / (EVENTS / RATE / EVERY) * 1e6)
            memory.append(rigged.peak_mb())
            taken.sort()
            note(
                f"  p50 {beside['p50_ms']:.2f} ms, p99 {beside['p99_ms']:.2f} ms; {len(taken)} facts accepted in "
                f"p50 {taken[len(taken) // 2]:.2f} ms, p99 {taken[len(taken) * 99 // 100]:.2f} ms, "
                f"{own[-1]:,.0f} us CPU each; before, {taking[-1]:,.0f}/s; {memory[-1]:.0f} MB"
            )
    return [
        Figure("a call of 10,000 facts adds to its neighbours' p50", "ms", p50, None, None),
        Figure("a call of 10,000 facts adds to its neighbours' p99", "ms", p99, None, None),
        Figure("one more fact of a call of 10,000, whole process", "us CPU", own, None, None),
        Figure(
            "facts of one long call taken in, 500 a request",
            "per s",
            taking,
            None,
            None,
            higher_is_better=True,
        ),
        Figure("peak memory beside it", "MB", memory, 200, 150),
    ]
