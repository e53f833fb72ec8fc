"""Before the watchdog ends a call whose end never came, its vendor is asked whether it is still on (H4).

A call that is gets a sign of life, and the watchdog starts anew; one that is over ends as its vendor tells. Where
the vendor knows of no such call, or gives no answer, the watchdog does what it does without.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Problem, Unavailable, Unreadable
from aftercall.domain.fact import Fact, Kind
from aftercall.engine.fleet import Fleet
from aftercall.engine.inflow import Inflow
from aftercall.engine.metrics import Metrics
from aftercall.engine.ports import Clock, Store
from aftercall.engine.rows import SilentCall
from aftercall.engine.settings import SettingsCache
from aftercall.engine.upstream import Ask, AskedType, Lost

log = logging.getLogger(__name__)

LOOK = 60.0  # seconds between looks at what will be ended soon
AHEAD = timedelta(minutes=5)  # how long before; but never more than the last quarter of the watchdog's time
MOST = 5_000  # calls in one look
AT_ONCE = 8  # vendors asked at the same time, each about one call after the other
TURN = 20.0  # seconds after which a source's other calls are left to the next look

Answer = Literal["alive", "ended", "unknown", "failed"]


def sign_of_life(call_key: str, now: datetime) -> Fact:
    """Says nothing of the call but that it is still on: the watchdog starts anew."""
    id_ = f"alive:{now.isoformat()}"
    return Fact(kind=Kind.NOTED, call_key=call_key, occurred_at=now, natural_id=id_, received_at=now)


class Liveness:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsCache,
        fleet: Fleet,
        inflow: Callable[[Source], Inflow],
        types: Mapping[str, AskedType],
        ask: Ask,
        metrics: Metrics,
    ) -> None:
        self._store, self._clock, self._settings, self._fleet = store, clock, settings, fleet
        self._inflow, self._types, self._ask, self._metrics = inflow, types, ask, metrics
        self._known: dict[str, datetime] = {}  # calls the vendor has told of, by when they are due
        self._room = asyncio.Semaphore(AT_ONCE)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="liveness")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def look(self) -> None:
        """Ask about the calls of this node's sources that the watchdog is about to end. Raises Unavailable."""
        if self._fleet.silent:
            return
        types = tuple(self._types)
        ours = {id_ for _, id_ in await self._store.sources_of(types) if self._fleet.owns(id_)}
        now = self._clock.now()
        silent = await self._store.silent_calls(now, now + AHEAD, MOST) if ours else []
        due = {call.id: call.due_at for call in silent}
        self._known = {id_: at for id_, at in self._known.items() if due.get(id_) == at}
        calls: dict[str, list[SilentCall]] = {}
        sources: dict[str, Source | None] = {}
        for call in silent:
            if call.source_id in ours and call.id not in self._known:
                calls.setdefault(call.source_id, []).append(call)
                if call.source_id not in sources:
                    found = await self._settings.source_in_use(call.account_id, call.source_id)
                    sources[call.source_id] = found
        asked = [self._ask_of(source, calls[id_]) for id_, source in sources.items() if source is not None]
        await asyncio.gather(*asked)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Unavailable:
                log.warning("liveness_waits_for_the_store")
            except Exception:
                log.exception("liveness_failed")

    async def _ask_of(self, source: Source, calls: Sequence[SilentCall]) -> None:
        """One source's calls, soonest first, until its vendor gives no answer or its turn is over."""
        kind, time = self._types[source.type], asyncio.get_running_loop().time
        ahead = min(AHEAD, timedelta(seconds=(source.timing or kind.timing).watchdog / 4))
        async with self._room:
            until = time() + TURN
            for call in calls:
                if call.due_at - self._clock.now() > ahead or time() > until:
                    return
                if not await self._ask_about(kind, source, call):
                    return

    async def _ask_about(self, kind: AskedType, source: Source, call: SilentCall) -> bool:
        """Whether the vendor may be asked about the next call: it answers at all."""
        try:
            answer = await self._answer(kind, source, call)
        except Lost as lost:
            self._failed(source, call, str(lost))
            return False
        except Problem as problem:
            self._failed(source, call, problem.message)
        except Exception:
            log.exception("answer_not_read", extra={"source_id": source.id, "type": source.type})
            self._failed(source, call, "it could not be read here")
        else:
            if answer is not None:
                self._known[call.id] = call.due_at
                self._count(answer)
        return True

    async def _answer(self, kind: AskedType, source: Source, call: SilentCall) -> Answer | None:
        """What became of the question, None where there is none to put. Raises Lost and Problem."""
        question = kind.question(source, call.call_key, self._clock.now())
        if question is None:
            return None
        status, body = await self._ask(question)
        now = self._clock.now()
        said = kind.answered(source, call.call_key, status, body, now)
        if said is None:
            return "unknown"
        if said == "alive":
            await self._inflow(source).accept([sign_of_life(call.call_key, now)])
            return "alive"
        told = [fact for fact in said.facts if fact.call_key == call.call_key]
        if not told:
            raise Unreadable("The answer is about something else.")
        await self._inflow(source).accept([msgspec.structs.replace(fact, received_at=now) for fact in told])
        return "ended"

    def _failed(self, source: Source, call: SilentCall, why: str) -> None:
        self._count("failed")
        extra = {"source_id": source.id, "call_id": call.id, "error": why}
        log.warning("vendor_gave_no_answer", extra=extra)

    def _count(self, answer: Answer) -> None:
        self._metrics.count("aftercall_liveness_total", f'result="{answer}"')
