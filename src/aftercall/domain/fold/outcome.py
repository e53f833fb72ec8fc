"""How a call came out: status and reason, who hung up, the conversation. Pure readings of a story."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from aftercall.domain.causes import reason_of
from aftercall.domain.fact import By, CallType, Direction, Hangup, Reason, Status
from aftercall.domain.fold.span import ZERO, Span
from aftercall.domain.fold.story import Story

ORPHANED = 0  # the rank of an end that never came; see ending.py
OUTGOING: frozenset[CallType | None] = frozenset({"click_to_call", "dialer", "broadcast"})
# Reasons that only a customer who was rung can give.
CUSTOMERS: frozenset[Reason | None] = frozenset({
    "no_answer", "busy", "rejected", "unavailable", "invalid_number", "machine"
})  # fmt: skip
ABANDONED: frozenset[Reason] = frozenset({"caller_hangup_in_queue", "caller_hangup_in_ivr"})


def direction_of(story: Story) -> Direction | None:
    """What is said, else what the start implies, else what the call's type does: we place those calls."""
    return story.direction or story.implied_direction or ("outbound" if story.call_type in OUTGOING else None)


def conversation(story: Story) -> tuple[Span, bool]:
    """When the customer and an agent heard each other, and whether that is inferred (H3).

    Without a word on a conversation: an agent who answers an incoming call hears the caller. On an outgoing
    one both must have answered, unless nobody had to be rung for it: the agent dialled it (direct), or a
    recording speaks for the agent (broadcast).
    """
    if story.talk.first is not None or story.said.connected_at is not None:
        return story.talk, False
    if direction_of(story) != "outbound":
        return story.agents_on, story.agents_on.first is not None
    alone = not story.legs and story.call_type in {None, "direct", "broadcast"}
    span = story.customer_on if alone else story.both_on
    return span, span.first is not None


def customer_dialed(story: Story) -> bool:
    """Facts tell of the customer's leg; of a click-to-call that is only posted as a record, its outcome does."""
    if story.customer_dialed or story.call_type != "click_to_call":
        return story.customer_dialed
    return story.said.status == "answered" or story.said.reason in CUSTOMERS


def connected_at(story: Story, span: Span) -> tuple[datetime | None, bool]:
    """The start of the first conversation, and whether it was reckoned back from the source's talk time."""
    at = story.said.connected_at or span.first
    if at is None and story.said.talk_time_seconds and story.ended_at is not None:
        return story.ended_at - timedelta(seconds=story.said.talk_time_seconds), True
    return at, False


def talked(story: Story, span: Span, end: datetime) -> timedelta:
    if span.first is not None:
        return span.until(end)
    at = story.said.connected_at
    return ZERO if at is None else max(end - at, ZERO)


def who_hung_up(story: Story) -> By | None:
    """What the source says, else who sent the BYE (`by_party`, `by_tag`), else who cancels: the caller."""
    hangup = story.said.hangup
    if hangup is None:
        return None
    if hangup.by is not None and hangup.by != "unknown":
        return hangup.by
    if hangup.by_party is not None and hangup.by_party in {story.from_, story.to}:
        return "caller" if hangup.by_party == story.from_ else "callee"
    if hangup.by_tag is not None and story.caller_leg is not None:
        return "caller" if hangup.by_tag == story.caller_leg else "callee"
    return "caller" if reason_of(hangup) == "caller_cancelled" else hangup.by


def hangup_of(story: Story, by: By | None) -> Hangup | None:
    hangup = story.said.hangup
    return hangup if hangup is None or hangup.by == by else msgspec.structs.replace(hangup, by=by)


def decide(story: Story, *, talked_at_all: bool, by: By | None) -> tuple[Status, Reason | None]:
    """Status and reason of an ended call. The reason is None for answered and voicemail, and only then."""
    status = story.said.status or _status(story, talked_at_all=talked_at_all, by=by)
    if status in {"answered", "voicemail"}:
        return status, None
    if story.said.reason is not None:
        return status, story.said.reason
    if status == "abandoned":
        return status, _where_abandoned(story)
    return status, _missed_reason(story, by)


def leg_reason(story: Story) -> Reason:
    """Why an agent's leg that nobody gave an outcome was missed: the call's reason, where it has one."""
    by = who_hung_up(story)
    span, _ = conversation(story)
    at, _ = connected_at(story, span)
    _, reason = decide(story, talked_at_all=at is not None, by=by)
    if reason is not None:
        return reason
    return "caller_cancelled" if by == "caller" and direction_of(story) != "outbound" else "no_answer"


def _status(story: Story, *, talked_at_all: bool, by: By | None) -> Status:
    if story.machine or (story.said.reason == "machine" and not talked_at_all):
        return "voicemail"
    if talked_at_all:
        return "answered"
    if story.voicemail_at is not None:
        return "voicemail"
    if story.said.reason is not None:
        return "abandoned" if story.said.reason in ABANDONED else "missed"
    return "abandoned" if _abandoned_in(story, by) else "missed"


def _abandoned_in(story: Story, by: By | None) -> Literal["menu", "queue"] | None:
    """Where the customer gave up, if they did: in a queue or menu, or ringing after having been in one.

    Where nobody says who hung up: a queue is left by hanging up (its own time-out is told, or leads to
    another place), and so is a menu, unless an agent it led to has missed the call or the cause tells of a
    failure.
    """
    if story.waited_in is None or story.end_rank == ORPHANED:
        return None
    customer: By = "callee" if direction_of(story) == "outbound" else "caller"
    if by is not None and by != "unknown":
        return story.waited_in if by == customer else None
    if reason_of(story.said.hangup) is not None:
        return None
    if story.waited_in == "menu" and story.missed_reason not in {None, "caller_cancelled"}:
        return None
    return story.waited_in


def _where_abandoned(story: Story) -> Reason:
    """Of a call that was abandoned; a finished call may say so without saying where."""
    if story.waited_in == "queue" or (story.waited_in is None and story.queue is not None):
        return "caller_hangup_in_queue"
    if story.waited_in == "menu" or story.ivr is not None or story.auto_attendant is not None:
        return "caller_hangup_in_ivr"
    return "caller_cancelled"


def _missed_reason(story: Story, by: By | None) -> Reason:
    if story.end_rank == ORPHANED:
        return "lost"
    if direction_of(story) == "outbound":
        return _outgoing_reason(story, by)
    if by == "caller":
        return "caller_cancelled"
    if by == "system" and story.waited_in == "queue":
        return "queue_timeout"
    cause = reason_of(story.said.hangup)
    return story.missed_reason or cause or ("no_answer" if story.legs or story.ringing_at else "unknown")


def _outgoing_reason(story: Story, by: By | None) -> Reason:
    """The customer's leg says why, where there was one; without one, the agent who was to be rung first."""
    if story.call_type in OUTGOING and story.answers == 0:
        if story.customer_answered_at is not None:
            return "agent_no_answer" if story.legs else "no_agents"
        if story.legs and not story.customer_dialed:
            return "agent_no_answer"
    if story.customer_reason is not None:
        return story.customer_reason
    if by == "caller":
        return "caller_cancelled"
    rung = story.customer_dialed or story.ringing_at is not None
    return reason_of(story.said.hangup) or story.missed_reason or ("no_answer" if rung else "unknown")
