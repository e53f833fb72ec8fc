"""From a value as somebody wrote it to one a fact can hold. What cannot be read says nothing."""

import re
from collections.abc import Iterator
from datetime import datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Data
from aftercall.engine.taking import MAX_KEY, MAX_TEXT, epoch, inner, many, number, seconds, text
from aftercall.sources.mapped.path import text as scalar
from aftercall.sources.moments import instant
from aftercall.sources.taking import keys, tidy

Form = Literal["time", "seconds", "integer", "number", "choice", "text", "keys", "words", "object", "flag"]

MAX_URL = 2000
MAX_WORDS = 100
MAX_COUNT = 2**31 - 1
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
AMOUNTS = {"cents": 0.01}
COUNTED = {"epoch": 1.0, "epoch_ms": 1e3, "epoch_us": 1e6, "epoch_ns": 1e9}  # how many make a second
WHOLE_TEXT = "transcript.text"  # a transcript that is one text

_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})(?:\.\d+)?", re.ASCII)
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LEFT_OUT = frozenset({"flags", "final", "custom_fields", "transcript.turns", "analysis.rationales"})
_LONG = frozenset({"notes", "analysis.summary", WHOLE_TEXT})
_OF_TYPE: dict[Any, Form] = {
    datetime: "time", int: "integer", float: "number", str: "text", bool: "flag", dict: "object",
}  # fmt: skip


class Shape(msgspec.Struct, frozen=True):
    """What a field of the call may hold."""

    form: Form
    choices: tuple[str, ...] = ()
    most: int = MAX_KEY


def _shapes(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, Shape]]:
    hints = get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        name, hint = f"{prefix}{field.encode_name}", _without_none(hints[field.name])
        if name in _LEFT_OUT:
            continue
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from _shapes(hint, f"{name}.")
        else:
            yield name, _shape(name, hint)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def _shape(name: str, hint: Any) -> Shape:
    origin = get_origin(hint)
    if origin is Literal:
        return Shape("choice", get_args(hint))
    if origin is tuple:
        return Shape("keys" if name == "digits" else "words")
    form = _OF_TYPE[origin or hint]
    if form == "integer" and (name.endswith("seconds") or name == "voicemail.seconds"):
        form = "seconds"
    return Shape(form, (), MAX_TEXT if name in _LONG else MAX_URL if name.endswith("url") else MAX_KEY)


SHAPES: dict[str, Shape] = {**dict(_shapes(Data)), WHOLE_TEXT: Shape("text", (), MAX_TEXT)}


def converted(value: Any, shape: Shape, unit: str | None = None) -> Any:
    """The value in the field's form; None where it cannot be. Times have a function of their own."""
    match shape.form:
        case "choice":
            said = (scalar(value) or "").casefold()
            return said if said in shape.choices else None
        case "text":
            return text(scalar(value), shape.most)
        case "seconds":
            return length(value, unit)
        case "integer" | "number":
            return _amount(value, shape.form, unit)
        case "flag":
            return _FLAGS.get((scalar(value) or "").casefold())
        case "time":
            return None
        case _:
            return _gathered(value, shape.form)


def _amount(value: Any, form: Form, unit: str | None) -> float | None:
    found = number(value)
    if found is None or form == "number":
        return None if found is None else found * AMOUNTS.get(unit or "", 1.0)
    return int(found) if 0 <= found <= MAX_COUNT else None


def _gathered(value: Any, form: Form) -> Any:
    """What is made of several values: keys pressed, tags, an object."""
    if form == "keys":
        return (
            keys("".join(filter(None, map(scalar, value))) if type(value) is list else scalar(value)) or None
        )
    return _words(value) if form == "words" else tidy(inner(value), 3) or None


def _words(value: Any) -> tuple[str, ...] | None:
    """A list of texts (of objects, their names), or one text with commas between."""
    given = many(value) or (scalar(value) or "").split(",")
    named = [inner(one).get("name") if type(one) is dict else scalar(one) for one in given[:MAX_WORDS]]
    return tuple(dict.fromkeys(one for one in (text(word, MAX_KEY) for word in named) if one)) or None


def length(value: Any, unit: str | None) -> int | None:
    """Whole seconds of a length that was written in another unit, or as 1:02:03."""
    if unit == "clock":
        found = _CLOCK.fullmatch(value.strip()) if type(value) is str else None
        if found is None:
            return None
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    given = number(value)
    # A float cannot hold every nanosecond: rounded, so that 5,000 ms are 5 s whatever the unit.
    return None if given is None else seconds(round(given * SECONDS[unit or "s"], 6))


def moment(value: Any, formats: tuple[str, ...], zone: str) -> tuple[datetime, bool] | None:
    """The moment, and whether it was read in `zone` because none was written."""
    for form in formats:
        found = _counted(value, form) if form in COUNTED else _written(value, form, zone)
        if found is not None:
            return found
    return None


def _counted(value: Any, form: str) -> tuple[datetime, bool] | None:
    at = epoch(value, COUNTED[form])
    return (at, False) if at is not None else None


def _written(value: Any, form: str, zone: str) -> tuple[datetime, bool] | None:
    given = value.strip() if type(value) is str else value
    try:
        if form == "auto" and type(given) is str and (count := number(given)) is not None:
            given = count
        elif form not in ("auto", "iso"):
            given = datetime.strptime(given, form).isoformat()  # noqa: DTZ007  # `instant` gives it the zone
        return instant(given, "time", zone)
    except (Invalid, ValueError, TypeError, OverflowError):
        return None
