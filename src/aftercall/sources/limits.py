"""How large and deep one event may be, and what may stand in it at all (H19)."""

from collections.abc import Iterable
from typing import Any, NoReturn

from aftercall.domain.errors import Invalid
from aftercall.engine.reading import MAX_INTEGER
from aftercall.engine.taking import MAX_TEXT

MAX_DEPTH = 8  # levels; the event itself is the first
MAX_NAME = 200  # characters of a member's name


def check(item: dict[str, Any]) -> None:
    """Raise Invalid where an event breaks a limit, naming the field. Written out: every event passes here."""
    for name, value in item.items():
        if len(name) > MAX_NAME or "\0" in name:
            _bad_name(name, "")
        kind = type(value)
        if kind is str:
            if len(value) > MAX_TEXT or "\0" in value:
                _text(value, name, MAX_TEXT)
        elif kind is dict or kind is list:
            _nested(value, name, 2, None if name == "transcript" else MAX_TEXT)
        elif kind is int:
            _integer(value, name)


def _nested(value: Any, field: str, depth: int, longest: int | None) -> None:
    if depth > MAX_DEPTH:
        raise Invalid.field(field[:300], f"is nested deeper than {MAX_DEPTH} levels")
    named = type(value) is dict
    members: Iterable[tuple[Any, Any]] = value.items() if named else enumerate(value)
    for name, inner in members:
        if named and (len(name) > MAX_NAME or "\0" in name):
            _bad_name(name, field)
        kind = type(inner)
        if kind is str:
            if len(inner) > MAX_TEXT or "\0" in inner:
                _text(inner, _join(field, name), longest)
        elif kind is dict or kind is list:
            transcript = field == "data" and name == "transcript"
            _nested(inner, _join(field, name), depth + 1, None if transcript else longest)
        elif kind is int:
            _integer(inner, field)


def _join(field: str, name: str | int) -> str:
    return f"{field}[{name}]" if isinstance(name, int) else f"{field}.{name}"


def _bad_name(name: str, field: str) -> NoReturn:
    where = f"{field}.{name[:20]}".replace("\0", "").lstrip(".")
    raise Invalid.field(where, f"a name may have at most {MAX_NAME} characters and no NUL")


def _text(value: str, field: str, longest: int | None) -> None:
    if longest is not None and len(value) > longest:
        raise Invalid.field(field, f"may have at most {longest} characters", f"a string of {len(value)}")
    if "\0" in value:
        raise Invalid.field(field, "may not hold a NUL character", f"a string of {len(value)} characters")


def _integer(value: int, field: str) -> None:
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Invalid.field(field, "must be a number of at most 63 bits", "a larger number")
