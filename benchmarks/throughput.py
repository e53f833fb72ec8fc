"""Sustained: one JSON event in, signed webhook out, result recorded. One webhook, and 200 over 20 accounts."""

import time

from benchmarks.bench import Figure, Rig, note, rig

EVENTS = 20_000
WARM_UP = 1_000


async def one_webhook(rigged: Rig) -> None:
    await rigged.server.webhook(rigged.hook)


async def spread(rigged: Rig) -> list[str]:
    """200 webhooks in 20 accounts, each filtering on its own number; an API key an account."""
    keys = []
    for account in range(20):
        made = await rigged.server.made("/v1/accounts", {"name": f"Account {account}"})
        key = await rigged.server.made(f"/v1/accounts/{made['id']}/keys", {"name": "bench"})
        keys.append(key["key"])
        for webhook in range(10):
            number = f"+1408600{account * 10 + webhook:04d}"
            body = {
                "type": "after_call", "url": rigged.hook, "rate_limit": 0, "triggers": ["call.completed"],
                "filters": {"numbers": [number]},
            }  # fmt: skip
            status, answer = await rigged.server.ask(
                "POST", "/v1/webhooks", body, Authorization=f"Bearer {key['key']}"
            )
            assert status == 201, answer
    return keys


async def sustained(rigged: Rig, keys: list[str] | None, targets: int) -> tuple[float, float, float]:
    """Deliveries a second from the first post to the last result recorded; CPU microseconds each; peak MB."""
    await rigged.generate(WARM_UP, keys=keys, targets=targets)
    await rigged.all_recorded(WARM_UP)
    await rigged.reset()
    cpu, start = rigged.cpu_seconds(), time.monotonic()
    posted = await rigged.generate(EVENTS, keys=keys, targets=targets)
    await rigged.all_recorded(WARM_UP + EVENTS)
    seconds = time.monotonic() - start
    spent = rigged.cpu_seconds() - cpu
    stats = await rigged.stats()
    assert posted["accepted"] == EVENTS, posted
    assert stats["distinct"] == EVENTS, stats
    note(f"  {EVENTS / seconds:,.0f}/s, {spent / EVENTS * 1e6:,.0f} us CPU, {rigged.peak_mb():.0f} MB")
    return EVENTS / seconds, spent / EVENTS * 1e6, rigged.peak_mb()


async def run(runs: int) -> list[Figure]:
    one, cpu, memory, many = [], [], [], []
    for number in range(runs):
        note(f"throughput, one webhook, run {number + 1}")
        async with rig() as rigged:
            await one_webhook(rigged)
            rate, us, mb = await sustained(rigged, None, 1)
            one.append(rate)
            cpu.append(us)
            memory.append(mb)
        note(f"throughput, 200 webhooks in 20 accounts, run {number + 1}")
        async with rig() as rigged:
            keys = await spread(rigged)
            rate, _, mb = await sustained(rigged, keys, 200)
            many.append(rate)
            memory.append(mb)
    return [
        Figure(
            "event in, webhook out, recorded: one webhook", "per s", one, 3000, 8000, higher_is_better=True
        ),
        Figure("the same over 200 webhooks, 20 accounts", "per s", many, 3000, 8000, higher_is_better=True),
        Figure("CPU per delivery, whole process", "us", cpu, 300, 120),
        Figure("peak memory under load", "MB", memory, 200, 150),
    ]
