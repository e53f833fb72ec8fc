"""One source's connection in this node's hands: made, made again when it is lost, watched, let go of."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Problem, Unavailable
from aftercall.domain.fact import Fact, Kind
from aftercall.engine.inflow import Inflow
from aftercall.engine.liveness import sign_of_life
from aftercall.engine.ports import Clock, Store
from aftercall.engine.upstream import Dial, LiveType, Lost, Refused

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds before it is tried again
REFUSED_WAIT = 120.0  # likewise, after a refused login
STEADY = timedelta(seconds=10)  # a connection that lasted so long starts the waits anew
DRAIN = 5.0  # seconds for what was heard to be committed when the connection is let go of
MAX_GAPS = 20  # that are remembered
WINDOW = 10.0  # seconds over which events are counted
SILENT = timedelta(hours=1)  # after which a call that says nothing is said to be alive
GAP = "gap"  # the flag of a call of which something was missed
OLDEST = timedelta(days=1)  # calls that started before are not looked for after a gap

State = Literal["connected", "connecting", "refused", "elsewhere"]


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """How a source's connection is doing; `elsewhere`: another node holds it and knows more.

    `error` is why it was lost or could not be made last. Events per second over some ten seconds.
    """

    state: State
    since: datetime | None = None
    last_event_at: datetime | None = None
    error: str | None = None
    events_per_second: float | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a connection that had been there was not; `until` is null while it lasts."""

    since: datetime
    until: datetime | None
    error: str | None


class Holding:
    """Is the `Upstream` that the source's type talks to. The connection is held from the moment it is made."""

    def __init__(self, kind: LiveType, inflow: Inflow, store: Store, clock: Clock, dial: Dial) -> None:
        self.dial, self.clock = dial, clock
        self._kind, self._inflow, self._store = kind, inflow, store
        self._state: State = "connecting"
        self._since = clock.now()
        self._error: str | None = None
        self._last: datetime | None = None
        self._meter = Meter()
        self._gaps: deque[Gap] = deque(maxlen=MAX_GAPS)
        self._leaving = False
        self._task = asyncio.create_task(self._run(), name=f"connection-{self.source.id}")

    @property
    def source(self) -> Source:
        return self._inflow.source

    @property
    def gone(self) -> bool:
        return self._task.done()

    def serves(self, source: Source) -> bool:
        """Whether a changed source can go on with this connection; if so, it does. A new name is no gap."""
        if _line(source) != _line(self.source):
            return False
        self._inflow.source = source
        return True

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The latest ones, the newest first."""
        return tuple(reversed(self._gaps))

    def let_go(self) -> None:
        """End the connection, commit what it told, be gone."""
        if not self._leaving:
            self._leaving = True
            self._task.cancel()

    async def until_gone(self) -> None:
        await asyncio.gather(self._task, return_exceptions=True)

    def status(self) -> Connection:
        return Connection(
            state=self._state,
            since=self._since,
            last_event_at=self._last,
            error=self._error,
            events_per_second=self._meter.rate() if self._state == "connected" else None,
        )

    async def open_calls(self) -> dict[str, frozenset[str]]:
        await self._inflow.emptied()
        account_id, since = self.source.account_id, self.clock.now() - OLDEST
        found: dict[str, frozenset[str]] = {}
        for key, call_id in await self._store.open_calls(account_id, self.source.id, since):
            records = await self._records(account_id, call_id)
            if call_id == records[0]:
                legs = [_open_legs(await self._store.call_facts(account_id, id_)) for id_ in records]
                found[key] = frozenset().union(*legs)
        return found

    async def _records(self, account_id: str, call_id: str) -> list[str]:
        """Those of this source that are one call with it (H8): the PBX knows them by the first one's key."""
        row = await self._store.get_call(account_id, call_id)
        while row is not None and row.call.merged_into is not None:
            row = await self._store.get_call(account_id, row.call.merged_into)
        links = row.call.links if row is not None else ()
        return [link.call_id for link in links if link.source_id == self.source.id] or [call_id]

    async def deliver(self, facts: Sequence[Fact]) -> None:
        await self._inflow.put(facts)

    async def say_alive(self) -> None:
        """A call of a PBX whose connection has been up is alive, however long nothing happens in it (H4).

        Its end would have been told. Not so where something was missed: the watchdog looks after those calls.
        """
        now = self.clock.now()
        if self._state != "connected" or now - self._since < SILENT:
            return
        await self._inflow.emptied()
        account_id = self.source.account_id
        for key, call_id in await self._store.open_calls(account_id, self.source.id, now - OLDEST):
            row = await self._store.get_call(account_id, call_id)
            if row is not None and now - row.updated_at >= SILENT and GAP not in row.call.data_quality:
                await self._inflow.put([sign_of_life(key, now)])

    def connected(self) -> None:
        if self._gaps and self._gaps[-1].until is None:
            self._gaps[-1] = msgspec.structs.replace(self._gaps[-1], until=self.clock.now())
        self._show("connected", None)
        log.info("source_connected", extra={"source_id": self.source.id})

    def heard(self, events: int) -> None:
        self._last = self.clock.now()
        self._meter.count(events)

    async def _run(self) -> None:
        committing = asyncio.create_task(self._inflow.run(), name=f"inflow-{self.source.id}")
        watching = asyncio.create_task(self._watch(), name=f"alive-{self.source.id}")
        try:
            await self._keep()
        finally:
            watching.cancel()
            await self._inflow.drain(DRAIN)
            committing.cancel()
            await asyncio.gather(committing, watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(SILENT.total_seconds() / 2)
            try:
                await self.say_alive()
            except Unavailable:
                log.warning("calls_not_looked_at", extra={"source_id": self.source.id})

    async def _keep(self) -> None:
        failures = 0
        while True:
            refused, error = await self._once()
            if self._state == "connected":
                self._gaps.append(Gap(since=self.clock.now(), until=None, error=error))
                self._inflow.lost()
            lasted = self._state == "connected" and self.clock.now() - self._since >= STEADY
            failures = 0 if lasted else failures + 1
            self._show("refused" if refused else "connecting", error)
            extra = {"source_id": self.source.id, "error": error}
            log.warning("source_refused" if refused else "source_disconnected", extra=extra)
            longest = REFUSED_WAIT if refused else min(FIRST_WAIT * 2 ** min(failures, 10), LONGEST_WAIT)
            await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311  # spreads, protects nothing

    async def _once(self) -> tuple[bool, str]:
        """One connection; whether it was refused, and why it is no more."""
        try:
            await self._kind.run(self.source, self)
        except Lost as lost:
            return isinstance(lost, Refused), str(lost)
        except Problem as problem:
            return False, problem.message
        except Exception:
            log.exception("connection_failed", extra={"source_id": self.source.id})
            return False, "something went wrong here; the server's log has the details"
        return False, "the connection ended"

    def _show(self, state: State, error: str | None) -> None:
        if state != self._state:
            self._state, self._since = state, self.clock.now()
        self._error = error


class Meter:
    """Events per second: those of the last whole window, or of the one that runs while it is the first."""

    def __init__(self) -> None:
        self._began = asyncio.get_running_loop().time()
        self._counted, self._before = 0, 0.0

    def count(self, events: int) -> None:
        self._turn()
        self._counted += events

    def rate(self) -> float:
        self._turn()
        return round(max(self._before, self._counted / WINDOW), 1)

    def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._began >= WINDOW:
            self._before = self._counted / (now - self._began)
            self._began, self._counted = now, 0


def _open_legs(facts: Sequence[Fact]) -> frozenset[str]:
    over = {fact.leg for fact in facts if fact.kind is Kind.ENDED}
    return frozenset(f.leg for f in facts if f.leg and f.line is not None and f.leg not in over)


def _line(source: Source) -> tuple[object, ...]:
    """What a connection depends on."""
    return source.type, source.settings, source.token, source.fields, source.direction
