"""Mails a second by the email channel: over one kept connection, and over ten, to a mail server beside it."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import uvloop

from aftercall.channels.email.smtp import Smtp
from aftercall.domain.connection import Connection
from aftercall.domain.message import Email
from aftercall.net.address import AddressRules, networks
from aftercall.net.door import Door, DoorRules
from benchmarks.bench import Figure, listening, note, python
from tests.support.server import free_port

MAILS = 2_000
NOW = datetime.now(UTC)
# About what a summary with a short transcript has: 2 kB of text, 6 kB of HTML.
MAIL = Email(
    to="ann@example.org",
    subject="Answered call from +14085551234",
    text="Agent: Good morning.\nCustomer: Hello, this is Jürgen.\n" * 36,
    html="<!doctype html><html><body>"
    + "<p style='color:#222'>Hello, this is Jürgen.</p>\n" * 120
    + "</body></html>",
    category="service_implicit",
    call_id="cl_1",
)


async def run(runs: int) -> list[Figure]:
    port = free_port()
    server = await python("benchmarks.mailserver", str(port))
    one, ten = [], []
    try:
        await listening(port)
        for number in range(runs):
            note(f"email, run {number + 1}")
            one.append(await asyncio.to_thread(_rate, port, 1))
            ten.append(await asyncio.to_thread(_rate, port, 10))
            note(f"  {one[-1]:.0f}/s over one connection, {ten[-1]:.0f}/s over ten")
    finally:
        server.terminate()
        await server.wait()
    return [
        Figure("mails over one kept connection", "1/s", one, 200, 400, higher_is_better=True),
        Figure("mails over ten kept connections", "1/s", ten, 200, 400, higher_is_better=True),
    ]


def _rate(port: int, places: int) -> float:
    """On a loop like the server's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(port, places))


async def _measure(port: int, places: int) -> float:
    door = Door(DoorRules(addresses=AddressRules(networks("127.0.0.1"))))
    channel = Smtp(door)
    settings: dict[str, Any] = {
        "host": "127.0.0.1", "port": port, "security": "none", "from_address": "calls@example.com",
        "max_messages": 10_000,
    }  # fmt: skip
    to = Connection(
        id="cn_1", account_id="ac_1", channel="email", type="smtp", settings=settings, max_in_flight=places,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    numbers = iter(range(MAILS))

    async def send() -> None:
        for number in numbers:
            outcome = await channel.send(to, MAIL, f"dl_{number}", None, NOW)
            assert outcome.ok, outcome

    await channel.send(to, MAIL, "dl_first", None, NOW)
    started = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(places)))
    rate = MAILS / (time.perf_counter() - started)
    await channel.close()
    await door.close()
    return rate
