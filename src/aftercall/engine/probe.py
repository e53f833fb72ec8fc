"""Testing a source: a sample call for one that takes requests, a connection for one that keeps one (R1)."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import NotFound, Problem
from aftercall.domain.fact import Data, Fact, Kind
from aftercall.engine.accept import Item
from aftercall.engine.enrich import enrich
from aftercall.engine.ids import ulid
from aftercall.engine.intake import Intake
from aftercall.engine.ports import Clock
from aftercall.engine.rows import Settings
from aftercall.engine.upstream import Dial, LiveType, Lost

DEADLINE = 10.0  # seconds for a connection
LASTED = timedelta(seconds=61)


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    message: str
    call_id: str | None = None
    took_ms: float


async def sample_events(source: Source, settings: Settings | None, intake: Intake, now: datetime) -> Probed:
    """An answered call of a minute that has just ended. Raises what the intake raises."""
    if settings is None:
        raise NotFound("There is no such account.")
    began = time.perf_counter()
    items = [Item(source.account_id, source, enrich(fact, settings)) for fact in sample_call(source, now)]
    results = await intake.accept(items)
    for result in results:
        if isinstance(result, Problem):
            raise result
    [call_id] = {result.call_id for result in results if not isinstance(result, Problem)}
    message = "A sample call was stored; webhooks that want such calls get it, marked is_test."
    return Probed(ok=True, message=message, call_id=call_id, took_ms=_since(began))


def sample_call(source: Source, now: datetime) -> list[Fact]:
    key = f"test-{ulid()}"
    ended = now.replace(microsecond=0)
    direction = source.direction or "inbound"
    us, them = "+14085559876", "+14085551234"
    data = Data(
        direction=direction,
        from_=them if direction == "inbound" else us,
        to=us if direction == "inbound" else them,
        status="answered",
        started_at=ended - LASTED,
        connected_at=ended - LASTED + timedelta(seconds=9),
        ended_at=ended,
        is_test=True,
        final=True,
    )
    return [
        Fact(kind=Kind.COMPLETED, call_key=key, occurred_at=ended, natural_id=key, received_at=now, data=data)
    ]


async def try_connection(kind: LiveType, source: Source, dial: Dial, clock: Clock) -> Probed:
    """Connect and log in as the source would, then hang up. What is heard meanwhile is thrown away."""
    visitor = Visitor(dial, clock)
    began = time.perf_counter()
    running = asyncio.create_task(kind.run(source, visitor), name=f"probe-{source.id}")
    reached = asyncio.create_task(visitor.reached.wait())
    try:
        await asyncio.wait([running, reached], timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        if visitor.reached.is_set():
            return Probed(ok=True, message="Connected and logged in.", took_ms=_since(began))
        message = _why(running) if running.done() else f"No connection within {DEADLINE:g} s."
        return Probed(ok=False, message=message, took_ms=_since(began))
    finally:
        running.cancel()
        reached.cancel()
        await asyncio.gather(running, reached, return_exceptions=True)


def _why(running: asyncio.Task[None]) -> str:
    error = running.exception()
    if isinstance(error, Lost):
        return str(error)
    if isinstance(error, Problem):
        return error.message
    if error is not None:
        raise error
    return "The connection ended."


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


class Visitor:
    """An `Upstream` that only wants to know whether the connection can be made."""

    def __init__(self, dial: Dial, clock: Clock) -> None:
        self.dial, self.clock = dial, clock
        self.reached = asyncio.Event()

    async def open_calls(self) -> dict[str, frozenset[str]]:
        return {}

    async def deliver(self, facts: Sequence[Fact]) -> None:
        """Not ours: the source's own connection hears the same."""

    def connected(self) -> None:
        self.reached.set()

    def heard(self, events: int) -> None:
        """Likewise."""
