"""/v1/calls: the call log, one call with everything that happened, and what people add to it (L1, L2, D2)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftercall.api.call_shown import (
    CallDetail,
    CallOut,
    DecisionsOut,
    EventsOut,
    FactsOut,
    acting,
    call_fields,
    event_out,
    message_out,
)
from aftercall.api.deliveries import shown as delivery_shown
from aftercall.api.message_shown import decided
from aftercall.api.names import names_of
from aftercall.api.operation import Ask, Listing, operation
from aftercall.api.timeline import timeline
from aftercall.domain.errors import Invalid, NotFound, Problem
from aftercall.domain.fact import CallType, Data, Direction, Fact, Kind, Status
from aftercall.domain.rule import Rule
from aftercall.engine.accept import Item
from aftercall.engine.ids import ulid
from aftercall.engine.message_rows import MessageQuery, MessageRow
from aftercall.engine.rows import CallQuery, CallRow, DeliveryQuery

TAG = "Calls"
At = Annotated[datetime, Meta(tz=True)]
Word = Annotated[str, Meta(max_length=200)]
Label = Annotated[str, Meta(min_length=1, max_length=200)]
Notes = Annotated[str, Meta(max_length=10_000)]
Seconds = Annotated[int, Meta(ge=0, le=864_000)]


class CallsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`number` is the end of the customer's number; `since` and `until` concern the start of the call."""

    since: At | None = None
    until: At | None = None
    status: tuple[Status, ...] = ()
    direction: Direction | None = None
    call_type: CallType | None = None
    did: Word | None = None
    queue: Word | None = None
    agent: Word | None = None
    tag: Word | None = None
    source_id: Word | None = None
    call_key: Word | None = None
    number: Word | None = None
    min_duration_seconds: Seconds | None = None
    max_duration_seconds: Seconds | None = None
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class DispositionForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    disposition: Label
    sub_disposition: Label | None = None
    notes: Notes | None = None


class NotesForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    notes: Notes


class TagsForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    tags: Annotated[list[Label], Meta(max_length=100, description="All tags the call is to have.")]


class WrapUpForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    wrap_up_seconds: Seconds
    notes: Notes | None = None


class Told(msgspec.Struct, frozen=True):
    """The fact is stored; webhooks hear of it as the call's revision."""

    status: Literal["accepted", "duplicate"]
    call_id: str


@operation("GET", "/v1/calls", "calls:read", "List calls, newest first", tag=TAG)
async def list_calls(ask: Ask, query: CallsQuery) -> Listing[CallOut]:
    page = await ask.app.store.list_calls(ask.account_id, CallQuery(**msgspec.structs.asdict(query)))
    return Listing(tuple(CallOut(**call_fields(row)) for row in page.items), page.next_cursor)


@operation("GET", "/v1/calls/{call_id}", "calls:read", "Read a call and all that happened", tag=TAG)
async def get_call(ask: Ask, call_id: str) -> CallDetail:
    """The record, its events, deliveries and messages, the webhooks and actions that did not get it and why, and all
    of it in time.

    A call that turned out to be one with another keeps its id and its record; `merged_into` names the call it
    lives on as, which is the one that lists show.
    """
    row = await _find(ask, call_id)
    events = await ask.app.store.call_events(ask.account_id, call_id)
    page = await ask.app.store.list_deliveries(ask.account_id, DeliveryQuery(call_id=call_id, limit=200))
    texting = any(delivery.channel != "webhook" for delivery in page.items)
    messages = await _messages(ask, call_id) if texting else ()
    receipts = {m.delivery.id: await ask.app.store.message_receipts(ask.account_id, m.delivery.id)
                for m in messages if m.progress.parts}  # fmt: skip
    rules = await names_of(ask, Rule) if texting or acting(events) else {}
    return CallDetail(
        **call_fields(row),
        timeline=timeline(row, events, page.items, messages, receipts, rules),
        events=tuple(event_out(event, rules) for event in events),
        deliveries=tuple(delivery_shown(delivery) for delivery in page.items),
        messages=tuple(message_out(message, rules) for message in messages),
    )


@operation("GET", "/v1/calls/{call_id}/events", "calls:read", "The call's events, in order", tag=TAG)
async def get_call_events(ask: Ask, call_id: str) -> EventsOut:
    await _find(ask, call_id)
    events = await ask.app.store.call_events(ask.account_id, call_id)
    rules = await names_of(ask, Rule) if acting(events) else {}
    return EventsOut(tuple(event_out(event, rules) for event in events))


@operation(
    "GET",
    "/v1/calls/{call_id}/decisions",
    "messages:read",
    "Why the call's messages went or did not",
    tag=TAG,
)
async def get_call_decisions(ask: Ask, call_id: str) -> DecisionsOut:
    """The guard's latest decision about each text and mail of the call, newest message first."""
    await _find(ask, call_id)
    return DecisionsOut(tuple(decided(row) for row in await _messages(ask, call_id)))


@operation("GET", "/v1/calls/{call_id}/facts", "calls:read", "The facts the call is made of", tag=TAG)
async def get_call_facts(ask: Ask, call_id: str) -> FactsOut:
    await _find(ask, call_id)
    return FactsOut(tuple(await ask.app.store.call_facts(ask.account_id, call_id)))


@operation("POST", "/v1/calls/{call_id}/disposition", "calls:write", "Set the disposition", tag=TAG,
           example={"disposition": "Sold", "sub_disposition": "Upgrade"})  # fmt: skip
async def set_disposition(ask: Ask, call_id: str, data: DispositionForm) -> Told:
    said = Data(
        disposition=data.disposition,
        sub_disposition=data.sub_disposition,
        notes=data.notes,
        by=ask.caller.name,
    )
    return await _tell(ask, call_id, Kind.DISPOSITION_UPDATED, said)


@operation("POST", "/v1/calls/{call_id}/notes", "calls:write", "Set the notes", tag=TAG)
async def set_notes(ask: Ask, call_id: str, data: NotesForm) -> Told:
    return await _tell(ask, call_id, Kind.NOTED, Data(notes=data.notes, by=ask.caller.name))


@operation("POST", "/v1/calls/{call_id}/tags", "calls:write", "Set the tags", tag=TAG)
async def set_tags(ask: Ask, call_id: str, data: TagsForm) -> Told:
    tags = tuple(dict.fromkeys(data.tags))
    return await _tell(ask, call_id, Kind.NOTED, Data(tags=tags, by=ask.caller.name))


@operation("POST", "/v1/calls/{call_id}/wrap-up", "calls:write", "Say that the agent has wrapped up", tag=TAG)
async def set_wrap_up(ask: Ask, call_id: str, data: WrapUpForm) -> Told:
    said = Data(wrap_up_seconds=data.wrap_up_seconds, notes=data.notes, by=ask.caller.name)
    return await _tell(ask, call_id, Kind.WRAPPED_UP, said)


async def _tell(ask: Ask, call_id: str, kind: Kind, said: Data) -> Told:
    """What a person adds enters as a fact, like everything else."""
    row = await _find(ask, call_id)
    settings = await ask.app.settings.get(ask.account_id)
    source = settings.sources.get(row.source_id) if settings else None
    if source is None:
        raise Invalid("The source of this call has been deleted.")
    fact = Fact(
        kind=kind,
        call_key=row.call_key,
        occurred_at=await _when(ask, row),
        received_at=ask.now,
        natural_id=f"api:{ulid()}",
        data=said,
    )
    result = (await ask.app.intake.accept([Item(ask.account_id, source, fact)]))[0]
    if isinstance(result, Problem):
        raise result
    return Told(result.status, result.call_id)


async def _when(ask: Ask, row: CallRow) -> datetime:
    """Now; or the call's own end when its key has been used again since, so that it is not taken for the new one."""
    query = CallQuery(source_id=row.source_id, call_key=row.call_key, limit=200)
    page = await ask.app.store.list_calls(ask.account_id, query)
    if any(other.generation > row.generation for other in page.items):
        return row.call.ended_at or row.call.started_at or row.created_at
    return ask.now


async def _find(ask: Ask, call_id: str) -> CallRow:
    row = await ask.app.store.get_call(ask.account_id, call_id)
    if row is None:
        raise NotFound("There is no such call.")
    return row


async def _messages(ask: Ask, call_id: str) -> tuple[MessageRow, ...]:
    page = await ask.app.store.list_messages(ask.account_id, MessageQuery(call_id=call_id, limit=200))
    return page.items


OPERATIONS = (
    list_calls, get_call, get_call_events, get_call_facts, get_call_decisions, set_disposition, set_notes,
    set_tags, set_wrap_up,
)  # fmt: skip
