"""Paths: where in what was sent a value stands: `data.user.name`, `calls[0].id`, `params[key=ui].value`, `$query.x`.

A text that holds JSON is gone into as if it were the JSON. What is not there is None; nothing raises while reading.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

from aftercall.domain.errors import Problem
from aftercall.engine.reading import decode

Step = str | int | tuple[str, str] | None  # a name, a place in a list, a member that equals, every item

ROOTS = frozenset({"$body", "$query", "$path", "$header", "$direction", "$source", "$event", "$item"})
RULE = "must be a path such as data.user.name, calls[0].id, params[key=ui].value or $query.event"
MAX_LENGTH = 200
MAX_STEPS = 16
MAX_ITEMS = 1000  # of a list whose every item is asked for

_NAME = r'(?:"[^"]+"|[^\s.\[\]"]+)'
_PATH = re.compile(rf"{_NAME}(?:\[[^\[\]]+\])*(?:\.{_NAME}(?:\[[^\[\]]+\])*)*")
_STEP = re.compile(rf"({_NAME})|\[([^\[\]]+)\]")
_INDEX = re.compile(r"-?\d{1,4}", re.ASCII)


class Path(msgspec.Struct, frozen=True):
    """A path as it was written and as its steps. `root` is None for the record itself."""

    written: str
    root: str | None
    steps: tuple[Step, ...]


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Raises ValueError, saying what a path looks like."""
    if len(text) > MAX_LENGTH or not _PATH.fullmatch(text):
        raise ValueError(RULE)
    steps = [_name(name) if name else _bracket(inside) for name, inside in _STEP.findall(text)]
    if len(steps) > MAX_STEPS:
        raise ValueError(RULE)
    first = steps[0]
    if not isinstance(first, str) or not first.startswith("$"):
        return Path(text, None, tuple(steps))
    if first not in ROOTS:
        raise ValueError(f"must begin with a name, or with one of {', '.join(sorted(ROOTS))}")
    return Path(text, first, tuple(steps[1:]))


def _name(text: str) -> str:
    return text.strip('"')


def _bracket(inside: str) -> Step:
    if inside == "*":
        return None
    if _INDEX.fullmatch(inside):
        return int(inside)
    name, equals, wanted = inside.partition("=")
    if not name or not equals:
        raise ValueError(RULE)
    return name.strip().strip('"'), wanted.strip().strip('"')


class Finder:
    """Follows paths from the roots of one request. JSON that stands in a text is decoded once."""

    def __init__(self, roots: dict[str | None, Any]) -> None:
        self._roots = roots
        self._decoded: dict[str, Any] = {}

    def at(self, **roots: Any) -> "Finder":
        """The same, with these roots (`item=` is `$item`) put in; `record=` is the record itself."""
        named = {None if name == "record" else f"${name}": value for name, value in roots.items()}
        made = Finder({**self._roots, **named})
        made._decoded = self._decoded
        return made

    @property
    def record(self) -> Any:
        return self._roots.get(None)

    def find(self, path: Path) -> Any:
        """What stands there; None where nothing does, and for what is empty."""
        found = self._opened(self._follow(self._roots.get(path.root), path.steps))
        return None if found in ("", [], {}) else found

    def _follow(self, value: Any, steps: tuple[Step, ...]) -> Any:
        for i, step in enumerate(steps):
            value = self._opened(value)
            if step is None:
                return self._each(value, steps[i + 1 :])
            value = _member(value, step)
            if value is None:
                return None
        return value

    def _each(self, value: Any, steps: tuple[Step, ...]) -> Any:
        items = value if type(value) is list else []
        found = [self._follow(item, steps) for item in items[:MAX_ITEMS]]
        return [one for one in found if one is not None]

    def _opened(self, value: Any) -> Any:
        """The JSON in a text, else the value as it is."""
        if type(value) is not str or value.lstrip()[:1] not in ("{", "["):
            return value
        if value not in self._decoded:
            try:
                self._decoded[value] = decode(value.encode())
            except (Problem, UnicodeEncodeError):
                self._decoded[value] = value
        return self._decoded[value]


def _member(value: Any, step: str | int | tuple[str, str]) -> Any:
    match step:
        case str():
            return value.get(step) if type(value) is dict else None
        case int():
            return value[step] if type(value) is list and -len(value) <= step < len(value) else None
        case (name, wanted):
            items = value if type(value) is list else []
            return next(
                (i for i in items[:MAX_ITEMS] if type(i) is dict and text(i.get(name)) == wanted), None
            )


def text(value: Any) -> str | None:
    """A scalar as a table of values names it: `true`, `5`, `busy`; None for what is no scalar."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else str(value)
        case _:
            return None
