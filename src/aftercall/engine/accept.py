"""accept: new facts, in one transaction, to calls, events and deliveries (promises 1, 2, 3, 14).

Whatever the size of a batch, it reads with one statement a table and writes with one statement a table.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.call import Call
from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import NotFound, Problem, Unavailable
from aftercall.domain.event import COMPLETED
from aftercall.domain.fact import Fact
from aftercall.engine.draft import Draft
from aftercall.engine.input_rows import Given, Input
from aftercall.engine.inputs import settled
from aftercall.engine.linking import link, named_by, other_keys, source_of
from aftercall.engine.naming import name_customers
from aftercall.engine.ports import Work
from aftercall.engine.rows import CallRow, Settings

log = logging.getLogger(__name__)

LOOK_AGAIN_AFTER_FAILURE = timedelta(minutes=1)


class Item(msgspec.Struct, frozen=True):
    """One fact on its way in; `raw` is the request that told it, where that is kept."""

    account_id: str
    source: Source
    fact: Fact
    raw: Input | None = None


class Taken(msgspec.Struct, frozen=True):
    """What became of one fact."""

    status: Literal["accepted", "duplicate"]
    call_id: str


class Lanes(Protocol):
    """Who sends: names the node that has a fresh delivery in hand from the start (None: whoever claims it)."""

    def owner_for(self, destination_id: str) -> str | None: ...


class Accepted(msgspec.Struct):
    """What a transaction did, to be acted upon after its commit."""

    results: list[Taken | Problem]
    handed_over: list[Delivery]  # already ours to send
    left_over: int  # deliveries that nobody has in hand
    next_due: datetime | None
    completed: list[Call]  # test calls are not counted (H21)


class Setting(msgspec.Struct, frozen=True):
    """What a transaction needs to know besides facts."""

    accounts: Mapping[str, Settings]
    timings: Mapping[str, Timing]
    lanes: Lanes
    now: datetime


async def accept(work: Work, items: Sequence[Item], setting: Setting) -> Accepted:
    """Store the facts of `items` and everything that follows from them; one result an item, in order."""
    drafts, results = await _assign(work, items, setting.accounts)
    if any(draft.linked for draft in drafts):
        linked = await link(work, drafts, setting.accounts, setting.now)
        drafts = [draft for draft in linked if draft.new or draft.joined]
        results = _moved(results, drafts)
    done = await _work_out(work, drafts, results, setting)
    if raw := [i for i, item in enumerate(items) if item.raw is not None]:
        await _keep(work, [(items[i], done.results[i]) for i in raw])
    return done


async def _keep(work: Work, told: Sequence[tuple[Item, Taken | Problem]]) -> None:
    """Write down the raw input, with what came of it, beside its facts."""
    inputs: dict[str, tuple[Input, list[tuple[Given, str | Problem]]]] = {}
    for item, result in told:
        if item.raw is not None:
            _, came_of_it = inputs.setdefault(item.raw.id, (item.raw, []))
            known = isinstance(result, Taken) and result.status == "duplicate"
            given = Given(item.fact.call_key, item.fact.natural_id, known)
            came_of_it.append((given, result if isinstance(result, Problem) else result.call_id))
    await work.add_inputs([settled(raw, came_of_it) for raw, came_of_it in inputs.values()])


async def look_again(work: Work, rows: Sequence[CallRow], setting: Setting) -> Accepted:
    """Let calls whose time has come say what is due: gates, settling, revisions, holds, the watchdog."""
    drafts = []
    for row in rows:
        source = source_of(setting.accounts, row.account_id, row.source_id, setting.now)
        drafts.append(Draft(row.account_id, source, row.call_key, row))
    if any(draft.linked for draft in drafts):
        drafts = await link(work, drafts, setting.accounts, setting.now)
    return await _work_out(work, drafts, [], setting)


async def _assign(
    work: Work, items: Sequence[Item], accounts: Mapping[str, Settings]
) -> tuple[list[Draft], list[Taken | Problem]]:
    """Find or open the call of each fact; what is known already changes nothing."""
    keys = {(i.account_id, i.source.id, i.fact.call_key): i for i in items if i.account_id in accounts}
    for item in items:
        if item.fact.aliases and item.account_id in accounts:
            for key in other_keys(item.account_id, item.source, item.fact):
                keys.setdefault(key, item)
    drafts: dict[tuple[str, str, str], list[Draft]] = {key: [] for key in keys}
    for row in await work.find_calls(sorted(keys)):
        key = (row.account_id, row.source_id, row.call_key)
        drafts[key].append(Draft(row.account_id, keys[key].source, row.call_key, row))
    asked = [
        (item.account_id, draft.id, item.fact.natural_id)
        for item in items
        for draft in drafts.get((item.account_id, item.source.id, item.fact.call_key), ())
    ]
    known = await work.known_facts(asked) if asked else set()
    results: list[Taken | Problem] = []
    for item in items:
        group = drafts.get((item.account_id, item.source.id, item.fact.call_key))
        results.append(NotFound("There is no such account.") if group is None else _place(item, group, known))
    placed = [d for group in drafts.values() for d in group if d.new]
    return [*placed, *named_by(placed, drafts)], results


def _place(item: Item, generations: list[Draft], known: set[tuple[str, str]]) -> Taken:
    """Give a fact to its call: one of those its key has named so far, or a new one."""
    fact = item.fact
    for draft in generations:
        if fact.natural_id in draft.new or (draft.id, fact.natural_id) in known:
            return Taken("duplicate", draft.lives_as)
    if not generations or generations[-1].reused_by(fact):
        generations.append(Draft(item.account_id, item.source, fact.call_key, None, len(generations)))
    draft = next((d for d in reversed(generations) if d.belongs(fact)), generations[0])
    draft.new[fact.natural_id] = fact
    return Taken("accepted", draft.id)


def _moved(results: list[Taken | Problem], drafts: Sequence[Draft]) -> list[Taken | Problem]:
    """A fact is the survivor's, whatever key it came under."""
    survivors = {absorbed.id: draft.id for draft in drafts for absorbed in draft.absorbed}
    return [
        Taken(r.status, survivors.get(r.call_id, r.call_id)) if isinstance(r, Taken) else r for r in results
    ]


async def _work_out(
    work: Work, drafts: list[Draft], results: list[Taken | Problem], setting: Setting
) -> Accepted:
    """project, emit and plan every call, then write it all down."""
    failed: list[Draft] = []
    wanted = [d for d in drafts if d.row is not None and not d.resume()]
    if wanted:
        facts = await work.load_facts([(d.account_id, d.id) for d in wanted])
        for draft in wanted:
            draft.old = facts.get(draft.id, [])
    drafts = _each(drafts, Draft.fold_facts, failed)
    await name_customers(work, drafts, setting.accounts)
    await _look_up_actions(work, drafts)
    asked = [(d.account_id, d.id, e) for d in drafts if d.row is not None for e in d.candidates()]
    spoken = await work.spoken(asked) if asked else set()
    drafts = _each(
        drafts,
        lambda d: d.say(spoken, setting.accounts[d.account_id], setting.timings, setting.now),
        failed,
    )
    _excuse(failed, results)
    return await _write(work, drafts, failed, results, setting)


async def _look_up_actions(work: Work, drafts: Sequence[Draft]) -> None:
    """What has become of the actions of calls whose webhook waits for that."""
    reporting = [draft for draft in drafts if draft.reports]
    if reporting:
        asked = [(draft.account_id, id_) for draft in reporting for id_ in draft.records]
        sent = await work.sent_by_rules(asked)
        for draft in reporting:
            draft.sent = [delivery for id_ in draft.records for delivery in sent[id_]]


def _each(drafts: list[Draft], step: Callable[[Draft], None], failed: list[Draft]) -> list[Draft]:
    """Take the step for each call; one that cannot be worked out must not take its neighbours down."""
    done = []
    for draft in drafts:
        try:
            step(draft)
            done.append(draft)
        except Exception:
            log.exception("call_failed", extra={"call_id": draft.id, "account_id": draft.account_id})
            failed.append(draft)
    return done


def _excuse(failed: list[Draft], results: list[Taken | Problem]) -> None:
    ids = {draft.id for draft in failed}
    for i, result in enumerate(results if ids else ()):
        if isinstance(result, Taken) and result.call_id in ids:
            results[i] = Unavailable("This call could not be worked out; the server's log says why.")


async def _write(
    work: Work, drafts: list[Draft], failed: list[Draft], results: list[Taken | Problem], setting: Setting
) -> Accepted:
    now = setting.now
    absorbed = [draft for d in drafts if d.joined is not None for draft in d.absorbed]
    drafts = [*drafts, *absorbed]
    added = [d.as_row(now) for d in drafts if d.row is None]
    changed = [d.as_row(now) for d in drafts if d.row is not None]
    changed += [
        msgspec.structs.replace(d.row, version=d.row.version + 1, due_at=now + LOOK_AGAIN_AFTER_FAILURE)
        for d in failed
        if d.row is not None
    ]
    events = [event for d in drafts for event in d.events]
    deliveries = [delivery for d in drafts for delivery in d.deliveries]
    owners = [
        setting.lanes.owner_for(d.destination_id) if d.status == "pending" else None for d in deliveries
    ]
    if facts := [(d.account_id, d.id, f) for d in drafts for f in d.new.values()]:
        await work.add_facts(facts)
    if added:
        await work.add_calls(added)
    if changed:
        await work.update_calls(changed)
    if aliases := [(d.account_id, name, d.id) for d in drafts for name in d.aliases]:
        await work.add_aliases(aliases)
    if absorbed:
        await work.hide_merged([(d.account_id, d.id) for d in absorbed])
    if events:
        await work.add_events(events)
    if deliveries:
        await work.add_deliveries(deliveries, owners)
    due = [row.due_at for row in (*added, *changed) if row.due_at is not None]
    return Accepted(
        results,
        [d for d, owner in zip(deliveries, owners, strict=True) if owner is not None],
        sum(1 for d, o in zip(deliveries, owners, strict=True) if o is None and d.status == "pending"),
        min(due) if due else None,
        [
            d.projection.call
            for d in drafts
            if any(e.event.name == COMPLETED for e in d.events) and not d.projection.call.is_test
        ],
    )
