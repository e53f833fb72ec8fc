"""One call that is told under several keys or by several sources: their facts as one record (H8, H16). Pure.

Calls of one source, joined by a transfer, are one story: their facts are folded together. Of several sources one
leads: the AI's, else the one that tells most. The others add what it leaves out, and nothing is counted twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from aftercall.domain.call import Call, Link
from aftercall.domain.event import AFTER_CALL, IN_CALL, Derived
from aftercall.domain.fact import Data, Fact, Kind, Status
from aftercall.domain.project import Projection, project

# What another source may add to the leader's record where that says nothing.
ADDED = (
    "direction", "to", "from_name", "to_name", "did", "caller_id", "parent_call_id", "queue", "ivr",
    "auto_attendant", "campaign", "broadcast", "lead", "agent", "agents", "server_answered_at",
    "customer_answered_at", "ring_time_seconds", "wait_seconds", "ivr_seconds", "hold_seconds",
    "outbound_seconds", "wrap_up_seconds", "transcript", "analysis", "digits", "call_flow", "notes", "billing",
    "recording_url",
)  # fmt: skip
LABEL = ("disposition", "sub_disposition", "disposition_at", "disposition_by")
LINGERS = timedelta(seconds=5)  # so much longer a carrier's call may last without going on
INCOMPLETE = frozenset({"gap", "end_missing"})
OURS = frozenset({"call.recording_started"}) | AFTER_CALL  # of every source: they tell of different things


def tell(links: Sequence[Link], facts: Mapping[str, Sequence[Fact]]) -> Projection:
    """The call that is told under these keys; `facts` are those of each record, by its id."""
    tellers: dict[str, list[Sequence[Fact]]] = {}
    for link in links:
        if facts.get(link.call_id):
            tellers.setdefault(link.source_id, []).append(facts[link.call_id])
    parts = sorted((_part(source_id, told) for source_id, told in tellers.items()), key=_rank)
    lead, others = parts[0], [part.told for part in parts[1:]]
    projection = _with_others(lead, others) if others else lead.told
    return msgspec.structs.replace(projection, call=marked(projection.call, links, lead.source_id))


def marked(call: Call, links: Sequence[Link], leader: str) -> Call:
    """The record with all of the call's keys. Its own is the first of those of the source that leads."""
    first = next(link for link in links if link.source_id == leader)
    marks = tuple(msgspec.structs.replace(link, primary=link is first) for link in links)
    return msgspec.structs.replace(call, source_call_key=first.call_key, links=marks)


def renamed(fact: Fact) -> Fact:
    """A fact among those of other keys: natural ids are unique within one only."""
    return msgspec.structs.replace(fact, natural_id=f"{fact.call_key}/{fact.natural_id}")


class _Part(msgspec.Struct, frozen=True):
    """What one source tells of the call."""

    source_id: str
    facts: Sequence[Fact]
    told: Projection


def _part(source_id: str, told: Sequence[Sequence[Fact]]) -> _Part:
    facts = told[0] if len(told) == 1 else [renamed(fact) for some in told for fact in some]
    return _Part(source_id, facts, project(facts))


def _with_others(lead: _Part, others: Sequence[Projection]) -> Projection:
    told = lead.told
    if lent := _lent(told.call, others):
        told = project([*lead.facts, *lent])
    call = told.call
    for other in others:
        call = _added(call, other.call)
    return Projection(call, _events(told.events, others), max(told.last_at, *(o.last_at for o in others)))


def _rank(part: _Part) -> tuple[bool, bool, int, str]:
    """Who leads: an AI's own account, else one without gaps, else the one that tells most."""
    call = part.told.call
    gaps = not INCOMPLETE.isdisjoint(call.data_quality)
    return call.call_type != "ai_agent", gaps, -len(part.facts), part.source_id


def _lent(lead: Call, others: Sequence[Projection]) -> list[Fact]:
    """The start and the end, where the leader has not seen them: facts for its own story to make sense of."""
    lent = []
    if "start_missing" in lead.data_quality:
        known = [o.call.started_at for o in others if "start_missing" not in o.call.data_quality]
        if started := [at for at in known if at is not None]:
            at = min(started)
            lent.append(_fact(Kind.NOTED, lead, Data(started_at=at), at))
    if lead.ended_at is None or "end_missing" in lead.data_quality:
        ended = [o.call for o in others if o.call.ended_at is not None]
        lent += [_end(lead, call) for call in ended[:1]]
    return lent


def _end(lead: Call, other: Call) -> Fact:
    at = other.ended_at
    assert at is not None  # noqa: S101  # only calls that ended are asked
    if "end_missing" in other.data_quality:
        return _fact(Kind.ORPHANED, lead, Data(final=True), at)
    machine: Status | None = "voicemail" if other.status == "voicemail" else None
    return _fact(Kind.ENDED, lead, Data(hangup=other.hangup, reason=other.reason, status=machine), at)


def _fact(kind: Kind, lead: Call, data: Data, at: datetime) -> Fact:
    return Fact(
        kind=kind, call_key=lead.source_call_key, occurred_at=at, natural_id=f"lent:{kind.value}", data=data
    )


def _added(lead: Call, other: Call) -> Call:
    missing = [name for name in ADDED if getattr(lead, name) in (None, ())]
    if lead.from_ is None and lead.from_presentation is None:
        missing += ["from_", "from_presentation"]  # who withholds the number from one source does so from all
    if lead.disposition is None:
        missing += LABEL
    ids = {(r.id, r.url) for r in lead.recordings}
    return msgspec.structs.replace(
        lead,
        **{name: getattr(other, name) for name in missing},
        recordings=(*lead.recordings, *(r for r in other.recordings if (r.id, r.url) not in ids)),
        tags=tuple(dict.fromkeys((*lead.tags, *other.tags))),
        custom_fields={**other.custom_fields, **lead.custom_fields},
        is_test=lead.is_test or other.is_test,
        **_went_on(lead, other),
    )


def _went_on(lead: Call, other: Call) -> dict[str, Any]:
    """An AI handed the call on to people and left: it ended when they were done, and they talked as well (H8)."""
    start, left, end = lead.started_at, lead.ended_at, other.ended_at
    people = tuple(leg for leg in other.agents if leg.answered_at is not None and leg.agent.kind == "human")
    by_ai = lead.call_type == "ai_agent" and lead.agents
    if not (by_ai and people and start and left and end and end > left + LINGERS):
        return {}
    whole = max(int((end - start).total_seconds()), 0)
    return {
        "ended_at": end,
        "hangup": other.hangup,
        "duration_seconds": whole,
        "talk_time_seconds": min((lead.talk_time_seconds or 0) + (other.talk_time_seconds or 0), whole),
        "bridged_seconds": min((lead.bridged_seconds or 0) + (other.bridged_seconds or 0), whole),
        "agents": (*lead.agents, *people),
        "call_flow": (*lead.call_flow, *(step for step in other.call_flow if step.type == "agent")),
    }


def _events(told: tuple[Derived, ...], others: Sequence[Projection]) -> tuple[Derived, ...]:
    """The leader's, and what it has no word for: a call does not ring, connect or end twice."""
    events = list(told)
    for other in others:
        names = {event.name for event in events}
        known = {(event.name, event.discriminator) for event in events}
        events += [
            event
            for event in other.events
            if (event.name in OURS and (event.name, event.discriminator) not in known)
            or (event.name in IN_CALL and event.name not in names and event.name not in OURS)
        ]
    return told if len(events) == len(told) else tuple(sorted(events, key=lambda event: event.occurred_at))
