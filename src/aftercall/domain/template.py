"""Templates: `{{ path | filter: arg }}` in the strings of a JSON value (T6). A small subset of Liquid.

Users' text is substituted, never executed: no loops, no conditions, no attributes, and everything is bounded.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.domain.template_filters import ANY, FILTERS, LONGEST, refusal, unprintable
from aftercall.domain.wire import dumps, text

MAX_SIZE = 64 * 1024  # bytes of the template as JSON
MAX_DEPTH = 20
MAX_TOKENS = 300
MAX_FILTERS = 10  # in one token
# What may be named: each root with its members, or None where anything may follow (custom fields, variables).
Schema = Mapping[str, frozenset[str] | None]
Context = Mapping[str, Any]
Part = Callable[[Context], Any]
LITERALS = {"true": True, "false": False, "null": None, "nil": None}
NOTHING: tuple[Any, ...] = (None, "", [], {})
Kinds = Mapping[str, str]  # a path's declared type

_LEXER = re.compile(
    r"""\s*(?:
      (?P<end>\}\}) | (?P<pipe>\|) | (?P<colon>:) | (?P<comma>,)
    | (?P<string>'[^']*'|"[^"]*")
    | (?P<number>-?\d{1,15}(?:\.\d{1,15})?)
    | (?P<path>[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d{1,6}\]|\['[^']*'\]|\["[^"]*"\])*)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\.?([\w-]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")


class Lazy(dict[str, Any]):
    """A root whose members are made when first asked for: a template names a few of very many."""

    def __init__(self, names: Collection[str], make: Callable[[str], Any]) -> None:
        super().__init__()
        self.names, self.make = names, make

    def __missing__(self, name: str) -> Any:
        made = self[name] = self.make(name) if name in self.names else None
        return made

    def whole(self) -> dict[str, Any]:
        """All members that say anything."""
        return {name: value for name in self.names if (value := self[name]) is not None}


class Spot(msgspec.Struct, frozen=True):
    """One placeholder: where it stands, what it names (a literal: ""), its value, what filters make of it."""

    start: int
    end: int
    path: str
    value: Part
    made: Part
    fills: bool  # one of its filters has something to say where there is no value

    def lacks(self, context: Context) -> bool:
        if not self.path:
            return False
        if not self.fills and self.value(context) in NOTHING:
            return True
        return self.made(context) is None


class Template(msgspec.Struct, frozen=True):
    """A compiled template. `render` gives a JSON value of the template's shape."""

    part: Part
    spots: tuple[Spot, ...] = ()

    def render(self, context: Context) -> Any:
        return self.part(context)

    def missing(self, context: Context) -> tuple[str, ...]:
        """The paths that have no value and no `default`, each once. Asked for apart: webhooks need no answer."""
        return tuple(dict.fromkeys(spot.path for spot in self.spots if spot.lacks(context)))


def compile(  # noqa: A001
    template: Any, schema: Schema, field: str = "template", zone: str = "UTC", kinds: Kinds | None = None
) -> Template:
    """Compile a JSON value. A string that is one token alone keeps the JSON type of what it names.

    `zone` is for the date filter. With `kinds`, filters that cannot take a path's type are refused, and so is what
    cannot stand in a text. Raises Invalid, naming the place in the template and the position in the string,
    counted from 1.
    """
    if len(dumps(template)) > MAX_SIZE:
        raise Invalid.field(field, f"may have at most {MAX_SIZE} bytes")
    compiler = _Compiler(schema, zone, kinds)
    part = compiler.value(template, field, 0)
    return Template(part, tuple(compiler.spots))


class _Compiler:
    """Walks a template once; counts what is bounded."""

    def __init__(self, schema: Schema, zone: str, kinds: Kinds | None) -> None:
        self.schema, self.zone, self.kinds, self.tokens = schema, zone, kinds, 0
        self.spots: list[Spot] = []

    def value(self, template: Any, field: str, depth: int) -> Part:
        if depth > MAX_DEPTH:
            raise Invalid.field(field, f"may be nested at most {MAX_DEPTH} levels deep")
        if isinstance(template, str):
            return self.string(template, field)
        if isinstance(template, dict):
            members = [(k, self.value(v, f"{field}.{k}", depth + 1)) for k, v in template.items()]
            return lambda context: {key: part(context) for key, part in members}
        if isinstance(template, list | tuple):
            items = [self.value(v, f"{field}[{i}]", depth + 1) for i, v in enumerate(template)]
            return lambda context: [part(context) for part in items]
        return _constant(template)

    def string(self, source: str, field: str) -> Part:
        parts: list[Part] = []
        at = 0
        while (start := source.find("{{", at)) >= 0:
            if start > at:
                parts.append(_constant(source[at:start]))
            part, at = _Token(self, source, start, field).read()
            parts.append(part)
        if at < len(source) or not parts:
            parts.append(_constant(source[at:]))
        if len(parts) == 1:
            return parts[0]
        return lambda context: "".join([text(part(context)) for part in parts])


class _Token:
    """Reads one `{{ ... }}`."""

    def __init__(self, compiler: _Compiler, source: str, start: int, field: str) -> None:
        self.compiler, self.source, self.start, self.field = compiler, source, start, field
        self.at = start + 2
        self.kind, self.fills = ANY, False
        compiler.tokens += 1
        if compiler.tokens > MAX_TOKENS:
            self.fail(f"more than {MAX_TOKENS} placeholders", start)

    def read(self) -> tuple[Part, int]:
        """The compiled token and the position after it."""
        first, word, began = self.lex()
        part = value = self.operand(first, word, began)
        self.kind = (self.compiler.kinds or {}).get(word, ANY)
        filters = 0
        while True:
            kind, _, at = self.lex()
            if kind == "end":
                self.check_kind(word, began)
                path = word if first == "path" and word not in LITERALS else ""
                self.compiler.spots.append(Spot(self.start, self.at, path, value, part, self.fills))
                return part, self.at
            if kind != "pipe":
                self.fail("expected `|` or `}}`", at)
            filters += 1
            if filters > MAX_FILTERS:
                self.fail(f"more than {MAX_FILTERS} filters in a placeholder", at)
            part = self.filtered(part)

    def lex(self) -> tuple[str, str, int]:
        found = _LEXER.match(self.source, self.at)
        if found is None or found.lastgroup is None:
            rest = self.source[self.at :]
            if "}}" not in rest:
                self.fail("`{{` without `}}`", self.start)
            self.fail("cannot be read", self.at + len(rest) - len(rest.lstrip()))
        self.at = found.end()
        return found.lastgroup, found.group(found.lastgroup), found.start(found.lastgroup)

    def operand(self, kind: str, word: str, at: int) -> Part:
        if kind == "string":
            return _constant(word[1:-1])
        if kind == "number":
            return _constant(float(word) if "." in word else int(word))
        if kind != "path":
            self.fail("expected a name", at)
        if word in LITERALS:
            return _constant(LITERALS[word])
        return self.path(word, at)

    def path(self, word: str, at: int) -> Part:
        steps = ["".join(part for part in found if part) for found in _STEP.findall(word)]
        root = steps[0]
        if root not in self.compiler.schema:
            self.fail(f"nothing is called `{root}`; there are {', '.join(sorted(self.compiler.schema))}", at)
        members = self.compiler.schema[root]
        if members is not None and len(steps) > 1 and steps[1] not in members:
            self.fail(f"`{root}` has no `{steps[1]}`", at)
        if len(steps) == 1:
            return lambda context: _whole(context[root])

        def look(context: Context) -> Any:
            value = context[root]
            for step in steps[1:]:
                value = _member(value, step)
            return value

        return look

    def filtered(self, inner: Part) -> Part:
        kind, name, at = self.lex()
        if kind != "path":
            self.fail("expected a filter", at)
        args = self.arguments() if name in FILTERS else []
        if (why := refusal(name, len(args), self.kind)) is not None:
            self.fail(why, at)
        known = FILTERS[name]
        self.kind, self.fills = known.gives, self.fills or known.fills
        apply = known.bound(self.compiler.zone)

        def run(context: Context) -> Any:
            value = inner(context)
            made = apply(value, *[arg(context) for arg in args])
            return made[:LONGEST] if isinstance(made, str) and made is not value else made

        return run

    def arguments(self) -> list[Part]:
        before = self.at
        if self.lex()[0] != "colon":
            self.at = before
            return []
        args = [self.operand(*self.lex())]
        while True:
            before = self.at
            if self.lex()[0] != "comma":
                self.at = before
                return args
            args.append(self.operand(*self.lex()))

    def check_kind(self, word: str, at: int) -> None:
        if self.compiler.kinds is not None and (why := unprintable(word, self.kind)) is not None:
            self.fail(why, at)

    def fail(self, message: str, at: int) -> NoReturn:
        raise Invalid.field(self.field, f"{message} (at position {at + 1})")


def _constant(value: Any) -> Part:
    return lambda _: value


def _whole(value: Any) -> Any:
    return value.whole() if isinstance(value, Lazy) else value


def _member(holder: Any, step: str) -> Any:
    if isinstance(holder, Lazy):
        return holder[step]
    if isinstance(holder, dict):
        return holder.get(step)
    if isinstance(holder, list) and step.isdecimal():
        index = int(step)
        return holder[index] if index < len(holder) else None
    return None
