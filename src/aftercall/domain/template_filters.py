"""The filters of templates. Each takes any JSON value and never fails: what makes no sense passes unchanged.

Meanings are Liquid's where Liquid has the filter (https://shopify.github.io/liquid/), with `null` for nil.
"""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import msgspec

from aftercall.domain import phone
from aftercall.domain.wire import dumps, moment, text, zone

LONGEST = 64 * 1024  # characters of any one text made by a filter
_NUMBER = re.compile(r"\s*-?\d{1,15}(?:\.\d{1,15})?\s*", re.ASCII)
_CODE = re.compile(r"%(-?)([A-Za-z%])")
# Only these reach strftime: the platform's own have widths, which could ask for gigabytes.
_CODES = frozenset("YmdHMSybBaApIjZzG")
_SHORT = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}


ANY = "any"  # of a path below the declared ones: nobody knows
_WORDS = frozenset({"string", "time", "integer", "number"})
_NUMBERS = frozenset({"integer", "number"})
_LISTS = frozenset({"array", "string"})
_ALL = frozenset({"string", "time", "integer", "number", "boolean", "object", "array"})


class Filter(msgspec.Struct, frozen=True):
    """A filter, with how many arguments it takes; `zoned` ones are told the webhook's time zone first.

    `takes` are the declared types that make sense to it, `gives` is the type of what it makes. `fills`: it has
    something to say where there is no value.
    """

    run: Callable[..., Any]
    least: int = 0
    most: int = 0
    zoned: bool = False
    takes: frozenset[str] = _WORDS
    gives: str = "string"
    fills: bool = False

    def bound(self, zone_name: str) -> Callable[..., Any]:
        return partial(self.run, zone_name) if self.zoned else self.run


def default(value: Any, instead: Any) -> Any:
    """For null, false and what is empty; 0 is a value."""
    return instead if value is None or value is False or value in ("", [], {}) else value


def truncate(value: Any, length: Any = 50, ellipsis: Any = "...") -> str:
    """At most `length` characters, the ellipsis among them."""
    whole, end = text(value), text(ellipsis)
    most = max(0, int(_number(length)))
    if len(whole) <= most:
        return whole
    return whole[: max(0, most - len(end))] + end


def replace(value: Any, old: Any, new: Any = "") -> str:
    whole, out, into = text(value), text(old), text(new)
    if not out or len(whole) + whole.count(out) * (len(into) - len(out)) > LONGEST:
        return whole
    return whole.replace(out, into)


def date(default_zone: str, value: Any, form: Any = "default", where: Any = None) -> Any:
    """A time in one of the formats `default`, `epoch`, `iso8601`, or by codes such as `%d %b %Y, %H:%M`."""
    at = _time(value)
    if at is None:
        return value
    place = zone(text(where) if where else default_zone)
    shape = text(form)
    if shape in ("default", "epoch", "iso8601"):
        return moment(at, shape, place)  # type: ignore[arg-type]
    local = at.astimezone(place)
    return _CODE.sub(lambda m: _code(local, m.group(1), m.group(2)), shape[:200])


def join(value: Any, between: Any = " ") -> str:
    if not isinstance(value, list):
        return text(value)
    joint = text(between)[:100]
    made, size = [], 0
    for item in value:
        made.append(text(item))
        size += len(made[-1]) + len(joint)
        if size > LONGEST:
            break
    return joint.join(made)


def size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


def first(value: Any) -> Any:
    return value[0] if isinstance(value, str | list) and value else None


def last(value: Any) -> Any:
    return value[-1] if isinstance(value, str | list) and value else None


def round_(value: Any, places: Any = 0) -> int | float:
    number = round(_number(value), max(0, min(10, int(_number(places)))))
    return _plain(number)


def plus(value: Any, other: Any) -> int | float:
    return _plain(_number(value) + _number(other))


def minus(value: Any, other: Any) -> int | float:
    return _plain(_number(value) - _number(other))


def phone_national(value: Any) -> str:
    """The number as people of its country write it; what is no E.164 number stays."""
    return phone.pretty(text(value))


def duration(value: Any) -> Any:
    """Seconds as people say them: 45 s, 4 min 31 s, 1 h 5 min."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        return value
    seconds = int(value)
    if seconds < 60:
        return f"{seconds} s"
    big, small = ((seconds // 3600, "h"), (seconds % 3600 // 60, "min"))
    if seconds < 3600:
        big, small = (seconds // 60, "min"), (seconds % 60, "s")
    return f"{big[0]} {big[1]} {small[0]} {small[1]}" if small[0] else f"{big[0]} {big[1]}"


FILTERS: dict[str, Filter] = {
    "default": Filter(default, 1, 1, takes=_ALL, gives=ANY, fills=True),
    "truncate": Filter(truncate, 0, 2),
    "upcase": Filter(lambda v: text(v).upper()),
    "downcase": Filter(lambda v: text(v).lower()),
    "capitalize": Filter(lambda v: text(v).capitalize()),
    "trim": Filter(lambda v: text(v).strip()),
    "replace": Filter(replace, 1, 2),
    "date": Filter(date, 0, 2, zoned=True, takes=frozenset({"time", "number"})),
    "duration": Filter(duration, takes=_NUMBERS),
    "phone_national": Filter(phone_national, takes=frozenset({"string"})),
    "phone_mask": Filter(lambda v: phone.mask(text(v)), takes=frozenset({"string"})),
    "digits": Filter(lambda v: re.sub(r"[^0-9]", "", text(v))),
    "json": Filter(lambda v: dumps(v).decode(), takes=_ALL),
    "join": Filter(join, 0, 1, takes=frozenset({"array"})),
    "size": Filter(size, takes=frozenset({"array", "string", "object"}), gives="integer", fills=True),
    "first": Filter(first, takes=_LISTS, gives=ANY),
    "last": Filter(last, takes=_LISTS, gives=ANY),
    "round": Filter(round_, 0, 1, takes=_NUMBERS, gives="number"),
    "plus": Filter(plus, 1, 1, takes=_NUMBERS, gives="number"),
    "minus": Filter(minus, 1, 1, takes=_NUMBERS, gives="number"),
    "url_encode": Filter(lambda v: quote_plus(text(v), errors="replace")),
    "escape": Filter(lambda v: html.escape(text(v))),
}


def refusal(name: str, arguments: int, kind: str = ANY) -> str | None:
    """Why a filter cannot be used so; None where it can."""
    known = FILTERS.get(name)
    if known is None:
        return f"there is no filter `{name}`; there are {', '.join(FILTERS)}"
    if not known.least <= arguments <= known.most:
        return f"`{name}` takes {known.least} to {known.most} arguments, not {arguments}"
    if kind != ANY and kind not in known.takes:
        return f"`{name}` does not go with a value of type {kind}; it takes {', '.join(sorted(known.takes))}"
    return None


def unprintable(path: str, kind: str) -> str | None:
    """Why a value cannot stand in a text for people; None where it can."""
    if kind == "array":
        return f"`{path}` is an array: use join, first, last or size"
    if kind == "object":
        return f"`{path}` is an object: name one of its members, or use json"
    return None


def _number(value: Any) -> int | float:
    """0 for what is no number, as in Liquid."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return 0


def _plain(number: float) -> int | float:
    """Without the dust of binary fractions: 0.1 plus 0.2 is 0.3."""
    if isinstance(number, int):
        return number
    settled = round(number, 10)
    return int(settled) if settled.is_integer() and abs(settled) < 2**53 else settled


def _time(value: Any) -> datetime | None:
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        if at is not None and not 1900 <= at.year <= 9000:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def _code(local: datetime, flag: str, code: str) -> str:
    if code == "%":
        return "%"
    if code == "s":
        return str(int(local.timestamp()))
    if code == "e":
        return f"{local.day:>2}" if not flag else str(local.day)
    if code in _SHORT:
        return local.strftime(_SHORT[code])
    if code not in _CODES:
        return f"%{flag}{code}"
    made = local.strftime(f"%{code}")
    return (made.lstrip("0") or "0") if flag else made
