"""Calls that turn out to be one: found by the names they share, merged within the transaction (H8, H16; promise 14).

Only facts that bring a name (`Fact.aliases`) and calls that are linked already pass here. Calls that share a name
are one conversation, as are those that share one with any of them. The record that started first lives on; once the
conversation is over, the one of which that was told. Each record keeps its own facts; the survivor reads all of them.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from aftercall.domain.account import Source
from aftercall.domain.fact import THIS_SOURCE, Fact, Kind
from aftercall.engine.draft import Draft
from aftercall.engine.joined import Joined, Other
from aftercall.engine.ports import Collision, Work
from aftercall.engine.rows import Settings

log = logging.getLogger(__name__)

# A name comes back when a PBX counts its calls anew (H14). The clocks of two sources do not differ by so much.
APART = timedelta(hours=1)
MOST = 20  # records of one call: a name that more calls share is none (`unknown`, say)
LATEST = datetime.max.replace(tzinfo=UTC)
ENDS = frozenset({Kind.ENDED, Kind.COMPLETED, Kind.ORPHANED})

Name = tuple[str, str]  # account, name
Key = tuple[str, str, str]  # account, source, call key
Accounts = Mapping[str, Settings]


def other_keys(account_id: str, source: Source, fact: Fact) -> list[Key]:
    """The keys of the same source that a fact gives as other names of its call."""
    names = (alias.partition(":") for alias in fact.aliases)
    return [
        (account_id, source.id, key)
        for system, _, key in names
        if system == THIS_SOURCE and key != fact.call_key
    ]


def named_by(drafts: Sequence[Draft], known: Mapping[Key, list[Draft]]) -> list[Draft]:
    """The calls that new facts name by their key, without anything new themselves.

    One that nobody has heard of yet gets its record at once, so that what comes under its key later is at home.
    """
    found: dict[str, Draft] = {}
    for draft in drafts:
        for fact in draft.new.values():
            for key in other_keys(draft.account_id, draft.source, fact) if fact.aliases else ():
                other = _meant(fact, key, draft.source, known[key])
                draft.same = (*draft.same, other)
                if not other.new:
                    found[other.id] = other
    return list(found.values())


def _meant(fact: Fact, key: Key, source: Source, generations: list[Draft]) -> Draft:
    """Of the calls that had this key, the one that was on when the fact happened."""
    if not generations:
        generations.append(Draft(key[0], source, key[2], None))
    return next((draft for draft in reversed(generations) if draft.belongs(fact)), generations[0])


async def link(work: Work, drafts: Sequence[Draft], accounts: Accounts, now: datetime) -> list[Draft]:
    """The drafts; of those of one conversation the survivor alone, with the others in its hands (`joined`)."""
    named = _named(drafts)
    found = await work.find_aliases(sorted(named)) if named else {}
    known = {draft.id: draft for draft in drafts}
    await _fetch(work, known, {(account, id_) for (account, _), id_ in found.items()}, accounts, now)
    groups = _Groups(known.values())
    for name, holders in named.items():
        owner = known.get(found.get(name, ""))
        if owner is None:
            owner = holders[0]
            owner.aliases = (*owner.aliases, name[1])
        groups.unite_all(holders, owner)
    for draft in drafts:
        groups.unite_all(draft.same, draft)
    survivors = [group[0] for group in groups if _join(group, accounts, now)]
    await _load(work, survivors)
    told = {draft.id for group in groups for draft in group[1:] if group[0].joined}
    kept = {draft.id: draft for draft in (*drafts, *survivors) if draft.id not in told}
    return list(kept.values())


def source_of(accounts: Accounts, account_id: str, source_id: str, now: datetime) -> Source:
    """The source of a call, deleted or not."""
    account = accounts.get(account_id)
    found = account.sources.get(source_id) if account else None
    return found or Source(id=source_id, account_id=account_id, created_at=now, updated_at=now)


def _named(drafts: Iterable[Draft]) -> dict[Name, list[Draft]]:
    """Who brings which name that other sources may know."""
    named: dict[Name, list[Draft]] = {}
    for draft in drafts:
        for alias in dict.fromkeys(alias for fact in draft.new.values() for alias in fact.aliases):
            if not alias.startswith(f"{THIS_SOURCE}:"):
                named.setdefault((draft.account_id, alias), []).append(draft)
    return named


async def _fetch(
    work: Work, known: dict[str, Draft], wanted: set[tuple[str, str]], accounts: Accounts, now: datetime
) -> None:
    """Lock these calls and those they live on as. Nobody is waited for: these locks come after those in key order."""
    while True:
        merged = ((d.account_id, d.before.merged_into) for d in known.values() if d.before is not None)
        wanted.update((account, id_) for account, id_ in merged if id_ is not None)
        missing = sorted((account, id_) for account, id_ in wanted if id_ not in known)
        if not missing:
            return
        rows = await work.lock_calls(missing)
        if len(rows) < len(missing):
            raise Collision("another node works on a call that this one is linked with")
        for row in rows:
            source = source_of(accounts, row.account_id, row.source_id, now)
            known[row.id] = Draft(row.account_id, source, row.call_key, row)


class _Groups:
    """Which calls belong together, those merged before included."""

    def __init__(self, drafts: Iterable[Draft]) -> None:
        self._of = {draft.id: [draft] for draft in drafts}
        for group in list(self._of.values()):
            before = group[0].before
            if before is not None and before.merged_into is not None:
                self.unite(group[0], self._of[before.merged_into][0])

    def unite_all(self, drafts: Iterable[Draft], owner: Draft) -> None:
        for draft in drafts:
            if self._of[draft.id] is self._of[owner.id] or _apart(draft, owner):
                continue
            if len(self._records(draft) | self._records(owner)) > MOST:
                log.warning("too_many_calls_share_a_name", extra={"call_id": owner.id})
                continue
            self.unite(draft, owner)

    def unite(self, one: Draft, two: Draft) -> None:
        group, other = self._of[one.id], self._of[two.id]
        if group is not other:
            group += other
            self._of.update((draft.id, group) for draft in other)

    def _records(self, draft: Draft) -> set[str]:
        group = self._of[draft.id]
        return {d.id for d in group} | {k.call_id for d in group if d.before for k in d.before.links}

    def __iter__(self) -> Iterator[list[Draft]]:
        return iter({id(group): group for group in self._of.values()}.values())


def _join(group: list[Draft], accounts: Accounts, now: datetime) -> bool:
    """Give the survivor, first in the group from now on, the others. False when there are none."""
    alive = [draft for draft in group if draft.before is None or draft.before.merged_into is None]
    survivor = _survivor(alive)
    group.sort(key=lambda draft: draft is not survivor)
    others = {
        known.call_id: Other(
            known.call_id, source_of(accounts, survivor.account_id, known.source_id, now), known.call_key, {}
        )
        for draft in group
        for known in (draft.before.links if draft.before else ())
    }
    others.update({d.id: Other(d.id, d.source, d.call_key, d.new) for d in group[1:]})
    others.pop(survivor.id, None)
    absorbed = [draft for draft in group[1:] if draft.new or draft in alive]
    if others:
        survivor.joined = Joined(survivor, list(others.values()), absorbed)
    return bool(others)


def _survivor(alive: Sequence[Draft]) -> Draft:
    """Among sources, a call that is not known yet does not replace one of which something may have been said."""
    told = [draft for draft in alive if draft.row is not None and draft.row.speech.completed_at is not None]
    if told and all(map(_over, alive)):
        alive = told
    several = len({draft.source.id for draft in alive}) > 1
    return min(alive, key=lambda d: (several and d.row is None, _started(d), d.source.id, d.call_key))


def _over(draft: Draft) -> bool:
    if draft.before is not None and draft.before.ended_at is not None:
        return True
    return any(fact.kind in ENDS and fact.line is None for fact in draft.new.values())


def _started(draft: Draft) -> datetime:
    known = draft.before.started_at if draft.before is not None else None
    told = [f.data.started_at or f.occurred_at for f in draft.new.values()]
    return min([*told, known or LATEST])


def _apart(one: Draft, two: Draft) -> bool:
    """Whether one was over long before the other began: the name was used again."""
    for first, second in ((one, two), (two, one)):
        ended = first.before.ended_at if first.before is not None else None
        if ended is not None and LATEST > _started(second) > ended + APART:
            return True
    return False


async def _load(work: Work, survivors: Sequence[Draft]) -> None:
    """The facts of the others, unless the call goes on from its last state; and of those whose own record changes."""
    told = [survivor for survivor in survivors if not survivor.resume()]
    wanted = {
        (s.account_id, other.call_id): other for s in told for other in (s.joined.others if s.joined else ())
    }
    changed = [d for s in survivors for d in s.absorbed if d.row is not None and d.new and not d.resume()]
    facts = await work.load_facts([*{*wanted, *((d.account_id, d.id) for d in changed)}])
    for (_, call_id), other in wanted.items():
        other.old = facts.get(call_id, [])
    for draft in changed:
        draft.old = facts.get(draft.id, [])
