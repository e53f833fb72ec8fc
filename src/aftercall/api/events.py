"""Events in our own vocabulary: POST /v1/events, and /in/{source} for sources of type http."""

from collections.abc import Sequence
from typing import Any

import msgspec

from aftercall.api.asked import JSON, Answer, Asked, as_request, in_memory
from aftercall.api.rates import Rates
from aftercall.api.reception import Reception
from aftercall.app import App
from aftercall.domain.account import Source
from aftercall.domain.errors import Busy, FieldError, Invalid, Problem, Unreadable
from aftercall.domain.fact import Fact
from aftercall.engine.accept import Item, Taken
from aftercall.engine.enrich import enrich
from aftercall.engine.inputs import EVENTS
from aftercall.engine.reading import shape
from aftercall.engine.rows import Settings
from aftercall.sources import http


class ItemError(msgspec.Struct, frozen=True):
    code: str
    message: str
    errors: tuple[FieldError, ...] = ()


class ItemResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event of a list."""

    index: int
    status: str
    call_id: str | None = None
    error: ItemError | None = None


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`ignored`: what a source sent that says nothing about a call."""

    results: tuple[ItemResult, ...]
    accepted: int
    duplicate: int
    rejected: int
    ignored: int = 0


class NoSource(Invalid):
    """The event names no source that takes it."""


class Events:
    def __init__(self, app: App, rates: Rates, reception: Reception) -> None:
        self._app, self._rates, self._reception = app, rates, reception
        self._defaults: dict[str, tuple[int, Source | None]] = {}

    async def take(self, asked: Asked, settings: Settings, source: Source | None) -> Answer:
        """Events in our own vocabulary: one, answered by itself, or a list, answered item by item."""
        body = in_memory(asked)
        try:
            raw, is_list = http.items(body, self._app.config.max_batch)
        except Unreadable as problem:
            await self._unparsable(asked, settings, source, [], [problem])
            raise
        self._charge(settings, source, len(raw))
        now = self._app.clock.now()
        results: list[Taken | Problem | None] = []
        items: list[Item] = []
        bad: list[Problem] = []
        for one in raw:
            try:
                said = http.decode_item(one)
                of = source or self._source(settings, said)
                if source is None and of.max_events_per_second is not None:
                    self._reception.charge(settings, of, 1)
                items.append(self._item(settings, of, http.fact(said, of, now)))
                results.append(None)
            except Problem as problem:
                if isinstance(problem, Invalid | Unreadable) and not isinstance(problem, NoSource):
                    bad.append(problem)
                results.append(problem)
        if bad or (source is not None and source.keep_raw_hours):
            items = await self._unparsable(asked, settings, source, items, bad)
        taken = await self._accept(items)
        for item, result in zip(items, taken, strict=True):
            self._app.traffic.fact(item.source, result, now)
        rest = iter(taken)
        done = [result if result is not None else next(rest) for result in results]
        if is_list:
            return results_of(numbered(done))
        if isinstance(done[0], Problem):
            raise done[0]
        return Answer(200, [JSON], msgspec.json.encode(done[0]))

    async def _unparsable(
        self,
        asked: Asked,
        settings: Settings,
        source: Source | None,
        items: list[Item],
        bad: list[Problem],
    ) -> list[Item]:
        """The items with what is kept of their request: because some cannot be read, or the source wants it."""
        source = source or self._default(settings)
        if source is None:
            return items
        if bad and not items:
            self._reception.charge(settings, source, 1)
        path = EVENTS if asked.path.startswith(EVENTS) else ""
        app = self._app
        request = as_request(asked, app.config.public_url, app.clock.now(), in_memory(asked), path)
        return await self._reception.attach(source, request, items, bad)

    def _charge(self, settings: Settings, source: Source | None, count: int) -> None:
        """Events that come with an API key share the account's limit; each `/in/` has it to itself."""
        if source is not None:
            self._reception.charge(settings, source, count)
            return
        rate = settings.account.max_events_per_second or self._app.config.max_events_per_second
        wait = self._rates.take(settings.account.id, rate, count)
        if wait is not None:
            raise Busy(f"This account may send {rate} events a second.", retry_after=wait)

    def _source(self, settings: Settings, said: Any) -> Source:
        """The source an event names, else the account's oldest one of type http."""
        named = said.get("source") if type(said) is dict else None
        source = self._default(settings) if named is None else None
        if named is not None:
            source = settings.sources.get(named) if type(named) is str else None
        if source is None:
            rule = "the account has no source of type http" if named is None else "must be a source's id"
            raise NoSource.field("source", rule, None if named is None else shape(named))
        if source.status != "enabled":
            self._app.traffic.count(source, "refused")
            raise NoSource.field("source", "this source is paused")
        return source

    def _default(self, settings: Settings) -> Source | None:
        known = self._defaults.get(settings.account.id)
        if known is None or known[0] != settings.version:
            ours = [s for s in settings.sources.values() if s.type == "http" and s.status == "enabled"]
            known = (settings.version, min(ours, key=lambda s: s.id, default=None))
            self._defaults[settings.account.id] = known
        return known[1]

    def _item(self, settings: Settings, source: Source, fact: Fact) -> Item:
        if source.clock == "auto":  # asked for: events may tell of old calls
            [fact] = self._app.clocks.settle(source, [fact])
        return Item(settings.account.id, source, enrich(fact, settings))

    async def _accept(self, items: Sequence[Item]) -> Sequence[Taken | Problem]:
        return await self._app.intake.accept(items) if items else ()


def numbered(results: Sequence[Taken | Problem]) -> list[ItemResult]:
    return [
        ItemResult(i, "rejected", error=ItemError(r.code, r.message, r.errors))
        if isinstance(r, Problem)
        else ItemResult(i, r.status, r.call_id)
        for i, r in enumerate(results)
    ]


def results_of(results: Sequence[ItemResult], ignored: int = 0) -> Answer:
    count = dict.fromkeys(("accepted", "duplicate", "rejected"), 0)
    for result in results:
        count[result.status] += 1
    body = msgspec.json.encode(BatchAnswer(results=tuple(results), **count, ignored=ignored))
    return Answer(200, [JSON], body)
