"""From facts to the call and its events: `project`, and `Fold`, the step-wise form it is built on.

Both depend on the set of facts only, never on the order in which they arrived. No clock, no account.
The way: a fact is described (`identity`), told (`progress`, `legs`, `ending`, `afterwards`) into the `story`;
the story is read (`reading`, `outcome`) as a call. A fact about one leg of a switch is heard first (`switch`),
which makes of it what it means for the call: facts, none or several, that are told in its place.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

import msgspec

from aftercall.domain.call import Call
from aftercall.domain.event import COMPLETED, ENDED, Derived
from aftercall.domain.fact import START_KINDS, Fact, Kind, distinct, ordered, place
from aftercall.domain.fold.afterwards import AFTERWARDS
from aftercall.domain.fold.ending import end
from aftercall.domain.fold.identity import describe, describe_finished
from aftercall.domain.fold.progress import LIVE, live
from aftercall.domain.fold.reading import read
from aftercall.domain.fold.shorten import shorten
from aftercall.domain.fold.story import Story
from aftercall.domain.fold.switch import hear

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
LATE = 500  # facts told after a call's end that wait for a better end; what is more than that counts no more


class Projection(msgspec.Struct, frozen=True):
    """A call, the events it gave rise to so far, and when the last thing known of it happened."""

    call: Call
    events: tuple[Derived, ...]
    last_at: datetime


def project(facts: Iterable[Fact]) -> Projection:
    """The call these facts make, and all of its events."""
    fold = Fold()
    fold.extend(facts)
    return fold.read()


class Fold(Story):
    """A call folded from facts told in order. Serialisable: a long call need not be read from its start.

    A step costs the same however long the call is, and so does `read`: what a call lists is limited.
    """

    def follows(self, facts: Iterable[Fact]) -> bool:
        """Whether all of these come after what was folded: only then may they be added, else project anew.

        False for a fact that was folded already.
        """
        last, seq = self.last_place, self.last_seq
        if last is None:
            return True
        return all(
            place(fact) > last and (fact.seq is None or seq is None or fact.seq >= seq) for fact in facts
        )

    def extend(self, facts: Iterable[Fact]) -> None:
        """Add facts that follow, given in any order and as often as they came."""
        for fact in ordered(distinct(facts)):
            self.apply(fact)

    def apply(self, fact: Fact) -> None:
        """Add the next fact. One of a call in progress that is told after its end waits for a better end."""
        self._advance(fact)
        if fact.line is None:
            self._tell(fact)
        else:
            for told in hear(self, fact):
                self._tell(told)
        self.heard += 1
        shorten(self)

    def _tell(self, fact: Fact) -> None:
        kind = fact.kind
        if kind is Kind.COMPLETED:
            describe_finished(self, fact.data)
        else:
            describe(self, fact.data)
        if kind in LIVE:
            if self.end_rank < 0 or kind in START_KINDS:
                live(self, fact)
            elif len(self.after_end) < LATE:
                self.after_end.append(fact)
        elif kind in AFTERWARDS:
            AFTERWARDS[kind](self, fact)
        else:
            end(self, fact)

    def read(self) -> Projection:
        """The call as it stands, with the events not taken yet."""
        return Projection(read(self), tuple(self.events), self.last_at or NEVER)

    def take_events(self) -> tuple[Derived, ...]:
        """The events since they were last taken. The end's may be taken before a better end is known."""
        events = tuple(self.events)
        self.events = []
        self.ended_event = self.completed_event = -1
        return events

    def leave(self, events: Collection[Derived]) -> None:
        """Only these are still to be taken. The end among them is told anew when a better end comes."""
        self.events = list(events)
        names = [event.name for event in self.events]
        self.ended_event = names.index(ENDED) if ENDED in names else -1
        self.completed_event = names.index(COMPLETED) if COMPLETED in names else -1

    def _advance(self, fact: Fact) -> None:
        here, seq = place(fact), fact.seq
        last, at = self.last_at, fact.occurred_at
        if last is None or self.last_place is None or self.first_fact_at is None:
            self.call_key, self.last_at, self.last_place, self.first_fact_at = fact.call_key, at, here, at
        else:
            self.last_place = max(self.last_place, here)
            if at > last:
                self.last_at = at
            elif at < self.first_fact_at:
                self.first_fact_at = at
        if seq is not None and (self.last_seq is None or seq > self.last_seq):
            self.last_seq = seq
