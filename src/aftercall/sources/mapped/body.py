"""What a request holds, whatever way it was written: JSON, a form (parts, too), or nothing but its query."""

import re
from typing import Any
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from aftercall.domain.errors import Unreadable
from aftercall.engine.reading import decode
from aftercall.engine.taking import form
from aftercall.engine.upstream import Request

MAX_FIELDS = 1000
MAX_INDEX = 1000  # of a list in a form's names
MAX_NESTING = 6
_BRACKETED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_INSIDE = re.compile(r"\[([^\[\]]*)\]")
_TOKEN = "token"  # the source's own, where it stands in the query  # noqa: S105


def query(request: Request) -> dict[str, Any]:
    """The query's parameters, without the source's token."""
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Unreadable("The query cannot be read.") from None
    return nested([(name, value) for name, value in pairs if name != _TOKEN])


def body(request: Request) -> Any:
    """The body's value; of a request without one, its query. Raises Unreadable."""
    said = request.body
    if not said.strip():
        return query(request)
    kind = request.headers.get("content-type", "").lower()
    if kind.startswith("multipart/"):
        return nested(_parts(request.headers["content-type"], said))
    if "json" in kind or said.lstrip()[:1] in (b"{", b"["):
        return decode(said)
    return nested(form(said))


def _parts(header: str, said: bytes) -> list[tuple[str, str]]:
    """The fields of a multipart/form-data body; files are not for us."""
    found: list[tuple[str, bytearray]] = []
    try:
        _, options = parse_options_header(header)
        with PushMultipartParser(options.get("boundary", ""), max_segment_count=MAX_FIELDS) as parser:
            for part in parser.parse(said):
                if isinstance(part, MultipartSegment):
                    found.append((part.name or "" if part.filename is None else "", bytearray()))
                elif part:
                    found[-1][1].extend(part)
        return [(name, value.decode()) for name, value in found if name]
    except (MultipartError, ValueError):
        raise Unreadable("The body is not a form (multipart/form-data).") from None


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """A form as an object: `a[0][b]=x` is {"a": [{"b": "x"}]}, a name given twice is a list."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        found = _BRACKETED.fullmatch(name)
        steps = [found[1], *_INSIDE.findall(found[2])] if found else [name]
        if len(steps) > MAX_NESTING:
            steps = [name]
        _put(made, steps, value)
    return {name: _listed(value) for name, value in made.items()}


def _put(made: dict[str, Any], steps: list[str], value: str) -> None:
    for step in steps[:-1]:
        below = made.setdefault(step, {})
        if type(below) is not dict:
            return  # given as a value and as an object: the value stands
        made = below
    last = steps[-1] or str(len(made))
    if last not in made:
        made[last] = value
    elif type(made[last]) is list:
        made[last].append(value)
    elif type(made[last]) is str:
        made[last] = [made[last], value]


def _listed(value: Any) -> Any:
    """Objects whose names are 0, 1, 2, ... as lists."""
    if type(value) is not dict:
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    if inner and len(inner) <= MAX_INDEX and all(name == str(i) for i, name in enumerate(inner)):
        return list(inner.values())
    return inner
