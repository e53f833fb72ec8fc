"""Facts: what a source says about a call at a time, in one vocabulary (W4, R1; the input half of the call model).

A fact is immutable and has a natural id, so the same fact twice changes nothing.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

Direction = Literal["inbound", "outbound"]
CallType = Literal["direct", "click_to_call", "dialer", "broadcast", "ai_agent", "internal", "conference"]
Status = Literal["answered", "missed", "abandoned", "voicemail"]
By = Literal["caller", "callee", "agent", "system", "unknown"]
Reason = Literal[
    "no_answer", "agent_no_answer", "busy", "rejected", "caller_cancelled", "caller_hangup_in_queue",
    "caller_hangup_in_ivr", "queue_timeout", "queue_full", "no_agents", "closed_hours", "unavailable",
    "congestion", "invalid_number", "blocked", "failed", "timeout", "machine", "lost", "pbx_restart", "unknown",
]  # fmt: skip


class Kind(StrEnum):
    """Every kind of fact. Those that are also call events carry the event's name."""

    RECEIVED = "call.received"
    INITIATED = "call.initiated"
    RINGING = "call.ringing"
    ANSWERED = "call.answered"  # a machine or the server picked up; says nothing about a conversation
    IVR_ANSWERED = "call.ivr_answered"
    AUTO_ATTENDANT_ENTERED = "call.auto_attendant_entered"
    DEPARTMENT_ENTERED = "call.department_entered"
    DTMF = "call.dtmf"
    AGENT_DIALED = "call.agent_dialed"
    AGENT_MISSED = "call.agent_missed"
    AGENT_ANSWERED = "call.agent_answered"
    CUSTOMER_DIALED = "call.customer_dialed"
    CUSTOMER_ANSWERED = "call.customer_answered"
    CUSTOMER_MISSED = "call.customer_missed"
    CONNECTED = "call.connected"
    DISCONNECTED = "call.disconnected"  # a conversation stopped while the call may go on
    HELD = "call.held"
    RESUMED = "call.resumed"
    TRANSFERRED = "call.transferred"
    SESSION_ANSWERED = "call.session_answered"
    VOICEMAIL_STARTED = "call.voicemail_started"
    VOICEMAIL_LEFT = "call.voicemail_left"
    RECORDING_STARTED = "call.recording_started"
    ENDED = "call.ended"
    COMPLETED = "call.completed"  # a finished call as one record; final
    RECORDING_READY = "call.recording_ready"
    RECORDING_FAILED = "call.recording_failed"
    TRANSCRIPT_READY = "call.transcript_ready"
    TRANSCRIPT_FAILED = "call.transcript_failed"
    ANALYZED = "call.analyzed"
    ANALYSIS_FAILED = "call.analysis_failed"
    ANALYSIS_SKIPPED = "call.analysis_skipped"
    DISPOSITION_UPDATED = "call.disposition_updated"
    WRAPPED_UP = "call.wrapped_up"
    NOTED = "call.noted"  # notes, tags or custom fields set; makes revisions, is no event of its own
    ORPHANED = "call.orphaned"  # the watchdog's: the end never came


ASSUMED = "direction_assumed"  # a flag: nothing tells the direction, the account's numbers may know better
START_KINDS = frozenset({Kind.RECEIVED, Kind.INITIATED})


class Named(msgspec.Struct, frozen=True, omit_defaults=True):
    """A queue, department, menu, campaign: what it is called at the source and in the directory."""

    id: str | None = None
    name: str | None = None


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who spoke for the business. `kind` tells people from AI agents."""

    id: str | None = None
    name: str | None = None
    number: str | None = None
    follow_me_number: str | None = None
    kind: Literal["human", "ai"] = "human"


class Hangup(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a leg ended, as the source says.

    `by_tag` is the SIP From tag of who sent the BYE, `by_party` their number or SIP user. The projection
    makes `by` of them; the party counts first, because proxies may show the dialog's tags, not the sender's.
    """

    cause: str | None = None
    cause_code: int | None = None  # ITU-T Q.850
    sip_code: int | None = None
    sip_reason: str | None = None
    by: By | None = None
    by_tag: str | None = None
    by_party: str | None = None


class Transfer(msgspec.Struct, frozen=True, omit_defaults=True):
    kind: Literal["blind", "attended", "ai", "external"] = "blind"
    from_agent: Agent | None = None
    to: str | None = None
    result: str | None = None


class Voicemail(msgspec.Struct, frozen=True, omit_defaults=True):
    box: str | None = None
    seconds: int | None = None


class Recording(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str | None = None
    status: Literal["none", "pending", "ready", "failed", "deleted"] = "ready"
    url: str | None = None
    duration_seconds: int | None = None
    channels: int | None = None
    started_at: datetime | None = None
    expires_at: datetime | None = None


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    role: str
    text: str
    start: float | None = None  # seconds from the start of the call
    end: float | None = None


class Transcript(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str | None = None
    status: str = "ready"
    language: str | None = None
    turns: tuple[Turn, ...] = ()
    url: str | None = None


class Analysis(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str | None = None
    status: str = "ready"
    summary: str | None = None
    success: bool | None = None
    variables: dict[str, Any] = {}
    rationales: dict[str, str] = {}
    sentiment: str | None = None
    model: str | None = None
    version: str | None = None


class Billing(msgspec.Struct, frozen=True, omit_defaults=True):
    circle: str | None = None
    operator: str | None = None
    cost: float | None = None
    currency: str | None = None
    credits: float | None = None


class Data(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a fact may say. Everything is optional; a field's meaning is that of the call field it feeds."""

    direction: Direction | None = None
    call_type: CallType | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    from_name: str | None = None
    to_name: str | None = None
    from_presentation: Literal["allowed", "anonymous"] | None = None
    did: str | None = None
    caller_id: str | None = None  # outbound: the number shown to the customer
    uuid: str | None = None
    parent_call_id: str | None = None
    agent: Agent | None = None
    queue: Named | None = None
    ivr: Named | None = None
    auto_attendant: Named | None = None
    campaign: Named | None = None
    broadcast: Named | None = None
    lead: dict[str, Any] | None = None
    position: int | None = None
    digit: str | None = None
    digits: tuple[str, ...] = ()
    status: Status | None = None
    reason: Reason | None = None
    hangup: Hangup | None = None
    transfer: Transfer | None = None
    voicemail: Voicemail | None = None
    recording: Recording | None = None
    recording_url: str | None = None
    transcript: Transcript | None = None
    analysis: Analysis | None = None
    billing: Billing | None = None
    disposition: str | None = None
    sub_disposition: str | None = None
    notes: str | None = None
    by: str | None = None  # who set the disposition or notes
    tags: tuple[str, ...] | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None  # the server answered; see Call.server_answered_at
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    talk_time_seconds: int | None = None
    billable_seconds: int | None = None
    ring_time_seconds: int | None = None
    wait_seconds: int | None = None
    ivr_seconds: int | None = None
    hold_seconds: int | None = None
    outbound_seconds: int | None = None
    wrap_up_seconds: int | None = None
    custom_fields: dict[str, Any] | None = None
    final: bool = False  # the source says that nothing more will come before the end settles
    is_test: bool = False
    flags: tuple[str, ...] = ()  # data_quality flags the parser raises, e.g. clock_local_assumed


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a leg of a switch (a PBX) hangs together with its other legs.

    A fact with a line speaks of that leg alone, not of the call: RECEIVED is a leg that came in, CONNECTED one
    that entered a bridge, ENDED one that is gone. What it means for the call: `fold/switch.py`.
    """

    pair: str | None = None  # what both halves of a connection the switch makes to itself have in common
    half: Literal[1, 2] | None = None
    first: bool = False  # the leg the switch named the call after
    dialed_by: str | None = None  # the leg for which it is dialled; "" when the switch itself placed it
    bridge: str | None = None
    holding: bool = False  # a bridge in which nobody hears anybody: music, parking


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One fact. Times are aware UTC.

    `call_key` is the call's stable key at the source, `leg` one connection of it. `natural_id` is unique
    within the call key; `seq` is the source's own sequence number within the call where it has one.
    `aliases` are other names of the call (`alias`): calls that share one are one call (H8, H16).
    """

    kind: Kind
    call_key: str
    occurred_at: datetime
    natural_id: str
    received_at: datetime | None = None
    leg: str | None = None
    seq: int | None = None
    data: Data = Data()
    line: Line | None = None
    aliases: tuple[str, ...] = ()


THIS_SOURCE = "key"  # as a system: this source itself, whose ids are call keys


def alias(system: str, id_: str | None) -> tuple[str, ...]:
    """The name a call has at another system, such as `twilio:CA1`, if it has one there."""
    return (f"{system}:{id_}",) if id_ else ()


# What comes first when a source's clock cannot tell: the order in which a call lives.
_LIFE = (
    (Kind.RECEIVED, Kind.INITIATED),
    (Kind.RINGING,),
    (Kind.ANSWERED,),
    (Kind.IVR_ANSWERED, Kind.AUTO_ATTENDANT_ENTERED),
    (Kind.DTMF,),
    (Kind.DEPARTMENT_ENTERED,),
    (Kind.AGENT_DIALED, Kind.CUSTOMER_DIALED),
    (Kind.AGENT_MISSED, Kind.CUSTOMER_MISSED),
    (Kind.AGENT_ANSWERED, Kind.CUSTOMER_ANSWERED, Kind.SESSION_ANSWERED),
    (Kind.CONNECTED,),
    (Kind.RECORDING_STARTED,),
    (Kind.HELD,),
    (Kind.RESUMED,),
    (Kind.DISCONNECTED,),
    (Kind.TRANSFERRED,),
    (Kind.VOICEMAIL_STARTED,),
    (Kind.VOICEMAIL_LEFT,),
    (Kind.ENDED,),
    (Kind.COMPLETED,),
    (Kind.ORPHANED,),
)
_RANK = {kind: rank for rank, kinds in enumerate(_LIFE) for kind in kinds}
_LAST = len(_LIFE)  # what comes after the call has no order of its own
_ENDS = frozenset({Kind.ENDED, Kind.COMPLETED, Kind.ORPHANED})

Place = tuple[datetime, int, str]


def moment(fact: Fact) -> datetime:
    """When what the fact says took place: an end that is reported later took place at its `ended_at`."""
    if fact.kind in _ENDS and fact.data.ended_at is not None:
        return fact.data.ended_at
    return fact.occurred_at


def place(fact: Fact) -> Place:
    """Where the fact stands among those of its call that the source has not numbered."""
    return moment(fact), _RANK.get(fact.kind, _LAST), fact.natural_id


def distinct(facts: Iterable[Fact]) -> list[Fact]:
    """One fact for each natural id. Which one does not depend on the order they are given in."""
    found: dict[str, Fact] = {}
    for fact in facts:
        other = found.setdefault(fact.natural_id, fact)
        if other is not fact:
            found[fact.natural_id] = min(other, fact, key=_by_content)
    return list(found.values())


def _by_content(fact: Fact) -> tuple[Place, int, bytes]:
    said = (fact.kind, fact.leg, fact.data, fact.line)
    return place(fact), fact.seq or 0, msgspec.msgpack.encode(said, order="sorted")


def ordered(facts: Iterable[Fact]) -> list[Fact]:
    """Facts in the order they are told: by time, those with a source sequence among their own places by it.

    Depends on the set only, never on the order of arrival. At one instant a call's life decides (a clock of
    whole seconds says no more), then the natural id.
    """
    by_time = list(facts)
    if len(by_time) < 2:
        return by_time
    by_time.sort(key=place)
    numbered = [i for i, f in enumerate(by_time) if f.seq is not None]
    if len(numbered) < 2:
        return by_time
    told = sorted((by_time[i] for i in numbered), key=lambda f: (f.seq, place(f)))
    for i, fact in zip(numbered, told, strict=True):
        by_time[i] = fact
    return by_time
