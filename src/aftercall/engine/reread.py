"""Reading a source's kept input again, for when its parser or its settings have been corrected (R1).

Facts are replaced under their natural ids, so that doing it twice changes nothing. Records are corrected in
silence, as `rebuild` does: nothing is sent. A call that nobody had heard of is made and its events are written
down, for nobody.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.emit import changes
from aftercall.domain.errors import Invalid, Problem
from aftercall.domain.fact import Fact
from aftercall.domain.skew import shifted
from aftercall.engine.accept import Item, Setting, accept, look_again
from aftercall.engine.enrich import enrich
from aftercall.engine.input_rows import MAX_GIVEN, Given, Input, InputQuery
from aftercall.engine.inputs import EVENTS, judged
from aftercall.engine.ports import Store, Work
from aftercall.engine.rebuild import Difference
from aftercall.engine.rebuild import told as as_told
from aftercall.engine.rows import CallRow, Settings
from aftercall.engine.upstream import Parsed, Request

log = logging.getLogger(__name__)

BATCH = 50  # inputs in one transaction

Read = Callable[[Source, Request], Parsed]
Homes = dict[tuple[str, str], str]  # (call key, natural id) of a fact -> the id of its call


class Reread(msgspec.Struct, kw_only=True):
    """What came of it. `made` are the keys of calls there were not; `unread` the inputs left out, and why."""

    inputs: int = 0
    differences: list[Difference] = []
    made: list[str] = []
    unread: list[tuple[str, str]] = []


class Nobody:
    """Lanes for what is sent to nobody."""

    def owner_for(self, destination_id: str) -> str | None:  # noqa: ARG002  # the port's signature
        return None


async def reread(
    store: Store,
    settings: Settings,
    source: Source,
    read: Read,
    timing: Timing,
    since: datetime | None,
    now: datetime,
    *,
    write: bool,
) -> Reread:
    """Compare what is stored of a source's calls with what its input says today; with `write`, correct it."""
    reader = Reader(settings, source, read, source.timing or timing, now, write=write)
    cursor: str | None = None
    while True:
        asked = InputQuery(
            source_id=source.id, since=since, cursor=cursor, limit=BATCH, bodies=True, oldest_first=True
        )
        page = await store.list_inputs(source.account_id, asked)
        async with store.begin() as work:
            await reader.batch(work, page.items)
        cursor = page.next_cursor
        if cursor is None:
            return reader.found


class Told(msgspec.Struct):
    """What some inputs say of one call key today: facts by natural id, and those they do not tell any more."""

    facts: dict[str, Fact] = {}
    own: set[str] = set()  # those that were not known already when the input came
    gone: set[str] = set()


class Reader:
    def __init__(
        self, settings: Settings, source: Source, read: Read, timing: Timing, now: datetime, *, write: bool
    ) -> None:
        self.found = Reread()
        self._silent = msgspec.structs.replace(settings, webhooks=())
        self._source, self._read, self._timing = source, read, timing
        self._now, self._write = now, write
        self._told: set[int] = set()  # hashes of (call key, natural id) that earlier inputs tell

    async def batch(self, work: Work, inputs: Sequence[Input]) -> None:
        told: dict[str, Told] = {}
        read: list[tuple[Input, list[Fact]]] = []
        for kept in inputs:
            self.found.inputs += 1
            try:
                again, facts = self._facts(kept)
            except Problem as problem:
                self.found.unread.append((kept.id, problem.message))
                continue
            except Exception:
                log.exception("parser_failed", extra={"source_id": kept.source_id, "input_id": kept.id})
                self.found.unread.append((kept.id, "The parser failed; the log has the details."))
                continue
            read.append((again, facts))
            self._note(told, kept, facts)
        if not told:
            return
        keys = sorted((self._source.account_id, self._source.id, key) for key in told)
        rows: dict[str, list[CallRow]] = {}
        for row in await work.find_calls(keys):
            rows.setdefault(row.call_key, []).append(row)
        homes = await self._correct(work, told, rows)
        homes |= await self._make(work, [one for key, one in told.items() if key not in rows])
        if self._write:
            await work.replace_inputs([self._input(*one, homes) for one in read])

    def _facts(self, kept: Input) -> tuple[Input, list[Fact]]:
        """The input as it is judged today, and its facts. Raises Problem where it cannot be read."""
        if kept.path == EVENTS:
            raise Invalid("It came with an API key, and its sender was told.")
        if not kept.whole:
            raise Invalid("It was too large to be kept whole.")
        request = Request(
            url="",
            path=kept.path,
            query=kept.query,
            headers=kept.headers,
            body=kept.body,
            now=kept.received_at,
        )
        parsed = self._read(self._source, request)
        received = (msgspec.structs.replace(fact, received_at=kept.received_at) for fact in parsed.facts)
        facts = [enrich(shifted(fact, kept.shifted), self._silent) for fact in received]
        result, error = judged(parsed)
        return msgspec.structs.replace(kept, result=result, error=error), facts

    def _note(self, told: dict[str, Told], kept: Input, facts: Sequence[Fact]) -> None:
        own = {(given.call_key, given.natural_id) for given in kept.given if not given.known}
        now_told = {(fact.call_key, fact.natural_id) for fact in facts}
        for fact in facts:
            of = told.setdefault(fact.call_key, Told())
            place = (fact.call_key, fact.natural_id)
            if hash(place) in self._told:
                continue
            self._told.add(hash(place))
            of.facts.setdefault(fact.natural_id, fact)
            of.gone.discard(fact.natural_id)
            if place in own:
                of.own.add(fact.natural_id)
        for key, natural_id in own - now_told:
            if hash((key, natural_id)) not in self._told:
                told.setdefault(key, Told()).gone.add(natural_id)

    async def _correct(self, work: Work, told: dict[str, Told], rows: dict[str, list[CallRow]]) -> Homes:
        """The calls there are."""
        every = [row for generations in rows.values() for row in generations]
        survivors = await _survivors(work, every)
        linked = [(row.account_id, one.call_id) for row in (*every, *survivors) for one in row.call.links]
        facts = await work.load_facts([*{*linked, *((row.account_id, row.id) for row in every)}])
        homes: Homes = {}
        changed: set[str] = set()
        drop: list[tuple[str, str, str]] = []
        add: list[tuple[str, str, Fact]] = []
        shares = [
            share for key, generations in rows.items() for share in _shared_out(told[key], generations, facts)
        ]
        for row, news in shares:
            before = {fact.natural_id: fact for fact in facts[row.id]}
            after = {n: fact for n, fact in before.items() if n not in told[row.call_key].gone} | news
            homes |= {(row.call_key, natural_id): row.call.merged_into or row.id for natural_id in after}
            if after and after != before:
                changed.add(row.id)
                facts[row.id] = list(after.values())
                drop += [(row.account_id, row.id, n) for n in before if after.get(n) != before[n]]
                add += [(row.account_id, row.id, fact) for n, fact in after.items() if before.get(n) != fact]
        corrected = list(self._compared([*every, *survivors], facts, changed))
        if self._write and corrected:
            await work.drop_facts(drop)
            await work.add_facts(add)
            await work.update_calls(sorted(corrected, key=lambda row: row.id))
        return homes

    def _compared(
        self, rows: Sequence[CallRow], facts: dict[str, list[Fact]], changed: set[str]
    ) -> Iterator[CallRow]:
        """The records of which the facts, their own or those of their links, have changed."""
        for row in rows:
            if row.id not in changed and not changed.intersection(one.call_id for one in row.call.links):
                continue
            call = as_told(row, facts) or row.call
            if call != row.call:
                self.found.differences.append(Difference(row.account_id, row.id, changes(row.call, call)))
            count = len(facts[row.id]) if row.id in changed else row.facts
            yield self._corrected(row, call, count)

    def _corrected(self, row: CallRow, call: object, facts: int) -> CallRow:
        return msgspec.structs.replace(
            row, call=call, facts=facts, fold=None, version=row.version + 1, updated_at=self._now
        )

    async def _make(self, work: Work, told: Sequence[Told]) -> Homes:
        """Calls that nobody had heard of, as if they had been told some while ago."""
        facts = [fact for one in told for fact in one.facts.values()]
        keys = sorted({fact.call_key for fact in facts})
        self.found.made += [key for key in keys if key not in self.found.made]
        if not self._write or not facts:
            return {}
        items = [Item(self._source.account_id, self._source, fact) for fact in facts]
        patience = self._timing.gate + self._timing.quiet + self._timing.settle_max + 1
        await accept(work, items, self._setting(self._now - timedelta(seconds=patience)))
        rows = await work.find_calls([(self._source.account_id, self._source.id, key) for key in keys])
        await look_again(work, rows, self._setting(self._now))
        ids = {row.call_key: row.call.merged_into or row.id for row in rows}
        return {
            (fact.call_key, fact.natural_id): ids[fact.call_key] for fact in facts if fact.call_key in ids
        }

    def _setting(self, now: datetime) -> Setting:
        accounts = {self._source.account_id: self._silent}
        return Setting(accounts, {self._source.type: self._timing}, Nobody(), now)

    def _input(self, kept: Input, facts: list[Fact], homes: Homes) -> Input:
        """As it is listed from now on."""
        first = {(given.call_key, given.natural_id) for given in kept.given if not given.known}
        known = {(given.call_key, given.natural_id) for given in kept.given} - first
        places = [(fact.call_key, fact.natural_id) for fact in facts]
        ids = dict.fromkeys(homes[place] for place in places if place in homes)
        return msgspec.structs.replace(
            kept,
            given=tuple(Given(*place, place in known) for place in places)[:MAX_GIVEN],
            call_ids=tuple(ids),
        )


async def _survivors(work: Work, rows: Sequence[CallRow]) -> list[CallRow]:
    """The records that speak for those of these that were merged into others."""
    known = {row.id for row in rows}
    merged = {(row.account_id, row.call.merged_into) for row in rows if row.call.merged_into is not None}
    return await work.lock_calls(sorted((account, id_) for account, id_ in merged if id_ not in known))


def _shared_out(
    told: Told, generations: Sequence[CallRow], stored: dict[str, list[Fact]]
) -> list[tuple[CallRow, dict[str, Fact]]]:
    """Each call under a key with the facts that are new or different for it."""
    shares: dict[str, dict[str, Fact]] = {row.id: {} for row in generations}
    ids = {row.id: {fact.natural_id for fact in stored[row.id]} for row in generations}
    for natural_id, fact in told.facts.items():
        holder = next((row for row in generations if natural_id in ids[row.id]), None)
        if holder is not None and natural_id not in told.own:
            continue  # another input told it first
        row = holder or _row_of(fact, generations)
        shares[row.id][natural_id] = fact
    return [(row, shares[row.id]) for row in generations]


def _row_of(fact: Fact, generations: Sequence[CallRow]) -> CallRow:
    begun = (
        row for row in reversed(generations) if (at := row.call.started_at) is None or at <= fact.occurred_at
    )
    return next(begun, generations[0])
