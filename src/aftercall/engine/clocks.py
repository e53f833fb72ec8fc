"""The sources' clocks: measured as facts come in, and what is found wrong put right (H11).

What is believed of a clock stands in the source itself, so that all nodes go by the same and a restart forgets
nothing. All that is told of one call is shifted alike, whatever is found out in the meantime.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Problem
from aftercall.domain.fact import Fact
from aftercall.domain.skew import Skew, shifted
from aftercall.engine.ports import Store
from aftercall.engine.settings import SettingsCache

log = logging.getLogger(__name__)

MAX_CALLS = 10_000  # calls of a source whose shift is remembered


class Measured(msgspec.Struct, frozen=True):
    """What this node has found of a source's clock. Seconds; see `domain/skew.py`."""

    skew: float | None
    samples: int


class Watch:
    """One source's clock as this node sees it."""

    def __init__(self) -> None:
        self.skew = Skew()
        self.calls: OrderedDict[str, float] = OrderedDict()

    def shift_of(self, call_key: str, believed: float) -> float:
        """By how much this call's times are shifted: by what was believed when it was first heard of."""
        shift = self.calls.get(call_key)
        if shift is None:
            shift = self.calls[call_key] = believed
            if len(self.calls) > MAX_CALLS:
                self.calls.popitem(last=False)
        return shift


class Clocks:
    def __init__(self, store: Store, settings: SettingsCache) -> None:
        self._store, self._settings = store, settings
        self._watches: dict[str, Watch] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}

    def measured(self, source_id: str) -> Measured:
        watch = self._watches.get(source_id)
        return Measured(watch.skew.median, len(watch.skew)) if watch is not None else Measured(None, 0)

    def settle(self, source: Source, facts: Sequence[Fact]) -> list[Fact]:
        """Facts that have just arrived, with their times put right as far as the source wants that."""
        watch = self._watches.setdefault(source.id, Watch())
        watch.skew.hear(facts)
        if not source.corrects_clock:
            return list(facts)
        believed = watch.skew.believed(source.clock_skew)
        if believed != source.clock_skew and source.id not in self._writing:
            self._writing[source.id] = asyncio.create_task(self._believe(source, believed))
        return [shifted(fact, watch.shift_of(fact.call_key, source.clock_skew)) for fact in facts]

    async def stop(self) -> None:
        await asyncio.gather(*self._writing.values(), return_exceptions=True)

    async def _believe(self, source: Source, skew: float) -> None:
        """Write it down; should somebody else be changing the source, the next fact tries again."""
        try:
            stored = await self._store.get_source(source.account_id, source.id)
            if stored is None or stored.clock_skew == skew:
                return
            changed = msgspec.structs.replace(stored, clock_skew=skew, version=stored.version + 1)
            if await self._store.update_source(changed):
                log.warning("source_clock_skewed", extra={"source_id": source.id, "seconds": skew})
                self._settings.forget(source.account_id)
        except Problem:
            log.warning("source_clock_waits_for_the_store", extra={"source_id": source.id})
        except Exception:
            log.exception("source_clock_failed", extra={"source_id": source.id})
        finally:
            self._writing.pop(source.id, None)
