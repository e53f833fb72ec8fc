"""Dry run: what a request would become, without storing anything. `project` and `emit` are pure, so this is, too."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.call import Call
from aftercall.domain.emit import candidates, emit, heard
from aftercall.domain.event import Event
from aftercall.domain.fact import Fact
from aftercall.domain.project import Projection, project
from aftercall.engine.enrich import enrich
from aftercall.engine.rows import Settings
from aftercall.engine.upstream import Parsed, Request

DRY = "cl_dry_run"  # in the place of a call's id
NEVER = 10 * 365 * 86400.0  # seconds


class DryCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the facts would make if nothing else were known of it, and what would be said of it in time."""

    call_key: str
    facts: tuple[Fact, ...]
    call: Call
    events: tuple[Event, ...]


class DryError(msgspec.Struct, frozen=True):
    """A record of the request that could not be read."""

    index: int
    message: str


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """`ignored`: records that say nothing about a call."""

    calls: tuple[DryCall, ...]
    errors: tuple[DryError, ...]
    ignored: int


def dry_run(
    read: Callable[[Source, Request], Parsed],
    source: Source,
    request: Request,
    settings: Settings,
    timing: Timing,
) -> DryRun:
    """Read a request as the source would. Raises Problem where the whole of it cannot be read."""
    parsed = read(source, request)
    facts = [
        msgspec.structs.replace(enrich(fact, settings), received_at=request.now) for fact in parsed.facts
    ]
    keys = dict.fromkeys(fact.call_key for fact in facts)
    calls = tuple(
        _call(key, [fact for fact in facts if fact.call_key == key], source.timing or timing, request)
        for key in keys
    )
    errors = tuple(DryError(index, message) for index, message in parsed.errors)
    return DryRun(calls=calls, errors=errors, ignored=parsed.ignored)


def _call(key: str, facts: list[Fact], timing: Timing, request: Request) -> DryCall:
    projection = project(facts)
    return DryCall(
        call_key=key,
        facts=tuple(facts),
        call=projection.call,
        events=tuple(_events(projection, timing, request)),
    )


def _events(projection: Projection, timing: Timing, request: Request) -> Iterable[Event]:
    """What is said until the call has settled. The watchdog, which waits for hours, is not waited for."""
    call, now = projection.call, request.now
    timing = msgspec.structs.replace(timing, watchdog=NEVER)
    speech = heard(None, now, call)
    settled = now + timedelta(seconds=timing.gate + max(timing.quiet, timing.settle_max))
    emission = emit(DRY, call, candidates(DRY, projection), speech, None, settled, timing, timedelta(days=7))
    return emission.events
