"""The end of a call: which of several ends it is, and what a source says of the finished call."""

from operator import attrgetter

import msgspec

from aftercall.domain.causes import answered_elsewhere
from aftercall.domain.fact import Fact, Hangup, Kind
from aftercall.domain.fold import afterwards, agents, outcome
from aftercall.domain.fold.progress import live
from aftercall.domain.fold.story import Said, Story

# Which end is the call's, when a source reports several: its account of the finished call, else the end it
# calls final; of equals the last. The end of a leg that lost a race counts only where there is no other, and
# that the end never came, only if it never did.
ORPHANED, LEG, ENDED, FINAL, COMPLETED = range(5)

_SAID = tuple(field for field in Said.__struct_fields__ if field not in {"hangup", "digits"})
_values = attrgetter(*_SAID)


def end(story: Story, fact: Fact) -> None:
    """An end fact. A better end than the one known takes its place, and what was told in between counts again."""
    rank = _rank(fact)
    if rank == ORPHANED and story.end_rank >= 0:
        return  # it did end after all
    if rank != LEG:
        _hear(story, fact, rank)
    if rank < story.end_rank:
        return
    waiting, story.after_end = story.after_end, []
    for late in waiting:
        live(story, late)
    story.end_rank = rank
    story.ended_at = fact.data.ended_at or fact.occurred_at
    if rank == ORPHANED and fact.data.ended_at is None:
        story.ended_at = story.last_live_at or fact.occurred_at
    _tell_missed(story)
    _tell_end(story, rank)


def _rank(fact: Fact) -> int:
    if fact.kind is Kind.COMPLETED:
        return COMPLETED
    if fact.kind is Kind.ORPHANED:
        return ORPHANED
    if fact.data.final:
        return FINAL
    return LEG if answered_elsewhere(fact.data.hangup) else ENDED


def _hear(story: Story, fact: Fact, rank: int) -> None:
    """What a better or later end says replaces what was said; what a lesser one says fills the gaps."""
    said, data = story.said, fact.data
    better = rank >= story.said_rank
    for field, value in zip(_SAID, _values(data), strict=True):
        if value is not None and (better or getattr(said, field) is None):
            setattr(said, field, value)
    if data.digits and (better or said.digits is None):
        said.digits = data.digits
    if data.hangup is not None:
        said.hangup = _both(data.hangup, said.hangup) if better else _both(said.hangup, data.hangup)
    if better:
        story.said_rank = rank
    story.final = story.final or rank >= FINAL
    if rank == COMPLETED:
        _hear_record(story, fact)


def _hear_record(story: Story, fact: Fact) -> None:
    """What a finished call brings along makes no events of its own: it is in the record."""
    data = fact.data
    if data.recording is not None or data.recording_url is not None:
        afterwards.keep_recording(story, fact)
    story.transcript = data.transcript or story.transcript
    story.analysis = data.analysis or story.analysis
    if data.disposition is not None:
        afterwards.label(story, data, fact.occurred_at)


def _both(first: Hangup | None, second: Hangup | None) -> Hangup | None:
    if first is None or second is None or first == second:
        return first or second
    said = {f: getattr(first, f) for f in Hangup.__struct_fields__ if getattr(first, f) is not None}
    if said.get("by") == "unknown" and second.by is not None:
        del said["by"]
    return msgspec.structs.replace(second, **said)


def _tell_missed(story: Story) -> None:
    """An agent who was rung and had no outcome by the end has missed the call, unless another took it.

    The one whom the source's account of the call names answered it, whatever facts are missing.
    """
    if not story.ringing or story.ended_at is None:
        return
    reason = outcome.leg_reason(story)
    named = story.leg_of.get(agents.name_of(story.said.agent)) if story.said.status == "answered" else None
    for key in story.ringing:
        leg = agents.still_ringing(story, key, story.ended_at, reason)
        if leg.missed and key != named and key not in story.told_missed:
            agents.tell_missed(story, key, leg, story.ended_at)


def _tell_end(story: Story, rank: int) -> None:
    """call.ended and call.completed, once; a better end moves them as long as nobody has taken them.

    A lost call is `call.orphaned` instead of ended; if its end comes after all, that is told too.
    """
    at = story.ended_at
    if at is None:
        return
    for i in sorted((story.ended_event, story.completed_event), reverse=True):
        if i >= 0:
            del story.told[story.events.pop(i).name + "|"]
    story.ended_event = story.completed_event = -1
    if rank == ORPHANED:
        story.tell_once("call.orphaned", at)
    elif "call.ended|" not in story.told:
        story.ended_event = len(story.events)
        story.tell_once("call.ended", at)
    if "call.completed|" not in story.told:
        story.completed_event = len(story.events)
        story.tell_once("call.completed", at)
