"""/v1/sources: where call events come from, their tokens and settings (D2, R1)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.api.operation import TRIES, Ask, Listing, PageQuery, operation
from aftercall.api.target import check_host
from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Conflict, Invalid, NotFound
from aftercall.domain.fact import Direction
from aftercall.engine.holding import Connection
from aftercall.engine.setup import check_texts, check_zone, new_source, new_token
from aftercall.engine.upstream import ConfiguredType, LiveType
from aftercall.sources import SOURCES

TAG = "Sources"
Name = Annotated[str, Meta(max_length=200)]
Fields = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=200)], Annotated[str, Meta(min_length=1, max_length=200)]
    ],
    Meta(max_length=200, description="Custom-field mapping: a field's name at the source, and ours."),
]
Seconds = Annotated[float, Meta(ge=0, le=604_800)]


class TimingForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """When calls of this source may speak, in seconds. What is left out is as its type has it."""

    gate: Seconds | UnsetType = UNSET
    quiet: Seconds | UnsetType = UNSET
    settle_max: Seconds | UnsetType = UNSET
    watchdog: Seconds | UnsetType = UNSET
    update_quiet: Seconds | UnsetType = UNSET


class SourceForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`time_zone` reads times without a zone; `direction` is assumed where an event says none.

    `secret` is what the vendor signs with, for types whose requests are signed, or the password of a
    connection, for types that keep one. It takes the token's place.

    `keep_raw_hours` is how long what it sent is kept as it was sent (72; 0 for type http). `clock` is whether
    times are put right when the source's clock is wrong (auto; trust for type http). `max_events_per_second`
    is its own limit; without one it is the account's. Null stands for what is in parentheses.
    """

    name: Name | UnsetType = UNSET
    status: Literal["enabled", "paused"] | UnsetType = UNSET
    direction: Direction | UnsetType | None = UNSET
    time_zone: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET
    fields: Fields | UnsetType = UNSET
    settings: Annotated[dict[str, Any], Meta(max_length=100)] | UnsetType = UNSET
    timing: TimingForm | UnsetType | None = UNSET
    secret: Annotated[str, Meta(min_length=8, max_length=1000)] | UnsetType = UNSET
    keep_raw_hours: Annotated[int, Meta(ge=0, le=8784)] | UnsetType | None = UNSET
    clock: Literal["auto", "trust"] | UnsetType | None = UNSET
    max_events_per_second: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType | None = UNSET


class RotateForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`secret` is the new one, for types whose requests are signed; without it one is made."""

    secret: Annotated[str, Meta(min_length=8, max_length=1000)] | None = None
    overlap_hours: Annotated[float, Meta(ge=0, le=720, description="How long the old one stays good.")] = 0


class NewSourceForm(SourceForm, kw_only=True, forbid_unknown_fields=True):
    type: Annotated[
        str, Meta(max_length=50, examples=["http"], description="One of GET /v1/system's source_types.")
    ]


class SourceOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str
    name: str
    status: Literal["enabled", "paused"]
    direction: Direction | None
    time_zone: str | None
    fields: dict[str, str]
    settings: dict[str, Any]
    timing: Timing | None
    ingest_url: str
    has_token: bool
    old_token_until: datetime | None
    keep_raw_hours: int
    clock: Literal["auto", "trust"]
    clock_skew_seconds: float
    max_events_per_second: int | None
    connection: Connection | None
    created_at: datetime
    updated_at: datetime


class SourceCreated(SourceOut, frozen=True, kw_only=True):
    token: str | None


@operation("POST", "/v1/sources", "directory:write", "Create a source", tag=TAG, status=201,
           shown_once=("token",), example={"type": "http", "name": "PBX", "time_zone": "Asia/Kolkata"})  # fmt: skip
async def create_source(ask: Ask, data: NewSourceForm) -> SourceCreated:
    """The token is shown here once. The source posts to `ingest_url` with `Authorization: Bearer <token>`,
    as a Basic password, in the header X-AfterCall-Token, or as `?token=`. With a `secret` there is no token.
    A source of a type that keeps a connection, such as `asterisk`, needs a `secret`, and no requests.
    """
    if data.type not in SOURCES:
        raise Invalid.field("type", f"must be one of {', '.join(SOURCES)}")
    asked = _set(data, data.type)
    secret = asked.pop("token", None)
    source = new_source(ask.account_id, data.type, ask.now, **asked)
    if secret is not None or _is_live(source):
        source = msgspec.structs.replace(source, token=secret or "")
    _check(ask, source)
    await ask.app.store.add_source(source)
    _changed(ask)
    return SourceCreated(**_fields(ask, source), token=source.token if secret is None else None)


@operation("GET", "/v1/sources", "directory:read", "List sources", tag=TAG)
async def list_sources(ask: Ask, query: PageQuery) -> Listing[SourceOut]:
    page = await ask.app.store.list_sources(ask.account_id, query.cursor, query.limit)
    return Listing(tuple(SourceOut(**_fields(ask, source)) for source in page.items), page.next_cursor)


@operation("GET", "/v1/sources/{source_id}", "directory:read", "Read a source", tag=TAG)
async def get_source(ask: Ask, source_id: str) -> SourceOut:
    """`connection` is how its connection is doing, null for types that keep none and for paused sources.
    Only the node that holds it knows the details; others say `elsewhere`.
    """
    return SourceOut(**_fields(ask, await find_source(ask, source_id)))


@operation("PATCH", "/v1/sources/{source_id}", "directory:write", "Change a source", tag=TAG)
async def change_source(ask: Ask, source_id: str, data: SourceForm) -> SourceOut:
    changes = _set(data, (await find_source(ask, source_id)).type)
    return SourceOut(**_fields(ask, await _change(ask, source_id, lambda _: changes)))


@operation("POST", "/v1/sources/{source_id}/rotate-token", "directory:write", "Replace the token", tag=TAG)
async def rotate_source_token(ask: Ask, source_id: str, data: RotateForm | None) -> SourceCreated:
    """With `overlap_hours` the old token or secret is good for so long beside the new one, else it ends at once
    on this node and within seconds on others.
    """
    asked = data or RotateForm()
    if _is_live(await find_source(ask, source_id)):
        raise Conflict("This source has no token but the password of its connection: change its `secret`.")
    until = ask.now + timedelta(hours=asked.overlap_hours) if asked.overlap_hours else None
    token = asked.secret or new_token()

    def change(source: Source) -> dict[str, Any]:
        old = source.token if until is not None else ""
        return {"token": token, "old_token": old, "old_token_until": until}

    source = await _change(ask, source_id, change)
    return SourceCreated(**_fields(ask, source), token=None if asked.secret else token)


@operation("DELETE", "/v1/sources/{source_id}", "directory:write", "Delete a source", tag=TAG, status=204)
async def delete_source(ask: Ask, source_id: str) -> None:
    """Its calls stay. Events that name no source go to the oldest one of type http: keep one."""
    if not await ask.app.store.delete_source(ask.account_id, source_id, ask.now):
        raise NotFound("There is no such source.")
    _changed(ask)


async def find_source(ask: Ask, source_id: str) -> Source:
    source = await ask.app.store.get_source(ask.account_id, source_id)
    if source is None:
        raise NotFound("There is no such source.")
    return source


async def _change(ask: Ask, source_id: str, changes: Callable[[Source], dict[str, Any]]) -> Source:
    for _ in range(TRIES):
        source = await find_source(ask, source_id)
        changed = msgspec.structs.replace(
            source, **changes(source), updated_at=ask.now, version=source.version + 1
        )
        _check(ask, changed)
        if await ask.app.store.update_source(changed):
            _changed(ask)
            return changed
    raise Conflict("Somebody else is changing this source.")


def _changed(ask: Ask) -> None:
    ask.changed()
    ask.access.forget()
    ask.app.connections.wake()


def _is_live(source: Source) -> bool:
    return isinstance(SOURCES.get(source.type), LiveType)


def _check(ask: Ask, source: Source) -> None:
    """Raise Invalid for settings that make no sense. Names of hosts are looked up when dialling."""
    kind: object = SOURCES.get(source.type)
    if isinstance(kind, ConfiguredType):
        kind.check_settings(source)
    if not isinstance(kind, LiveType):
        return
    kind.check(source)
    check_host(source.settings["host"], ask.app.config.networks, "settings.host")


def _set(form: SourceForm, type_: str) -> dict[str, Any]:
    names = ("name", "status", "direction", "fields", "settings", "keep_raw_hours", "clock",
             "max_events_per_second")  # fmt: skip
    set_ = {name: value for name in names if (value := getattr(form, name)) is not UNSET}
    check_texts(name=set_.get("name"))
    if form.time_zone is not UNSET:
        set_["time_zone"] = None if form.time_zone is None else check_zone(form.time_zone)
    if form.timing is not UNSET:
        set_["timing"] = None if form.timing is None else _timing(form.timing, type_)
    if form.secret is not UNSET:
        set_ |= {"token": form.secret, "old_token": "", "old_token_until": None}
    return set_


def _timing(form: TimingForm, type_: str) -> Timing:
    given = {name: value for name, value in msgspec.structs.asdict(form).items() if value is not UNSET}
    return msgspec.structs.replace(SOURCES[type_].timing, **given)


def _fields(ask: Ask, source: Source) -> dict[str, Any]:
    names = ("id", "type", "name", "status", "direction", "time_zone", "fields", "settings", "timing",
             "old_token_until", "max_events_per_second", "created_at", "updated_at")  # fmt: skip
    source = source.as_of(ask.now)
    return {
        **{name: getattr(source, name) for name in names},
        "keep_raw_hours": source.raw_hours,
        "clock": "auto" if source.corrects_clock else "trust",
        "clock_skew_seconds": source.clock_skew,
        "ingest_url": f"{ask.app.config.public_url}/in/{source.id}",
        "has_token": bool(source.token),
        "connection": ask.app.connections.status(source),
    }


OPERATIONS = (
    create_source, list_sources, get_source, change_source, rotate_source_token, delete_source
)  # fmt: skip
