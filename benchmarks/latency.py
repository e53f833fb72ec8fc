"""At 100 events a second: posting an event to its arrival at the receiver; alone and beside a hanging receiver."""

from benchmarks.bench import Figure, note, rig

RATE = 100.0
EVENTS = 1_500


async def run(runs: int) -> list[Figure]:
    p50, p99, beside = [], [], []
    for number in range(runs):
        note(f"latency at {RATE:g}/s, run {number + 1}")
        async with rig() as rigged:
            await rigged.server.webhook(rigged.hook)
            await rigged.generate(200, connections=4, rate=RATE)
            await rigged.reset()
            await rigged.generate(EVENTS, connections=4, rate=RATE)
            await rigged.all_recorded(EVENTS + 200)
            stats = await rigged.stats()
            p50.append(stats["p50_ms"])
            p99.append(stats["p99_ms"])
            note(f"  p50 {stats['p50_ms']:.2f} ms, p99 {stats['p99_ms']:.2f} ms")
        note(f"latency beside a hanging receiver, run {number + 1}")
        async with rig() as rigged:
            await rigged.server.webhook(rigged.hook)
            await rigged.server.webhook(rigged.hook.replace("/hook", "/hang"))
            await rigged.generate(EVENTS, connections=4, rate=RATE)
            stats = await rigged.stats()
            assert stats["count"] >= EVENTS * 0.99, stats
            beside.append(stats["p50_ms"])
            note(f"  p50 {stats['p50_ms']:.2f} ms")
    return [
        Figure("at 100/s, post to arrival, p50", "ms", p50, 5, 2),
        Figure("at 100/s, post to arrival, p99", "ms", p99, 25, 10),
        Figure("healthy receiver beside a hanging one, p50", "ms", beside, 50, 10),
    ]
