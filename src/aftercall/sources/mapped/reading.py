"""A request read by a mapping: its records, the event each is, the facts that event tells. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Problem, TooLarge
from aftercall.domain.fact import Data, Fact, Kind, alias
from aftercall.engine.reading import MAX_INTEGER
from aftercall.engine.reading import read as as_data
from aftercall.engine.taking import MAX_TEXT, Object, integer, key, text, word
from aftercall.engine.upstream import Parsed, Request
from aftercall.sources.http import MAX_ITEMS, WHEN
from aftercall.sources.mapped.body import query
from aftercall.sources.mapped.mapping import ANY, Conditions, Mapping, Rule, Rules, Telling
from aftercall.sources.mapped.path import Finder
from aftercall.sources.mapped.path import text as scalar
from aftercall.sources.mapped.values import SHAPES, WHOLE_TEXT, Shape, converted, moment
from aftercall.sources.taking import custom, named, own

MAX_EACH = 100  # facts made of the items of one list
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "x-aftercall-token"})
ENDS = frozenset({Kind.ENDED, Kind.COMPLETED})
OUTCOMES = ENDS | {Kind.AGENT_MISSED, Kind.CUSTOMER_MISSED}  # facts that a status says something about
TEXT = Shape("text")
OTHER_ZONE = "UTC"  # where neither the source nor the mapping names one


def read(mapping: Mapping, source: Source, request: Request, whole: Any) -> Parsed:
    """The facts of `whole`, what a request holds. A bad record does not take its neighbours down."""
    finder = Finder(
        {
            None: whole,  # until a record is chosen
            "$body": whole,
            "$query": query(request),
            "$path": request.path.strip("/"),
            "$header": {n: v for n, v in request.headers.items() if n not in CREDENTIALS},
            "$source": {"id": source.id, "name": source.name, "direction": source.direction},
        }
    )
    added = own(parse_qsl(request.query, keep_blank_values=True))
    facts: list[Fact] = []
    errors: list[tuple[int, str]] = []
    ignored = 0
    for i, record in enumerate(_records(mapping, finder)):
        try:
            told = list(_Record(mapping, source, finder.at(record=record), request.now, added).facts())
        except Problem as problem:
            errors.append((i, problem.message))
            continue
        facts += told
        ignored += not told
    return Parsed(tuple(facts), tuple(errors), ignored)


def _records(mapping: Mapping, finder: Finder) -> list[Any]:
    for path in mapping.records:
        found = finder.find(path)
        if found is not None:
            if type(found) is list and len(found) > MAX_ITEMS:
                raise TooLarge(f"At most {MAX_ITEMS} records fit in one request; this one has {len(found)}.")
            return found if type(found) is list else [found]
    return []


class _Record:
    def __init__(
        self, mapping: Mapping, source: Source, finder: Finder, now: datetime, added: dict[str, str]
    ) -> None:
        self.mapping, self.source, self.now, self.added = mapping, source, now, added
        self.finder, self.record = finder, finder.record
        self.event = self._event()
        self.finder = self.finder.at(event=self.event)
        self.zone = source.time_zone or mapping.zone or OTHER_ZONE
        self.local = False
        self._known: dict[str | None, Object] = {}

    def facts(self) -> Iterator[Fact]:
        tellings = self.mapping.events.get(self.event or "", self.mapping.events.get(ANY, ()))
        if not tellings:
            return
        call_key = key(self._text(self.mapping.call), self._names(self.mapping.call))
        self.aliases = self._aliases()
        id_ = self._id()
        first = True
        for telling in tellings:
            finder = self.finder.at(direction=self._direction(self.finder, telling))
            for i, of_item in enumerate(self._each(telling, finder)):
                if not self._holds(telling.when, of_item):
                    continue
                suffix = "".join((f":{telling.number}" if telling.number else "", f":{i}" if i else ""))
                yield self._fact(telling, of_item, call_key, f"{id_}{suffix}", with_custom=first)
                first = False

    def _aliases(self) -> tuple[str, ...]:
        """The call's other keys, where it has several: what names it by any of them is about it."""
        if len(self.mapping.call) < 2:
            return ()
        found = dict.fromkeys(word(self._text((rule,))) for rule in self.mapping.call)
        return tuple(name for one in found for name in alias("key", one))

    def _event(self) -> str | None:
        """The event's name, folded as the table's are; without one, the first guess that holds."""
        name = self._text(self.mapping.event)
        if name is not None:
            return name.casefold()
        guesses = (name for name, conditions in self.mapping.guess if self._holds(conditions, self.finder))
        return next(guesses, None)

    def _each(self, telling: Telling, finder: Finder) -> Iterator[Finder]:
        if telling.each is None:
            yield finder
            return
        found = finder.find(telling.each)
        for item in (found if type(found) is list else [])[:MAX_EACH]:
            yield finder.at(item=item)

    def _direction(self, finder: Finder, telling: Telling) -> str | None:
        rules = telling.fields.get("direction") or self.mapping.fields.get("direction", ())
        found: str | None = self._value(finder, rules, SHAPES["direction"])
        return found or self.source.direction

    def _fact(self, telling: Telling, finder: Finder, call_key: str, id_: str, *, with_custom: bool) -> Fact:
        told = self._said(telling, finder)
        at = self._value(finder, telling.at or self.mapping.at, Shape("time")) or self._when(
            telling.kind, told
        )
        if telling.final or telling.kind is Kind.COMPLETED:
            told["final"] = True
        if with_custom and (fields := self._custom()):
            told["custom_fields"] = fields
        if self.local:
            told["flags"] = ("clock_local_assumed",)
        number = integer(self._text(self.mapping.sequence))
        return Fact(
            kind=telling.kind,
            call_key=call_key,
            occurred_at=at,
            natural_id=named(id_, telling.kind),
            leg=word(self._value(finder, telling.leg or self.mapping.leg, TEXT)),
            seq=number if number is not None and 0 <= number <= MAX_INTEGER else None,
            data=as_data(told, Data),
            aliases=self.aliases,
        )

    def _said(self, telling: Telling, finder: Finder) -> Object:
        """What the fact says. Of the items of a list, only what the event's own fields say of each."""
        direction = self._direction(finder, telling)
        said = {} if telling.each is not None else dict(self._common(direction))
        said |= {name: self._value(finder, rules, SHAPES[name]) for name, rules in telling.fields.items()}
        said["direction"] = direction
        if telling.kind in OUTCOMES and telling.each is None:
            status = (self._text(self.mapping.status) or "").casefold()
            said |= self.mapping.statuses.get(status, {})
        return _nested(said)

    def _common(self, direction: str | None) -> Object:
        """What every fact of the record says in a call of this direction. Worked out once."""
        if direction not in self._known:
            rules = {**self.mapping.fields, **self.mapping.directed.get(direction or "", {})}
            finder = self.finder.at(direction=direction)
            self._known[direction] = {
                name: self._value(finder, of, SHAPES[name]) for name, of in rules.items()
            }
        return self._known[direction]

    def _when(self, kind: Kind, told: Object) -> datetime:
        """When it happened: the time it is about, of an end also its start and length, else when it came."""
        at: datetime | None = told.get(WHEN.get(kind, ""))
        if at is None and kind in ENDS and "started_at" in told and "duration_seconds" in told:
            at = told["started_at"] + timedelta(seconds=told["duration_seconds"])
        return at or self.now

    def _custom(self) -> Object | None:
        """Custom fields: those the mapping names, what no path begins with, and the URL's `ac_` parameters."""
        listed = {
            name: self._value(self.finder, rules, None) for name, rules in self.mapping.custom_fields.items()
        }
        rest = {}
        if self.mapping.rest and type(self.record) is dict:
            rest = {
                n: v for n, v in self.record.items() if n not in self.mapping.used and not n.startswith("ac_")
            }
        return custom(self.source, rest, self.added, {n: v for n, v in listed.items() if v is not None})

    def _id(self) -> str:
        """The natural id: the mapping's recipe, else a hash, so that the same content is the same fact (H2)."""
        parts = [self._text(rules) for rules in self.mapping.id]
        if any(parts):
            return ":".join((self.event or "", *(part or "" for part in parts)))
        said = msgspec.json.encode((self.event, self.record), order="sorted")
        return blake2b(said, digest_size=16).hexdigest()

    def _holds(self, conditions: Conditions, finder: Finder) -> bool:
        return all(_matches(finder.find(path), wanted) for path, wanted in conditions)

    def _text(self, rules: Rules) -> str | None:
        found: str | None = self._value(self.finder, rules, TEXT)
        return found

    def _value(self, finder: Finder, rules: Rules, shape: Shape | None) -> Any:
        """What the first alternative that says something says; without a shape, as it stands there."""
        for rule in rules:
            found = self._found(finder, rule)
            if found is None:
                continue
            if shape is not None and shape.form == "time":
                found = self._moment(found, rule)
            elif shape is not None:
                found = converted(found, shape, rule.unit)
            if found is not None:
                return found
        return None

    def _found(self, finder: Finder, rule: Rule) -> Any:
        found: Any = rule.value
        if rule.path is not None:
            found = finder.find(rule.path)
        elif rule.parts:
            given = (scalar(finder.find(part)) for part in rule.parts)
            found = rule.separator.join(part for part in given if part) or None
        if rule.table is not None or rule.otherwise is not None:
            name = (scalar(found) or "").strip().casefold()
            found = (rule.table or {}).get(name, found if rule.otherwise is None else rule.otherwise)
        if rule.prefix and (said := text(scalar(found))) is not None and not said.startswith(rule.prefix):
            found = rule.prefix + said
        return found

    def _moment(self, value: Any, rule: Rule) -> datetime | None:
        found = moment(value, rule.formats or self.mapping.formats, rule.zone or self.zone)
        if found is None:
            return None
        self.local |= found[1]
        return found[0]

    def _names(self, rules: Rules) -> str:
        return " or ".join(rule.path.written for rule in rules if rule.path is not None) or "call"


def _matches(found: Any, wanted: Any) -> bool:
    if wanted is True or wanted is False:
        return (found is not None) is wanted
    values = wanted if isinstance(wanted, list) else [wanted]
    return (scalar(found) or "").casefold() in {(scalar(one) or "").casefold() for one in values}


def _nested(said: Object) -> Object:
    """`agent.name` and the like put below their objects; what says nothing is left out."""
    made: Object = {}
    for name, value in said.items():
        if value is None:
            continue
        if name == WHOLE_TEXT:
            name, value = "transcript.turns", ({"role": "conversation", "text": value[:MAX_TEXT]},)  # noqa: PLW2901
        *above, last = name.split(".")
        holder = made
        for step in above:
            holder = holder.setdefault(step, {})
        holder[last] = value
    return made
