"""The story of a call so far: the mutable state its facts are folded into. What it means is in `outcome.py`.

Everything is flat, and of constant size or, as lists (legs, steps, digits), limited: see `shorten.py`.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.domain.call import AgentLeg, Digit, Step
from aftercall.domain.event import Derived
from aftercall.domain.fact import (
    Agent,
    Analysis,
    Billing,
    CallType,
    Direction,
    Fact,
    Hangup,
    Named,
    Reason,
    Recording,
    Status,
    Transcript,
)
from aftercall.domain.fold.board import Board
from aftercall.domain.fold.span import Span


class Said(msgspec.Struct, omit_defaults=True):
    """What ends have said in so many words. The source's own account wins over what we make of its facts."""

    status: Status | None = None
    reason: Reason | None = None
    hangup: Hangup | None = None
    agent: Agent | None = None
    connected_at: datetime | None = None
    answered_at: datetime | None = None
    duration_seconds: int | None = None
    talk_time_seconds: int | None = None
    billable_seconds: int | None = None
    ring_time_seconds: int | None = None
    wait_seconds: int | None = None
    ivr_seconds: int | None = None
    hold_seconds: int | None = None
    outbound_seconds: int | None = None
    digits: tuple[str, ...] | None = None


class CustomerLeg(msgspec.Struct, omit_defaults=True):
    """A leg to the customer: dialled, then answered or missed, whichever is said first (H2)."""

    step: int
    dialed_at: datetime | None = None
    answered: bool = False
    missed: bool = False


class Story(msgspec.Struct, omit_defaults=True):
    # Where it stands among the facts of the call (see `Fold.follows`).
    call_key: str = ""
    last_at: datetime | None = None
    last_place: tuple[datetime, int, str] | None = None
    last_seq: int | None = None
    heard: int = 0  # facts
    shortened: bool = False  # it lists less than there was; see shorten.py

    # Who and what.
    direction: Direction | None = None
    implied_direction: Direction | None = None
    call_type: CallType | None = None
    from_: str | None = None
    to: str | None = None
    from_name: str | None = None
    to_name: str | None = None
    from_presentation: Literal["allowed", "anonymous"] | None = None
    did: str | None = None
    caller_id: str | None = None
    uuid: str | None = None
    parent_call_id: str | None = None
    queue: Named | None = None
    ivr: Named | None = None
    auto_attendant: Named | None = None
    campaign: Named | None = None
    broadcast: Named | None = None
    lead: dict[str, Any] | None = None
    is_test: bool = False
    flags: list[str] = []

    # When.
    start_at: datetime | None = None  # the earliest start that a fact tells
    first_at: datetime | None = None  # the earliest sign of the call itself
    last_live_at: datetime | None = None
    first_fact_at: datetime | None = None  # the earliest sign at all, for calls only heard of afterwards
    server_answered_at: datetime | None = None
    ringing_at: datetime | None = None
    voicemail_at: datetime | None = None
    caller_leg: str | None = None  # the From tag of the call's INVITE, where the source names legs by it
    caller_leg_is_first: bool = False

    # The conversation, as facts say it, and as it follows from who answered (H3).
    talk: Span = msgspec.field(default_factory=Span)
    agents_on: Span = msgspec.field(default_factory=Span)
    customer_on: Span = msgspec.field(default_factory=Span)
    both_on: Span = msgspec.field(default_factory=Span)
    customer_legs_on: list[str] = []
    held: Span = msgspec.field(default_factory=Span)
    connects_at: datetime | None = None
    connect_legs: list[str] = []
    connects: int = 0
    holds: int = 0
    resumes: int = 0
    transfers: int = 0

    # The menu or queue the caller is in, and the last one they have been in.
    where: Literal["menu", "queue"] | None = None
    where_since: datetime | None = None
    where_step: int = -1
    waited_in: Literal["menu", "queue"] | None = None
    menu_seconds: float = 0.0
    queue_seconds: float = 0.0
    been_in_menu: bool = False
    been_in_queue: bool = False
    visits: dict[str, int] = {}
    voicemails: int = 0
    voicemails_left: int = 0

    # Legs.
    caller_agent: Agent | None = None  # who placed an outbound call
    agent: Agent | None = None
    legs: list[AgentLeg] = []
    leg_steps: list[int] = []
    leg_at: dict[str, int] = {}  # leg key -> place in `legs`
    leg_of: dict[str, str] = {}  # agent -> key of their last leg
    ringing: dict[str, int] = {}  # legs without an outcome
    told_missed: dict[str, bool] = {}  # of those, whom an end has declared missed
    answers: int = 0
    answers_at: int = 0  # legs dialled before the last answer: what rings of them was answered elsewhere
    answered_at: datetime | None = None
    ring_seconds: int | None = None
    missed_reason: Reason | None = None
    customers: dict[str, CustomerLeg] = {}
    customer_dialed_at: datetime | None = None
    customer_dialed: bool = False
    customer_answered_at: datetime | None = None
    customer_left_at: datetime | None = None
    customer_reason: Reason | None = None
    machine: bool = False
    steps: list[Step] = []
    digits: list[Digit] = []
    digits_so_far: str = ""
    digit_times: tuple[datetime, int] | None = None

    board: Board | None = None  # of a switch that tells of legs and bridges, not of calls; see switch.py

    # The end.
    ended_at: datetime | None = None
    end_rank: int = -1
    end_stated: bool = False
    final: bool = False
    said: Said = msgspec.field(default_factory=Said)
    said_rank: int = -1
    after_end: list[Fact] = []  # of a call in progress, told after its end; they count if a better end comes

    # What came of it afterwards.
    recordings: dict[str, Recording] = {}
    transcript: Transcript | None = None
    analysis: Analysis | None = None
    disposition: str | None = None
    sub_disposition: str | None = None
    disposition_at: datetime | None = None
    disposition_by: str | None = None
    dispositions: int = 0
    notes: str | None = None
    tags: dict[str, bool] = {}
    custom_fields: dict[str, Any] = {}
    billing: Billing | None = None
    accounted_seconds: int | None = None  # billable by a switch's accounting: the longest of its rows
    wrap_up_seconds: int | None = None
    wrapped_up_at: datetime | None = None

    # What it gave rise to, not taken yet.
    events: list[Derived] = []
    told: dict[str, bool] = {}
    ended_event: int = -1
    completed_event: int = -1

    def tell(
        self, name: str, at: datetime, discriminator: str = "", details: dict[str, Any] | None = None
    ) -> None:
        self.events.append(Derived(name, at, discriminator, details or {}))

    def tell_once(
        self, name: str, at: datetime, discriminator: str = "", details: dict[str, Any] | None = None
    ) -> None:
        """Tell what several facts may say (a start seen twice, a recording reported again)."""
        key = f"{name}|{discriminator}"
        if key not in self.told:
            self.told[key] = True
            self.tell(name, at, discriminator, details)


def plain(value: msgspec.Struct | None) -> Any:
    """As JSON will say it."""
    return None if value is None else msgspec.to_builtins(value)
