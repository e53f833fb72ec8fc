"""kill -9 under load, restart: the time from the start of the new process until everything pending is sent."""

import asyncio
import time

from benchmarks.bench import Figure, note, rig

EVENTS = 12_000


async def run(runs: int) -> list[Figure]:
    seconds = []
    for number in range(runs):
        note(f"recovery after kill -9, run {number + 1}")
        async with rig() as rigged:
            # Held back by its rate limit, so that much is pending when the process dies.
            webhook = await rigged.server.webhook(rigged.hook, rate_limit=500)
            await rigged.generate(EVENTS // 4, connections=16)
            await rigged.server.ask("PATCH", f"/v1/webhooks/{webhook['id']}", {"rate_limit": 0})
            await rigged.server.kill()
            start = time.monotonic()
            await rigged.server.start(wait=False)
            while (await rigged.stats())["distinct"] < EVENTS // 4:
                await asyncio.sleep(0.02)
            seconds.append(time.monotonic() - start)
            stats = await rigged.stats()
            note(f"  {seconds[-1]:.2f} s, {stats['repeats']} repeats")
    return [Figure("recovery after kill -9 and restart, all pending sent", "s", seconds, 5, 2)]
