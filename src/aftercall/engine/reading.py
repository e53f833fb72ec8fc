"""Reading what somebody sent into a value: msgspec's complaints as field, rule and shape (never the content)."""

import re
import types
import typing
from enum import Enum
from functools import lru_cache
from mmap import mmap
from typing import Any, TypeVar

import msgspec

from aftercall.domain.errors import Invalid, Unreadable

T = TypeVar("T")

_PLACE = re.compile(r"(?P<rule>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")
_FIELD = re.compile(r"Object (?:missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_GOT = re.compile(r"(?P<rule>Expected .*), got `[^`]*`", re.DOTALL)
_NAMES = {
    "str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false",
    "object": "an object", "array": "a list", "null": "null", "datetime": "a time",
}  # fmt: skip
MAX_INTEGER = 2**63 - 1  # what every database and most languages can hold


def decode(body: bytes) -> Any:
    """The JSON value of a body. Raises Unreadable."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise Unreadable("The JSON is nested too deep.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(f"The body is not valid JSON: {_first_line(error)}.") from None


def decode_as(body: bytes | mmap, kind: type[T]) -> T:
    """The JSON of a body as a `kind`; what that has no place for is skipped. Raises Unreadable and Invalid."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), None, kind, "") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The body is not valid JSON: {_first_line(error)}.") from None


def read(value: Any, kind: type[T], *, strict: bool = True, field: str = "") -> T:
    """The value as a `kind`. Raises Invalid, naming the field below `field`, the rule and the value's shape."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), value, kind, field) from None
    except OverflowError:
        raise Invalid.field(field or "body", "a number or time is out of range") from None


def shape(value: Any) -> str:
    """What stood there, without saying it: secrets are sent to the wrong field, too."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return f"a string of {len(value)} characters"
        case dict():
            return f"an object of {len(value)} members"
        case list() | tuple():
            return f"a list of {len(value)} items"
        case _:
            return "another value"


def _invalid(complaint: str, value: Any, kind: Any, field: str) -> Invalid:
    found = _PLACE.fullmatch(complaint)
    rule, path = (found["rule"], found["path"] or "$") if found else (complaint, "$")
    steps = [name or index or dots for name, index, dots in _STEP.findall(path)]
    place = _join(field, steps)
    if named := _FIELD.fullmatch(rule):
        missing = "missing" in rule.partition("field")[0]
        name = named["name"][:100]
        return Invalid.field(_join(place, [name]), "is required" if missing else "is not a known field")
    if rule.startswith("Invalid enum value"):
        choices = allowed(kind, steps)
        rule = f"must be one of {', '.join(choices)}" if choices else "is not one of the allowed values"
    elif got := _GOT.fullmatch(rule):
        rule = got["rule"]
    return Invalid.field(place or "body", _plain(rule), shape(_at(value, steps)))


def _plain(rule: str) -> str:
    """The rule in words: Expected `int | null` becomes must be a whole number or null."""
    if rule.startswith("Invalid RFC3339"):
        return "must be a time with a zone, such as 2025-08-21T11:02:44Z"
    if "timezone component" in rule:
        return "must be a time with a zone, such as 2025-08-21T11:02:44Z"
    rule = re.sub(
        r"`([a-z| ]+)`",
        lambda m: " or ".join(_NAMES.get(name, name) for name in m[1].split(" | ")),
        rule,
    )
    return rule.replace("Expected ", "must be ", 1)[:300]


def _join(field: str, steps: list[str]) -> str:
    made = field
    for step in steps:
        made += f"[{step}]" if step.isdigit() or step == "..." else f".{step}" if made else step
    return made


def _at(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, ...)
        elif isinstance(value, list | tuple) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ...
    return value


def allowed(kind: Any, steps: list[str]) -> tuple[str, ...]:
    """The words that may stand at this place of a type."""
    for step in steps:
        kind = next((found for k in _alternatives(kind) if (found := _inside(k, step)) is not None), None)
        if kind is None:
            return ()
    words: list[str] = []
    for alternative in _alternatives(kind):
        if typing.get_origin(alternative) is typing.Literal:
            words += [str(word) for word in typing.get_args(alternative)]
        elif isinstance(alternative, type) and issubclass(alternative, Enum):
            words += [str(member.value) for member in alternative]
    return tuple(words)


def _alternatives(kind: Any) -> list[Any]:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        return [a for part in typing.get_args(kind) for a in _alternatives(part)]
    return [kind]


def _inside(kind: Any, step: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _hints(kind).get(step)
    arguments = typing.get_args(kind)
    return arguments[-1] if step == "..." and arguments else arguments[0] if arguments else None


@lru_cache(maxsize=256)
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {f.encode_name: hints[f.name] for f in msgspec.structs.fields(kind)}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")[:200]
