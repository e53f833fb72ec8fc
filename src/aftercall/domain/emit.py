"""When a call speaks: gates, settling, revisions, the watchdog (calls.md C4). Pure; `now` is an argument.

A projection knows every event of a call; `emit` decides which of them are said now, and when to look again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from aftercall.domain.account import Timing
from aftercall.domain.call import Call
from aftercall.domain.event import AFTER_CALL, COMPLETED, ENDED, IN_CALL, UPDATED, Derived, Event, event_id
from aftercall.domain.project import Projection
from aftercall.domain.webhook import HoldFor

# What a person decides about a call stays welcome after the call is closed (C4.2).
ALWAYS_WELCOME = frozenset(
    {"disposition", "sub_disposition", "disposition_at", "disposition_by", "notes", "tags"}
)
# Differences in these alone are no revision: they are how the call is known, not what is known of it.
UNSPOKEN = frozenset({"phase", "final", "data_quality", "customer_dialed", "contact"})


class Hold(msgspec.Struct, frozen=True):
    """A webhook or rule that asked to wait (H7): it gets the call once, when all is there or time is up."""

    subscriber_id: str = msgspec.field(name="webhook_id")
    awaiting: tuple[HoldFor, ...]
    until: datetime
    event: Event


class Speech(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has been said about a call, and since when it has been heard of."""

    first_heard_at: datetime
    last_heard_at: datetime
    end_heard_at: datetime | None = None
    completed_at: datetime | None = None
    update_due_at: datetime | None = None
    sequence: int = 0
    revision: int = 0
    told: Call | None = None  # what the last revision said, when the call has changed since
    holds: tuple[Hold, ...] = ()
    acted: tuple[str, ...] = ()  # the rules that have run for the call, in order
    over: tuple[str, ...] = ()  # those that did not, because ten had
    elsewhere: tuple[str, ...] = ()  # those of `acted` that ran for a record that was merged into the call


class Emission(msgspec.Struct, frozen=True):
    """What is said now, the state after it, and when to look again (None: when something new is heard)."""

    events: tuple[Event, ...]
    speech: Speech
    due_at: datetime | None
    orphaned: bool = False


def heard(speech: Speech | None, at: datetime, call: Call) -> Speech:
    """The speech after facts came in at `at`."""
    if speech is None:
        return Speech(at, at, end_heard_at=at if call.ended_at else None)
    end_heard_at = speech.end_heard_at or (at if call.ended_at else None)
    return msgspec.structs.replace(
        speech, last_heard_at=max(at, speech.last_heard_at), end_heard_at=end_heard_at
    )


def candidates(call_id: str, projection: Projection) -> dict[str, Derived]:
    """The projection's events under their stable ids."""
    return {event_id(call_id, e.name, e.discriminator): e for e in projection.events}


def emit(
    call_id: str,
    call: Call,
    fresh: dict[str, Derived],
    speech: Speech,
    before: Call | None,
    now: datetime,
    timing: Timing,
    closed_after: timedelta,
) -> Emission:
    """Say what can be said now.

    `fresh` are the candidates not spoken yet, `before` is the call as it was at the last look.
    """
    watchdog = _watchdog_due(call, speech, timing)
    if watchdog is not None and now >= watchdog:
        return Emission((), speech, now, orphaned=True)
    voice = _Voice(call_id, call, speech, now)
    voice.wait_for(watchdog)
    gates = _gates(call, speech, timing)
    waits_for_end = call.ended_at is not None and speech.completed_at is None
    for id_, event in fresh.items():
        if event.name == COMPLETED or (event.name in AFTER_CALL and waits_for_end):
            continue
        voice.say_when(gates(event.name), id_, event)
    completed = next(((i, e) for i, e in fresh.items() if e.name == COMPLETED), None)
    if completed and voice.say_when(gates(COMPLETED), *completed):
        for id_, event in fresh.items():
            if event.name in AFTER_CALL:
                voice.say(id_, event)
    elif speech.completed_at is not None:
        _revise(voice, before, closed_after, timing)
    return voice.emission()


def farewell(call_id: str, call: Call, speech: Speech, before: Call | None, now: datetime) -> Emission:
    """The last word of a call that lives on as another (H8): a revision, if it had been completed. Then silence."""
    told = speech.told or before
    speech = msgspec.structs.replace(speech, update_due_at=None, told=None, holds=())
    if speech.completed_at is None or told is None or told.merged_into is not None:
        return Emission((), speech, None)
    voice = _Voice(call_id, call, speech, now)
    voice.revise(changes(told, call))
    return voice.emission()


class _Voice:
    """Collects what is said in one look at a call."""

    def __init__(self, call_id: str, call: Call, speech: Speech, now: datetime) -> None:
        self.call_id, self.call, self.speech, self.now = call_id, call, speech, now
        self.due: datetime | None = None
        self.sequence, self.revision = speech.sequence, speech.revision
        self.completed_at = speech.completed_at
        self.update_due_at, self.told = speech.update_due_at, speech.told
        self.events: list[Event] = []

    def wait_for(self, at: datetime | None) -> None:
        if at is not None and (self.due is None or at < self.due):
            self.due = at

    def say_when(self, at: datetime | None, id_: str, event: Derived) -> bool:
        """Say it if its time has come; None means that its time is not known yet."""
        if at is None:
            return False
        if at > self.now:
            self.wait_for(at)
            return False
        self.say(id_, event)
        return True

    def say(self, id_: str, event: Derived) -> None:
        late = event.name in IN_CALL and self.completed_at is not None
        self.sequence += 1
        if event.name == COMPLETED:
            self.revision, self.completed_at = 1, self.now
        self.events.append(
            Event(
                event_id=id_,
                name=event.name,
                call_id=self.call_id,
                occurred_at=event.occurred_at,
                received_at=self.speech.last_heard_at,
                spoken_at=self.now,
                sequence=self.sequence,
                revision=self.revision,
                discriminator=event.discriminator,
                details=event.details,
                late=late,
                is_test=self.call.is_test,
            )
        )

    def revise(self, changed: list[dict[str, Any]]) -> None:
        self.told = self.update_due_at = None
        self.revision += 1
        number = str(self.revision)
        self.say(
            event_id(self.call_id, UPDATED, number), Derived(UPDATED, self.now, number, {"changes": changed})
        )

    def emission(self) -> Emission:
        if self.completed_at is not None:
            self.due = None  # the watchdog no longer matters
            self.wait_for(self.update_due_at)
        speech = msgspec.structs.replace(
            self.speech,
            sequence=self.sequence,
            revision=self.revision,
            completed_at=self.completed_at,
            update_due_at=self.update_due_at,
            told=self.told,
        )
        return Emission(tuple(self.events), speech, self.due)


def _watchdog_due(call: Call, speech: Speech, timing: Timing) -> datetime | None:
    if call.ended_at is not None or speech.completed_at is not None:
        return None
    return speech.last_heard_at + timedelta(seconds=timing.watchdog)


def _gates(call: Call, speech: Speech, timing: Timing) -> Callable[[str], datetime | None]:
    """When each kind of event may be said."""
    if call.final:
        return lambda _: speech.first_heard_at
    start: datetime | None = speech.first_heard_at + timedelta(seconds=timing.gate)
    if call.direction is None and call.ended_at is None:
        start = None  # the root leg is not known yet: guesses made now were the only wrong ones (C4.1)
    end: datetime | None = None
    settled: datetime | None = None
    if speech.end_heard_at is not None:
        end = speech.end_heard_at + timedelta(seconds=timing.gate)
        quiet = speech.last_heard_at + timedelta(seconds=timing.quiet)
        settled = min(quiet, speech.end_heard_at + timedelta(seconds=timing.settle_max))

    def at(name: str) -> datetime | None:
        if name == COMPLETED:
            return settled
        if name == ENDED:
            return end
        return start if name in IN_CALL else speech.first_heard_at

    return at


def _revise(voice: _Voice, before: Call | None, closed_after: timedelta, timing: Timing) -> None:
    """call.updated: what the completed call said has changed (coalesced, so that a burst is one revision)."""
    told = voice.told or before
    if told is None or told is voice.call or told == voice.call:
        if voice.told is not None:
            voice.told = voice.update_due_at = None  # it changed and changed back
        return
    changed = changes(told, voice.call)
    closed = voice.call.ended_at is not None and voice.now - voice.call.ended_at > closed_after
    if not changed or (closed and not ALWAYS_WELCOME.intersection(c["path"] for c in changed)):
        return
    due = voice.update_due_at or voice.now + timedelta(seconds=timing.update_quiet)
    if due > voice.now:
        voice.told, voice.update_due_at = told, due
        return
    voice.revise(changed)


def changes(old: Call, new: Call) -> list[dict[str, Any]]:
    """The top-level fields in which two records of a call differ, as path, old and new value."""
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    return [
        {"path": path, "old": before.get(path), "new": after.get(path)}
        for path in sorted(before.keys() | after.keys())
        if path not in UNSPOKEN and before.get(path) != after.get(path)
    ]
