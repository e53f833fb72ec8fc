"""Texts through a whole server: a call in, planned, guarded, decided, sent to an HTTP gateway, recorded (S1, S3, S5).

Sustained, and at 100 calls a second beside a second provider that never answers. The gateway is the receiver of
the webhooks' benchmarks; when the call was posted stands in the text.
"""

import time
from typing import Any

from benchmarks.bench import Figure, Rig, note, rig
from tests.support.written import connect

CALLS = 10_000  # two from each number: more than five texts a day, and the guard would stop them
WARM_UP = 1_000
RATE = 100.0
STEADY = 1_500
WORDS = "Thank you for calling. Jordan will ring you back: +{{ call.custom_fields.sent_ns }}"


def gateway(url: str) -> dict[str, Any]:
    """`webhook-id` and `sent_ns` are what the receiver counts by."""
    return {
        "url": url,
        "headers": {"webhook-id": "{{ reference }}"},
        "json": {
            "to": "{{ to }}",
            "from": "{{ sender }}",
            "text": "{{ text }}",
            "sent_ns": "{{ text | digits }}",
        },
    }


async def text_callers(rigged: Rig, url: str, number: str) -> None:
    """Everybody who was talked to gets a text from this number."""
    server = rigged.server
    connection = await connect(server, "generic", gateway(url), max_in_flight=64)
    sender = await server.made("/v1/senders", {
        "connection_id": connection["id"], "value": number, "kind": "long_code", "a2p": {"registered": True},
    })  # fmt: skip
    template = await server.made("/v1/message-templates", {
        "name": number, "channel": "sms", "category": "service_implicit", "text": WORDS,
    })  # fmt: skip
    await server.made("/v1/rules", {
        "channel": "sms", "events": ["answered"], "recipients": "caller", "sender_id": sender["id"],
        "template_id": template["id"],
    })  # fmt: skip


async def sustained(rigged: Rig) -> tuple[float, float]:
    """Texts a second from the first post to the last result recorded; CPU microseconds each."""
    await rigged.generate(WARM_UP)
    await rigged.all_recorded(WARM_UP)
    await rigged.reset()
    cpu, start = rigged.cpu_seconds(), time.monotonic()
    posted = await rigged.generate(CALLS)
    await rigged.all_recorded(WARM_UP + CALLS)
    seconds, spent = time.monotonic() - start, rigged.cpu_seconds() - cpu
    stats = await rigged.stats()
    assert posted["accepted"] == CALLS, posted
    assert (stats["distinct"], stats["repeats"]) == (CALLS, 0), stats
    note(f"  {CALLS / seconds:,.0f}/s, {spent / CALLS * 1e6:,.0f} us CPU, {rigged.peak_mb():.0f} MB")
    return CALLS / seconds, spent / CALLS * 1e6


async def steady(*, hanging: bool) -> tuple[float, float]:
    """Milliseconds (p50, p99) from the post of a call to its text at the gateway that answers."""
    async with rig() as rigged:
        await text_callers(rigged, rigged.hook, "+14085560101")
        if hanging:
            await text_callers(rigged, rigged.hook.replace("/hook", "/hang"), "+14085560102")
        await rigged.generate(200, connections=4, rate=RATE)
        await rigged.reset()
        await rigged.generate(STEADY, connections=4, rate=RATE)
        stats = await rigged.stats()
        assert stats["count"] >= STEADY * 0.99, stats
        note(f"  p50 {stats['p50_ms']:.2f} ms, p99 {stats['p99_ms']:.2f} ms")
        return stats["p50_ms"], stats["p99_ms"]


async def run(runs: int) -> list[Figure]:
    rates, cpu = [], []
    alone: list[tuple[float, float]] = []
    beside: list[tuple[float, float]] = []
    for number in range(runs):
        note(f"texts, run {number + 1}")
        async with rig() as rigged:
            await text_callers(rigged, rigged.hook, "+14085560101")
            rate, us = await sustained(rigged)
            rates.append(rate)
            cpu.append(us)
        note(f"texts at {RATE:g}/s, run {number + 1}")
        alone.append(await steady(hanging=False))
        note(f"the same beside a provider that never answers, run {number + 1}")
        beside.append(await steady(hanging=True))
    return [
        Figure("call in, text out by HTTP, recorded", "per s", rates, None, None, higher_is_better=True),
        Figure("CPU per text, whole process", "us", cpu, None, None),
        Figure("at 100/s, call to text at the gateway, p50", "ms", [p50 for p50, _ in alone], None, None),
        Figure("at 100/s, call to text at the gateway, p99", "ms", [p99 for _, p99 in alone], None, None),
        Figure(
            "the same beside a provider that never answers, p50", "ms", [p50 for p50, _ in beside], 50, 10
        ),
        Figure(
            "the same beside a provider that never answers, p99", "ms", [p99 for _, p99 in beside], None, None
        ),
    ]
