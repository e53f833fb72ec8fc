"""A mapping, checked and ready to be followed. What is wrong with one is said with the exact place."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Kind
from aftercall.engine.reading import read, shape
from aftercall.engine.setup import check_zone
from aftercall.sources.http import KINDS
from aftercall.sources.mapped.form import GuessForm, MappingForm, Scalar, TellingForm, ValueForm
from aftercall.sources.mapped.path import Path, parse
from aftercall.sources.mapped.values import AMOUNTS, COUNTED, SECONDS, SHAPES, Shape, converted

MAX_ALTERNATIVES = 20
MAX_MEMBERS = 300  # of any table
MEMBERS = (None, "$body", "$query")  # roots whose members a record may have
ANY = "*"  # the row for events that have none of their own
TIME_WORDS = ("auto", "iso", *COUNTED)
TEXT, TIME = Shape("text"), Shape("time")
_SAMPLE = datetime(2025, 8, 21, 11, 2, 44, tzinfo=UTC)


class Rule(msgspec.Struct, frozen=True):
    """One way to a value. `formats` and `zone` are a time's; `table` holds folded names."""

    path: Path | None = None
    parts: tuple[Path, ...] = ()
    separator: str = " "
    value: Scalar = None
    table: dict[str, Scalar] | None = None
    otherwise: Scalar = None
    unit: str | None = None
    formats: tuple[str, ...] | None = None
    zone: str | None = None
    prefix: str = ""


Rules = tuple[Rule, ...]  # tried in turn
Conditions = tuple[tuple[Path, Any], ...]


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that an event tells. `number` tells it from others of its kind that the event tells."""

    kind: Kind
    number: int
    when: Conditions
    each: Path | None
    fields: dict[str, Rules]
    at: Rules
    leg: Rules
    final: bool


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """How requests of one kind are read. `used` are the record's members that some path begins with."""

    records: tuple[Path, ...]
    call: Rules
    event: Rules
    events: dict[str, tuple[Telling, ...]]
    guess: tuple[tuple[str, Conditions], ...]
    fields: dict[str, Rules]
    directed: dict[str, dict[str, Rules]]
    status: Rules
    statuses: dict[str, dict[str, Any]]
    at: Rules
    leg: Rules
    sequence: Rules
    id: tuple[Rules, ...]
    formats: tuple[str, ...]
    zone: str | None
    custom_fields: dict[str, Rules]
    rest: bool
    used: frozenset[str]


def compiled(written: Any, place: str) -> Mapping:
    """The mapping. Raises Invalid, naming what is wrong below `place`."""
    form = read(written, MappingForm, field=place)
    maker = _Maker(place)
    made = maker.mapping(form)
    if not made.call:
        raise Invalid.field(f"{place}.call", "is required: where the call's key stands")
    if not made.events:
        raise Invalid.field(f"{place}.events", f"is required: which fact each event is ({ANY} for any other)")
    return msgspec.structs.replace(made, used=maker.used | frozenset(form.drop))


class _Maker:
    def __init__(self, place: str) -> None:
        self.place = place
        self.used: frozenset[str] = frozenset()

    def mapping(self, form: MappingForm) -> Mapping:
        at = self.place
        records = (form.records,) if isinstance(form.records, str) else form.records
        return Mapping(
            records=tuple(self.path(one, f"{at}.records") for one in records),
            call=self.rules(form.call, f"{at}.call", TEXT),
            event=self.rules(form.event, f"{at}.event", TEXT),
            events={
                name.casefold(): tuple(self.tellings(told, f"{at}.events.{name}"))
                for name, told in self.members(form.events, f"{at}.events")
            },
            guess=tuple(self.guess(one, f"{at}.guess[{i}]") for i, one in enumerate(form.guess)),
            fields=self.fields(form.fields, f"{at}.fields"),
            directed={
                "inbound": self.fields(form.inbound, f"{at}.inbound"),
                "outbound": self.fields(form.outbound, f"{at}.outbound"),
            },
            status=self.rules(form.status, f"{at}.status", TEXT),
            statuses={
                name.casefold(): self.constants(said, f"{at}.statuses.{name}")
                for name, said in self.members(form.statuses, f"{at}.statuses")
            },
            at=self.rules(form.at, f"{at}.at", TIME),
            leg=self.rules(form.leg, f"{at}.leg", TEXT),
            sequence=self.rules(form.sequence, f"{at}.sequence", TEXT),
            id=tuple(self.rules(one, f"{at}.id[{i}]", TEXT) for i, one in enumerate(form.id)),
            formats=_formats(form.time, f"{at}.time"),
            zone=None if form.time_zone is None else check_zone(form.time_zone, f"{at}.time_zone"),
            custom_fields={
                name: self.rules(said, f"{at}.custom_fields.{name}", None)
                for name, said in self.members(form.custom_fields, f"{at}.custom_fields")
            },
            rest=form.rest,
            used=frozenset(),
        )

    def members(self, table: dict[str, Any], place: str) -> Iterator[tuple[str, Any]]:
        if len(table) > MAX_MEMBERS:
            raise Invalid.field(place, f"may have at most {MAX_MEMBERS} members", shape(table))
        for name, value in table.items():
            if not 0 < len(name) <= MAX_MEMBERS:
                raise Invalid.field(f"{place}.{name[:30]}", "is too long a name, or none")
            if value is not None:
                yield name, value

    def path(self, written: Any, place: str) -> Path:
        if not isinstance(written, str):
            raise Invalid.field(place, "must be a path, as a text", shape(written))
        try:
            made = parse(written)
        except ValueError as error:
            raise Invalid.field(place, str(error), shape(written)) from None
        if made.root in MEMBERS and made.steps and isinstance(made.steps[0], str):
            self.used |= {made.steps[0]}
        return made

    def rules(self, written: Any, place: str, of: Shape | None) -> Rules:
        """A path, a value's description, or a list of these: alternatives, the first that says something."""
        if written is None:
            return ()
        if not isinstance(written, list | tuple):
            return (self.rule(written, place, of),)
        if len(written) > MAX_ALTERNATIVES:
            raise Invalid.field(place, f"may have at most {MAX_ALTERNATIVES} alternatives", shape(written))
        return tuple(self.rule(one, f"{place}[{i}]", of) for i, one in enumerate(written))

    def rule(self, written: Any, place: str, of: Shape | None) -> Rule:
        if isinstance(written, str):
            return Rule(self.path(written, place))
        form = read(written, ValueForm, field=place)
        if (form.path is not None) + bool(form.join) + (form.value is not None) != 1:
            raise Invalid.field(place, "must have exactly one of path, join and value", shape(written))
        _check_unit(form, place, of)
        if of is not None and of.form == "choice":
            _check_choices(form, place, of)
        elif (
            (form.time is not None or form.zone is not None)
            and of is not TIME
            and (of is None or of.form != "time")
        ):
            raise Invalid.field(place, "time and zone are for fields that hold a time")
        return Rule(
            path=None if form.path is None else self.path(form.path, f"{place}.path"),
            parts=tuple(self.path(one, f"{place}.join[{i}]") for i, one in enumerate(form.join)),
            separator=form.separator,
            value=form.value,
            table=None if form.map is None else {name.casefold(): value for name, value in form.map.items()},
            otherwise=form.otherwise,
            unit=form.unit,
            formats=None if form.time is None else _formats(form.time, f"{place}.time"),
            zone=None if form.zone is None else check_zone(form.zone, f"{place}.zone"),
            prefix=form.prefix,
        )

    def fields(self, table: dict[str, Any], place: str) -> dict[str, Rules]:
        made: dict[str, Rules] = {
            name: () for name, written in table.items() if written is None
        }  # not to be said
        for name, written in self.members(table, place):
            if name not in SHAPES:
                raise Invalid.field(
                    f"{place}.{name}", f"is not a field of a call; there are {', '.join(SHAPES)}"
                )
            made[name] = self.rules(written, f"{place}.{name}", SHAPES[name])
        return made

    def tellings(self, written: Any, place: str) -> Iterator[Telling]:
        given = written if isinstance(written, list | tuple) else [written]
        seen: list[Kind] = []
        for i, one in enumerate(given[:MAX_ALTERNATIVES]):
            here = f"{place}[{i}]" if isinstance(written, list | tuple) else place
            told = self.telling({"fact": one} if isinstance(one, str) else one, here, seen)
            seen.append(told.kind)
            yield told

    def telling(self, written: Any, place: str, seen: list[Kind]) -> Telling:
        form = read(written, TellingForm, field=place)
        if form.fact not in KINDS:
            raise Invalid.field(f"{place}.fact", f"must be one of {', '.join(KINDS)}", shape(form.fact))
        kind = KINDS[form.fact]
        return Telling(
            kind=kind,
            number=seen.count(kind),
            when=self.conditions(form.when, f"{place}.when"),
            each=None if form.each is None else self.path(form.each, f"{place}.each"),
            fields=self.fields(form.fields, f"{place}.fields"),
            at=self.rules(form.at, f"{place}.at", TIME),
            leg=self.rules(form.leg, f"{place}.leg", TEXT),
            final=form.final,
        )

    def guess(self, written: Any, place: str) -> tuple[str, Conditions]:
        form = read(written, GuessForm, field=place)
        return form.event.casefold(), self.conditions(form.when, f"{place}.when")

    def conditions(self, table: dict[str, Any], place: str) -> Conditions:
        """Each path with what must stand there: true (something), false (nothing), or one of these values."""
        made = []
        for name, wanted in self.members(table, place):
            values = wanted if isinstance(wanted, list) else [wanted]
            if not values or not all(isinstance(one, str | int | float) for one in values):
                raise Invalid.field(
                    f"{place}.{name}", "must be true, false, a value or a list of values", shape(wanted)
                )
            made.append((self.path(name, f"{place}.{name}"), wanted))
        return tuple(made)

    def constants(self, written: Any, place: str) -> dict[str, Any]:
        """What a status of the source's says of the call."""
        if not isinstance(written, dict):
            raise Invalid.field(place, 'must be an object, such as {"status": "missed"}', shape(written))
        made = {}
        for name, value in self.members(written, place):
            if name not in SHAPES or SHAPES[name].form in ("time", "object"):
                raise Invalid.field(f"{place}.{name}", "is not a field that a status can set")
            made[name] = converted(value, SHAPES[name])
            if made[name] is None:
                rule = (
                    f"must be one of {', '.join(SHAPES[name].choices)}"
                    if SHAPES[name].choices
                    else "cannot be that"
                )
                raise Invalid.field(f"{place}.{name}", rule, shape(value))
        return made


def _formats(written: str | tuple[str, ...], place: str) -> tuple[str, ...]:
    formats = (written,) if isinstance(written, str) else written
    for one in formats:
        if one not in TIME_WORDS and ("%" not in one or not _is_format(one)):
            rule = f"must be one of {', '.join(TIME_WORDS)}, or a format such as %d/%m/%Y %H:%M:%S"
            raise Invalid.field(place, rule, shape(one))
    return formats


def _is_format(one: str) -> bool:
    try:
        datetime.strptime(_SAMPLE.strftime(one), one)  # noqa: DTZ007  # tried, not used
    except (ValueError, UnicodeError):
        return False
    return True


def _check_unit(form: ValueForm, place: str, of: Shape | None) -> None:
    if form.unit is None:
        return
    allowed = {"seconds": (*SECONDS, "clock"), "number": tuple(AMOUNTS)}.get(of.form if of else "", ())
    if form.unit not in allowed:
        rule = f"must be one of {', '.join(allowed)}" if allowed else "is for lengths and costs"
        raise Invalid.field(f"{place}.unit", rule, shape(form.unit))


def _check_choices(form: ValueForm, place: str, of: Shape) -> None:
    given = {f"map.{name}": value for name, value in (form.map or {}).items()}
    given |= {"otherwise": form.otherwise, "value": form.value}
    for name, value in given.items():
        if value is not None and value not in of.choices:
            raise Invalid.field(f"{place}.{name}", f"must be one of {', '.join(of.choices)}", shape(value))
