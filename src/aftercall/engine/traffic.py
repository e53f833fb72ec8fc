"""How much each source sends and what becomes of it: counted in memory, written down every few seconds (R1).

A node adds up its own hours and replaces its own rows, so that the sum over all nodes is always right, and
nothing is paid for a single event.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aftercall.domain.account import Source
from aftercall.domain.errors import Problem
from aftercall.engine.accept import Taken
from aftercall.engine.input_rows import Counts, Hour, HourRow, What
from aftercall.engine.metrics import Metrics
from aftercall.engine.ports import Clock

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds between writings
KEPT = timedelta(days=31)
MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ARRIVED = frozenset({"taken", "duplicate", "ignored", "unparsable"})


class TrafficLog(Protocol):
    """The store, as far as this is concerned."""

    async def put_traffic(self, rows: Sequence[HourRow]) -> None: ...

    async def traffic(self, account_id: str, source_id: str, since: int) -> list[HourRow]: ...


class Tally:
    """One source on this node."""

    def __init__(self, account_id: str, source_id: str) -> None:
        self.account_id, self.source_id = account_id, source_id
        self.hour = Hour(0)
        self.unwritten: dict[int, Hour] = {}
        self.writing: dict[int, Hour] = {}  # on their way into the store at this moment
        self._before = Counts()  # of the hours that are over
        self._minute, self._until = 0, EPOCH  # the minute of the hour that was counted in last, and its end

    @property
    def total(self) -> Counts:
        """Since the node started."""
        total = Counts()
        total.merge(self._before)
        total.merge(self.hour.counts)
        return total

    def count(self, what: What, count: int, now: datetime) -> None:
        if not count:
            return
        if now >= self._until:
            self._turn(now)
        hour = self.unwritten[self.hour.number] = self.hour
        hour.counts.add(what, count)
        if what in ARRIVED:
            hour.minutes[self._minute] += count
            hour.last_at = now

    def _turn(self, now: datetime) -> None:
        number, self._minute = divmod(int(now.timestamp()) // 60, 60)
        self._until = now.replace(second=0, microsecond=0) + MINUTE
        if number != self.hour.number:
            self._before.merge(self.hour.counts)
            self.hour = Hour(number)


class Traffic:
    def __init__(self, store: TrafficLog, clock: Clock, metrics: Metrics, incarnation: str) -> None:
        self._store, self._clock, self._metrics = store, clock, metrics
        self._incarnation = incarnation
        self._tallies: dict[str, Tally] = {}
        self._task: asyncio.Task[None] | None = None
        self.started_at = clock.now()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="traffic")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.write()

    def count(self, source: Source, what: What, count: int = 1) -> None:
        """Of requests; counted among the metrics as well."""
        self._tally(source).count(what, count, self._clock.now())
        if count:
            self._metrics.count("aftercall_source_input_total", f'result="{what}"', count)

    def fact(self, source: Source, result: Taken | Problem, now: datetime) -> None:
        """What became of a fact; the metrics have counted it already."""
        if isinstance(result, Problem):
            what: What = "refused"
        else:
            what = "taken" if result.status == "accepted" else "duplicate"
        self._tally(source).count(what, 1, now)

    def facts(self, source: Source, results: Iterable[Taken | Problem]) -> None:
        now = self._clock.now()
        for result in results:
            self.fact(source, result, now)

    def since_start(self, source_id: str) -> Counts:
        """On this node."""
        tally = self._tallies.get(source_id)
        return tally.total if tally is not None else Counts()

    async def hours(self, account_id: str, source_id: str, since: datetime) -> list[Hour]:
        """On all nodes; what this one has not written yet is there, too."""
        tally = self._tallies.get(source_id)
        ours = tally is not None and tally.account_id == account_id
        own = tally.writing | tally.unwritten if tally is not None and ours else {}
        rows = await self._store.traffic(account_id, source_id, int(since.timestamp()) // 3600)
        written = [r.hour for r in rows if not (r.incarnation == self._incarnation and r.hour.number in own)]
        return [*written, *own.values()]

    async def write(self) -> None:
        """Write down what has changed; what the store does not take is tried again the next time."""
        tallies = [tally for tally in self._tallies.values() if tally.unwritten]
        for tally in tallies:
            tally.writing, tally.unwritten = tally.unwritten, {}
        rows = [self._row(tally, hour) for tally in tallies for hour in tally.writing.values()]
        written = False
        try:
            if rows:
                await self._store.put_traffic(rows)
            written = True
        except Problem:
            log.warning("traffic_waits_for_the_store")
        finally:
            for tally in tallies:
                if not written:
                    tally.unwritten = tally.writing | tally.unwritten
                tally.writing = {}

    def _row(self, tally: Tally, hour: Hour) -> HourRow:
        return HourRow(
            account_id=tally.account_id, source_id=tally.source_id, incarnation=self._incarnation, hour=hour
        )

    def _tally(self, source: Source) -> Tally:
        tally = self._tallies.get(source.id)
        if tally is None:
            tally = self._tallies[source.id] = Tally(source.account_id, source.id)
        return tally

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.write()
            except Exception:
                log.exception("traffic_failed")
