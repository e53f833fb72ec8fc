"""/v1/sources/{id}: how a source is doing, what it sent as it was sent, and a test of it (R1)."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask, Listing, operation
from aftercall.api.sources import TAG, find_source
from aftercall.domain.errors import Conflict, NotFound
from aftercall.engine.input_rows import Counts, Input, InputQuery, Result
from aftercall.engine.probe import Probed, sample_events, try_connection
from aftercall.engine.source_status import DAY, Standing, standing
from aftercall.engine.upstream import LiveType
from aftercall.sources import SOURCES

Moment = Annotated[datetime, Meta(tz=True)]


class SourceStatus(Standing, frozen=True, kw_only=True):
    """`last_day` counts on all nodes, in whole hours; `since_start` on the node that answers, since it started."""

    source_id: str
    type: str
    since_start: Counts
    started_at: datetime


class InputsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    result: tuple[Result, ...] = ()
    since: Moment | None = None
    until: Moment | None = None
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class InputOut(msgspec.Struct, frozen=True, kw_only=True):
    """`error` says why it was ignored, could not be read or not be stored. Secrets in `query` are masked."""

    id: str
    source_id: str
    received_at: datetime
    expires_at: datetime
    result: Result
    error: str | None
    path: str
    query: str
    content_type: str | None
    body_bytes: int
    facts: int
    call_keys: tuple[str, ...]
    call_ids: tuple[str, ...]
    clock_shift_seconds: float


class InputDetail(InputOut, frozen=True, kw_only=True):
    """`body` is base64 where it is no text. A long one may be cut: `body_complete` says so."""

    headers: dict[str, str]
    body: str
    body_encoding: Literal["utf-8", "base64"]
    body_complete: bool


class SourceTest(msgspec.Struct, frozen=True, kw_only=True):
    """What the test did. `call_id` is the sample call of a source that takes requests."""

    ok: bool
    message: str
    call_id: str | None
    took_ms: float


@operation("GET", "/v1/sources/{source_id}/status", "directory:read", "How a source is doing", tag=TAG)
async def source_status(ask: Ask, source_id: str) -> SourceStatus:
    """Whether it sends, how much, what became of it, and what needs somebody's attention, in `notes`."""
    source, app = await find_source(ask, source_id), ask.app
    connection, gaps = app.connections.status(source), app.connections.gaps(source)
    hours = await app.traffic.hours(ask.account_id, source.id, ask.now - DAY)
    measured = app.clocks.measured(source.id)
    found = standing(source, hours, measured, connection, gaps, ask.now)
    return SourceStatus(
        **msgspec.structs.asdict(found),
        source_id=source.id,
        type=source.type,
        since_start=app.traffic.since_start(source.id),
        started_at=app.traffic.started_at,
    )


@operation(
    "GET", "/v1/sources/{source_id}/inputs", "calls:read", "List what a source sent, newest first", tag=TAG
)
async def list_inputs(ask: Ask, source_id: str, query: InputsQuery) -> Listing[InputOut]:
    """What could not be read is always there, the rest for the source's `keep_raw_hours`."""
    source = await find_source(ask, source_id)
    asked = InputQuery(source_id=source.id, **msgspec.structs.asdict(query))
    page = await ask.app.store.list_inputs(ask.account_id, asked)
    return Listing(tuple(InputOut(**_fields(kept)) for kept in page.items), page.next_cursor)


@operation(
    "GET", "/v1/sources/{source_id}/inputs/{input_id}", "calls:read", "Read one input with its body", tag=TAG
)
async def get_input(ask: Ask, source_id: str, input_id: str) -> InputDetail:
    source = await find_source(ask, source_id)
    kept = await ask.app.store.get_input(ask.account_id, source.id, input_id)
    if kept is None:
        raise NotFound("There is no such input, or it is not kept any more.")
    encoding, body = _text(kept.body)
    return InputDetail(
        **_fields(kept),
        headers=kept.headers,
        body=body,
        body_encoding=encoding,
        body_complete=len(kept.body) == kept.size,
    )


@operation("POST", "/v1/sources/{source_id}/test", "directory:write", "Test a source", tag=TAG)
async def test_source(ask: Ask, source_id: str) -> SourceTest:
    """A source that takes requests gets a sample call, marked `is_test`, which is stored and announced like any
    other. One that keeps a connection tries to connect and log in, beside the connection it may have.
    """
    source, app = await find_source(ask, source_id), ask.app
    kind = SOURCES.get(source.type)
    if isinstance(kind, LiveType):
        return _tested(await try_connection(kind, source, app.door.connect, app.clock))
    if source.status != "enabled":
        raise Conflict("This source is paused: it takes nothing, samples neither.")
    return _tested(await sample_events(source, await app.settings.get(ask.account_id), app.intake, ask.now))


def _tested(probed: Probed) -> SourceTest:
    return SourceTest(**msgspec.structs.asdict(probed))


def _fields(kept: Input) -> dict[str, Any]:
    return {
        "id": kept.id,
        "source_id": kept.source_id,
        "received_at": kept.received_at,
        "expires_at": kept.expires_at,
        "result": kept.result,
        "error": kept.error,
        "path": kept.path,
        "query": kept.query,
        "content_type": kept.headers.get("content-type"),
        "body_bytes": kept.size,
        "facts": len(kept.given),
        "call_keys": tuple(dict.fromkeys(given.call_key for given in kept.given)),
        "call_ids": kept.call_ids,
        "clock_shift_seconds": kept.shifted,
    }


def _text(body: bytes) -> tuple[Literal["utf-8", "base64"], str]:
    try:
        return "utf-8", body.decode()
    except UnicodeDecodeError:
        return "base64", b64encode(body).decode()


OPERATIONS = (source_status, list_inputs, get_input, test_source)
