"""The call: the fold of its facts, as one frozen value (the canonical call model).

Only values live here; how facts become a call is in `project.py`, when it speaks is in `emit.py`.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.domain.fact import (
    Agent,
    Analysis,
    Billing,
    CallType,
    Direction,
    Hangup,
    Named,
    Reason,
    Recording,
    Status,
    Transcript,
)

Phase = Literal[
    "new", "received", "initiated", "ringing", "in_menu", "queued", "dialing", "connected", "held", "ended"
]


class AgentLeg(msgspec.Struct, frozen=True, omit_defaults=True):
    """One agent's part in the call: dialled, then answered, missed, or answered elsewhere (neither)."""

    agent: Agent
    leg: str | None = None
    dialed_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    missed: bool = False
    reason: Reason | None = None
    ring_seconds: int | None = None


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of the call flow, in order: a menu, a queue, an agent, a transfer, voicemail."""

    type: str
    at: datetime
    id: str | None = None
    name: str | None = None
    duration_seconds: int | None = None
    result: str | None = None
    leg: str | None = None


class Digit(msgspec.Struct, frozen=True, omit_defaults=True):
    digit: str
    at: datetime
    ivr_id: str | None = None


class Link(msgspec.Struct, frozen=True):
    """One of several keys that a call is told under, and the record that has its facts. `primary`: it leads."""

    call_id: str
    source_id: str
    call_key: str
    primary: bool = False


class Call(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is known of a call. Times are aware UTC; seconds are whole and never negative.

    `status` and `reason` are set once the call has ended; `server_answered_at` is when a machine picked up,
    `connected_at` when the customer and an agent first heard each other.
    """

    source_call_key: str
    uuid: str | None = None  # the leg (connection) the source names the call by
    parent_call_id: str | None = None
    phase: Phase = "new"
    direction: Direction | None = None
    call_type: CallType = "direct"
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    from_name: str | None = None
    to_name: str | None = None
    from_presentation: Literal["allowed", "anonymous"] | None = None
    did: str | None = None  # our number
    caller_id: str | None = None
    status: Status | None = None
    reason: Reason | None = None
    hangup: Hangup | None = None
    contact: Named | None = None  # the customer, where the account knows that number
    queue: Named | None = None
    ivr: Named | None = None
    auto_attendant: Named | None = None
    agent: Agent | None = None  # the first who answered
    agents: tuple[AgentLeg, ...] = ()
    campaign: Named | None = None
    broadcast: Named | None = None
    lead: dict[str, Any] | None = None
    started_at: datetime | None = None
    server_answered_at: datetime | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    customer_dialed: bool = False
    customer_answered_at: datetime | None = None
    duration_seconds: int | None = None
    billable_seconds: int | None = None
    talk_time_seconds: int | None = None
    bridged_seconds: int | None = None
    ring_time_seconds: int | None = None
    wait_seconds: int | None = None
    ivr_seconds: int | None = None
    hold_seconds: int | None = None
    outbound_seconds: int | None = None
    wrap_up_seconds: int | None = None
    recordings: tuple[Recording, ...] = ()
    recording_url: str | None = None
    transcript: Transcript | None = None
    analysis: Analysis | None = None
    digits: tuple[Digit, ...] = ()
    call_flow: tuple[Step, ...] = ()
    disposition: str | None = None
    sub_disposition: str | None = None
    disposition_at: datetime | None = None
    disposition_by: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    custom_fields: dict[str, Any] = {}
    billing: Billing | None = None
    is_test: bool = False
    final: bool = False  # the source said that the end is final
    data_quality: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()  # of a call told under several keys, all of them
    merged_into: str | None = None  # the call this one lives on as

    @property
    def customer_number(self) -> str | None:
        """The outside party: who called us, or whom we called."""
        return self.to if self.direction == "outbound" else self.from_

    @property
    def missed_agents(self) -> tuple[AgentLeg, ...]:
        return tuple(leg for leg in self.agents if leg.missed)
