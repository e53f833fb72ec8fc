"""A call being worked on within one transaction: its facts folded, what it says now, to whom."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.call import Call
from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Delivery
from aftercall.domain.emit import Emission, Speech, candidates, emit, farewell, heard
from aftercall.domain.event import Derived
from aftercall.domain.fact import START_KINDS, Data, Fact, Kind, Named
from aftercall.domain.linked import renamed
from aftercall.domain.longcall import LongCall
from aftercall.domain.plan import plan
from aftercall.domain.project import Projection, project
from aftercall.engine.audience import Audience
from aftercall.engine.ids import new_id
from aftercall.engine.joined import Joined, timing_of
from aftercall.engine.rows import CallRow, Settings, SpokenEvent

COARSE_CLOCK = timedelta(seconds=2)
LONG_CALL = 150  # facts; from here on a call is folded further from its last state (promise 3)


class Draft:
    """One call, from the facts that came in to the rows that are written."""

    joined: Joined | None = None  # set by `linking` for a call that is told as one with others
    aliases: tuple[str, ...] = ()  # names it has from now on
    contact: Contact | None = None  # who the customer is, set by `naming`
    same: tuple["Draft", ...] = ()  # calls of the same source that its facts name as the same

    def __init__(
        self, account_id: str, source: Source, call_key: str, row: CallRow | None, generation: int = 0
    ) -> None:
        self.account_id, self.source, self.call_key, self.row = account_id, source, call_key, row
        self.generation = row.generation if row else generation
        self.id = row.id if row else new_id("cl")
        self.before: Call | None = row.call if row else None
        self.new: dict[str, Fact] = {}
        self.old: list[Fact] = []
        self.fold: LongCall | None = None
        self.projection: Projection
        self.emission: Emission
        self.spoken: set[str] = set()
        self.events: list[SpokenEvent] = []
        self.deliveries: list[Delivery] = []
        self.speech: Speech
        self.sent: Sequence[Delivery] = ()  # by the call's rules, where somebody waits for what becomes of it

    @property
    def linked(self) -> bool:
        """Whether it may be told as one with other calls: only then is there more to look up."""
        if self.before is not None and (self.before.links or self.before.merged_into):
            return True
        return any(fact.aliases for fact in self.new.values())

    @property
    def reports(self) -> bool:
        """Whether somebody waits for what becomes of the call's actions, or may do so from now on."""
        speech = self.row.speech if self.row else None
        if any(draft.acted for draft in self.absorbed) or (speech is not None and speech.elsewhere):
            return True
        if speech is None or not speech.holds:
            return False
        return any("actions" in hold.awaiting for hold in speech.holds)

    @property
    def records(self) -> list[str]:
        """The ids of all that are told as this call."""
        return [self.id, *(other.call_id for other in (self.joined.others if self.joined else ()))]

    @property
    def lives_as(self) -> str:
        return (self.before.merged_into if self.before else None) or self.id

    @property
    def absorbed(self) -> Sequence["Draft"]:
        """The other records of this call that are written with it."""
        return self.joined.absorbed if self.joined else ()

    @property
    def _told_by(self) -> Source:
        return self.source if self.joined is None else self.joined.leader

    @property
    def facts(self) -> int:
        return (self.row.facts if self.row else 0) + len(self.new)

    def belongs(self, fact: Fact) -> bool:
        """Whether a fact under this call's key is about this call, or about an earlier one."""
        started = self.before.started_at if self.before else None
        return started is None or fact.occurred_at >= started

    def reused_by(self, fact: Fact) -> bool:
        """Only a later start fact opens a new call under a reused id (promise 2).

        A start that is still missing may be stamped a little after an end that was stamped in whole seconds.
        """
        if fact.kind not in START_KINDS or self.before is None or self.before.ended_at is None:
            return False
        missing = "start_missing" in self.before.data_quality
        return fact.occurred_at > self.before.ended_at + (COARSE_CLOCK if missing else timedelta())

    def resume(self) -> bool:
        """Go on from the last state, if there is one and it can take what is new."""
        if self.fold is not None:
            return True
        if self.row is None or self.row.fold is None or (self.joined and not self.joined.goes_on):
            return False
        fold = LongCall.stored(self.row.fold)
        new = self.joined.new(self.new.values()) if self.joined else self.new.values()
        if fold is not None and fold.follows(new):
            self.fold = fold
        return self.fold is not None

    def fold_facts(self) -> None:
        if self.joined is not None:
            self._fold_joined(self.joined)
            return
        if self.fold is None and self.facts < LONG_CALL:
            self.projection = project([*self.old, *self.new.values()])
            return
        if self.fold is None:
            self.fold = LongCall()
        self._extend([*self.old, *self.new.values()])

    def _extend(self, facts: Collection[Fact]) -> None:
        if self.fold is not None:
            self.fold.extend(facts)
            told = self.fold.read()
            self.projection = told if self.joined is None else self.joined.marked(told)

    def _fold_joined(self, joined: Joined) -> None:
        own = [*self.old, *self.new.values()]
        if self.fold is not None:
            self._extend(joined.new(self.new.values()))
        elif joined.one_source and len(told := joined.all(own)) >= LONG_CALL:
            self.fold = LongCall()
            self._extend(told)
        else:
            self.projection = joined.tell(own)

    def know(self, contact: Contact) -> None:
        """The customer is somebody; to be said again whenever the facts are folded."""
        self.contact = contact
        call = msgspec.structs.replace(self.projection.call, contact=Named(contact.id, contact.name or None))
        self.projection = msgspec.structs.replace(self.projection, call=call)

    def candidates(self) -> dict[str, Derived]:
        return candidates(self.id, self.projection)

    def say(self, spoken: set[str], account: Settings, timings: Mapping[str, Timing], now: datetime) -> None:
        """emit, then plan: what is said now, and to whom."""
        self.spoken = spoken
        self.emission = self._emit(spoken, account, timings, now)
        if self.emission.orphaned:
            self._orphan(now)
            self.emission = self._emit(spoken, account, timings, now)
        self._tell(account, now)
        for draft in self.absorbed:
            draft.leave(self.id, account, now)

    def _tell(self, account: Settings, now: datetime) -> None:
        speech = self._with_absorbed(self.emission.speech)
        audience = Audience(account, self.projection.call, self._told_by.id, self.contact, speech, self.sent)
        audience.release(now)
        for event in self.emission.events:
            skipped = audience.tell(event)
            self.events.append(SpokenEvent(account_id=self.account_id, event=event, skipped=skipped))
        audience.report(now)
        self.deliveries, self.speech = audience.deliveries, audience.speech

    def _with_absorbed(self, speech: Speech) -> Speech:
        """What the records merged into it have sent is the call's doing; what they still waited for is to be done."""
        acted = [rule for draft in self.absorbed for rule in draft.acted]
        if not acted:
            return speech
        return msgspec.structs.replace(
            speech, acted=(*speech.acted, *acted), elsewhere=(*speech.elsewhere, *acted)
        )

    @property
    def acted(self) -> Sequence[str]:
        """The rules that have run for it, but for those that wait for more."""
        speech = self.row.speech if self.row else None
        if speech is None or self.before is None or self.before.merged_into is not None:
            return ()
        waiting = {hold.subscriber_id for hold in speech.holds}
        return [rule for rule in speech.acted if rule not in waiting]

    def leave(self, into: str, account: Settings, now: datetime) -> None:
        """Live on as another call (H8): what was said stays, a completed call says so once, nothing more is said."""
        call = self.before
        if call is None or (self.new and not call.links):
            self.fold_facts()
            call = self.projection.call
        call = msgspec.structs.replace(
            call, source_call_key=call.source_call_key or self.call_key, merged_into=into
        )
        self.projection = Projection(call, (), now)
        speech = self.row.speech if self.row else heard(None, now, call)
        waiting = speech.holds
        self.emission = farewell(self.id, call, speech, self.before, now)
        self.speech = self.emission.speech
        for event in self.emission.events:
            planned = plan(event, call, account.listening(event.name), waiting, self.source.id, _delivery_id)
            self.deliveries.extend(planned.deliveries)
            self.events.append(SpokenEvent(account_id=self.account_id, event=event, skipped=planned.skipped))

    def _emit(
        self, spoken: set[str], account: Settings, timings: Mapping[str, Timing], now: datetime
    ) -> Emission:
        speech = self.row.speech if self.row else None
        if self.new or speech is None or self.absorbed:
            speech = heard(speech, now, self.projection.call)
        return emit(
            self.id,
            self.projection.call,
            {id_: event for id_, event in self.candidates().items() if id_ not in spoken},
            speech,
            self.before,
            now,
            self.joined.timing(timings) if self.joined else timing_of(self.source, timings),
            timedelta(days=account.account.closed_after_days),
        )

    def _orphan(self, now: datetime) -> None:
        """The end never came (H4): the watchdog says so, as a fact like any other."""
        fact = Fact(
            kind=Kind.ORPHANED,
            call_key=self.call_key,
            occurred_at=self.projection.last_at,
            received_at=now,
            natural_id=f"watchdog:{self.generation}",
            data=Data(final=True),
        )
        self.new[fact.natural_id] = fact
        if self.fold is not None:
            self._extend([fact] if self.joined is None else [renamed(fact)])
        else:
            self.fold_facts()
        if self.contact is not None:
            self.know(self.contact)

    def as_row(self, now: datetime) -> CallRow:
        holds = self.speech.holds
        due = [t for t in (self.emission.due_at, *(h.until for h in holds)) if t is not None]
        return CallRow(
            id=self.id,
            account_id=self.account_id,
            source_id=self.source.id,
            call_key=self.call_key,
            generation=self.generation,
            version=self.row.version + 1 if self.row else 1,
            facts=self.facts,
            call=self.projection.call,
            speech=self.speech,
            fold=self._fold_kept(),
            due_at=min(due) if due else None,
            created_at=self.row.created_at if self.row else now,
            updated_at=now,
        )

    def _fold_kept(self) -> bytes | None:
        """The state to go on from, with the events that are still to be said."""
        if self.fold is None:
            return None
        said = {e.event.event_id for e in self.events}
        events = self.candidates().items()
        return self.fold.state([e for id_, e in events if id_ not in said and id_ not in self.spoken])


def _delivery_id() -> str:
    return new_id("dl")
