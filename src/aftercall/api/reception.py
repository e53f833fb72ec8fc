"""One request of a source that has been verified: limited, read, kept as it was sent, taken in, counted (R1)."""

import logging
from collections.abc import Sequence

import msgspec

from aftercall.api.rates import Rates
from aftercall.app import App
from aftercall.domain.account import Source
from aftercall.domain.errors import Busy, Forbidden, Invalid, Problem
from aftercall.domain.fact import Fact
from aftercall.domain.skew import FLAG
from aftercall.engine.accept import Item, Taken
from aftercall.engine.enrich import enrich
from aftercall.engine.inputs import judged, raw_input
from aftercall.engine.rows import Settings
from aftercall.engine.upstream import Parsed, Reply, Request, RequestType, SourceType
from aftercall.sources import reader

log = logging.getLogger(__name__)

FAILED = "It could not be read here; the server's log has the details."


class Arrived(msgspec.Struct, frozen=True):
    """What became of a request: of its facts, of records that could not be read, and how many said nothing."""

    results: Sequence[Taken | Problem] = ()
    errors: tuple[tuple[int, str], ...] = ()
    ignored: int = 0
    reply: Reply | None = None


class Reception:
    def __init__(self, app: App, rates: Rates) -> None:
        self._app, self._rates = app, rates

    async def account(self, account_id: str) -> Settings:
        """What the account has set up. Raises Forbidden unless it is active."""
        settings = await self._app.settings.get(account_id)
        if settings is None:
            raise Forbidden("There is no such account.")
        if settings.account.status != "active":
            raise Forbidden("This account is suspended.")
        return settings

    async def open(self, source: Source) -> tuple[Settings, Source]:
        """Its account's settings, and the source as it is now. Raises Forbidden for one that is paused."""
        settings = await self.account(source.account_id)
        source = settings.sources.get(source.id, source)  # what was found may be some seconds old
        if source.status != "enabled":
            raise Forbidden("This source is paused.")
        return settings, source

    async def take(
        self, settings: Settings, source: Source, request: Request, kind: SourceType | RequestType
    ) -> Arrived:
        """Raises Busy when too much comes at once and, where the type refuses it, what cannot be read."""
        self.charge(settings, source, 0)
        try:
            parsed = _read(source, request, kind)
        except Problem as problem:
            self.charge(settings, source, 1)
            await self.unparsable(source, request, problem.message, len(request.body))
            if kind.unparsable == "refuse":
                raise
            return Arrived(errors=((0, problem.message),))
        arrived = await self.keep(settings, source, request, parsed, len(request.body))
        if parsed.errors and not parsed.facts and kind.unparsable == "refuse":
            raise Invalid(parsed.errors[0][1])
        return arrived

    async def unparsable(self, source: Source, request: Request, why: str, size: int) -> None:
        """Keep what cannot be read, whatever the source says of keeping. `size` is that of the whole body."""
        kept = raw_input(source, request, "unparsable", why)
        if kept is not None:
            await self._app.store.add_inputs([msgspec.structs.replace(kept, size=size)])
        self._app.traffic.count(source, "unparsable")

    async def attach(
        self, source: Source, request: Request, items: list[Item], bad: Sequence[Problem]
    ) -> list[Item]:
        """The items of a request in our own vocabulary with the request itself, if it is to be kept."""
        why = bad[0].message if bad else None
        raw = raw_input(source, request, "unparsable" if bad else "taken", why)
        self._app.traffic.count(source, "unparsable", len(bad))
        if raw is None:
            return items
        if not items:
            await self._app.store.add_inputs([raw])
        if any(FLAG in item.fact.data.flags for item in items):
            raw = msgspec.structs.replace(raw, shifted=source.clock_skew)
        return [msgspec.structs.replace(item, raw=raw) for item in items]

    def charge(self, settings: Settings, source: Source, count: int) -> None:
        """Each source has the account's limit, or its own, to itself. Raises Busy."""
        rate = source.max_events_per_second or settings.account.max_events_per_second
        rate = rate or self._app.config.max_events_per_second
        wait = self._rates.take(source.id, rate, count)
        if wait is not None:
            self._app.traffic.count(source, "limited")
            raise Busy(f"This source may send {rate} events a second.", retry_after=wait)

    async def keep(
        self, settings: Settings, source: Source, request: Request, parsed: Parsed, size: int
    ) -> Arrived:
        """Take in what has been read; of a body of this `size`, what `request` holds."""
        self.charge(settings, source, max(1, len(parsed.facts)))
        traffic = self._app.traffic
        results: Sequence[Taken | Problem] = ()
        raw = raw_input(source, request, *judged(parsed))
        if raw is not None:
            raw = msgspec.structs.replace(raw, size=size)
        if parsed.facts:
            received = [msgspec.structs.replace(fact, received_at=request.now) for fact in parsed.facts]
            facts = self._app.clocks.settle(source, received)
            if raw is not None:
                raw = msgspec.structs.replace(raw, shifted=_shift(received, facts))
            items = [Item(settings.account.id, source, enrich(fact, settings), raw) for fact in facts]
            try:
                results = await self._app.intake.accept(items)
            except Problem as problem:
                traffic.count(source, "limited" if isinstance(problem, Busy) else "refused")
                raise
            traffic.facts(source, results)
        elif raw is not None:
            await self._app.store.add_inputs([raw])
        traffic.count(source, "unparsable", len(parsed.errors))
        traffic.count(source, "ignored", parsed.ignored or int(not parsed.facts and not parsed.errors))
        return Arrived(results, parsed.errors, parsed.ignored, parsed.reply)


def _read(source: Source, request: Request, kind: SourceType | RequestType) -> Parsed:
    """A parser that fails is a fault of ours; what it failed at is kept for when it is corrected."""
    try:
        return reader(kind)(source, request)
    except Problem:
        raise
    except Exception:
        log.exception("parser_failed", extra={"source_id": source.id, "type": source.type})
        raise Invalid(FAILED) from None


def _shift(before: Sequence[Fact], after: Sequence[Fact]) -> float:
    """By how much times were put right, in seconds."""
    moved = (new.occurred_at - old.occurred_at for old, new in zip(before, after, strict=True))
    return next((by.total_seconds() for by in moved if by), 0.0)
