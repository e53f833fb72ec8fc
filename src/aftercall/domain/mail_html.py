"""HTML bodies of mails: Liquid with our own paths and filters, everything escaped, CSS inlined (S2, S7).

Of the library only the grammar and a few tags are used: nothing is included or loaded, there is no clock, and loops,
nesting, output and assigned values are bounded.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, NoReturn, TextIO

import css_inline
from liquid import BoundTemplate, Environment, Markup, Mode, RenderContext, escape
from liquid.ast import Node
from liquid.builtin import content, illegal
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags import assign_tag, case_tag, comment_tag, for_tag, if_tag, unless_tag
from liquid.exceptions import LiquidError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.token import Token
from liquid.undefined import Undefined
from liquid.utils import ReadOnlyChainMap

from aftercall.domain.clean import lines
from aftercall.domain.errors import Invalid, TooLarge
from aftercall.domain.markup import is_plain
from aftercall.domain.message_context import KINDS, SCHEMA
from aftercall.domain.template import MAX_FILTERS, NOTHING, Lazy
from aftercall.domain.template_filters import ANY, FILTERS, LONGEST, refusal, unprintable
from aftercall.domain.wire import text

MAX_SOURCE = 128 * 1024  # characters
MAX_OUTPUT = 1024 * 1024  # bytes before the CSS is inlined
MAX_INLINED = 64 * 1024 * 1024  # bytes, if every rule went into every tag
TAGS = (
    content.Literal, illegal.Illegal, if_tag.IfTag, unless_tag.UnlessTag, case_tag.CaseTag, for_tag.ForTag,
    for_tag.BreakTag, for_tag.ContinueTag, assign_tag.AssignTag, comment_tag.CommentTag,
)  # fmt: skip
# What no mail program shows, and what could load something or be sent somewhere.
_REFUSED = re.compile(
    r"<\s*(script|link|base|iframe|frame|object|embed|applet|form|svg|meta\s[^>]*refresh)\b", re.IGNORECASE
)
_UNQUOTED = re.compile(r"=\s*\{\{")
_STYLE = re.compile(r"<style\b[^>]*>(.*?)(?:</style|\Z)", re.IGNORECASE | re.DOTALL)
_LOADING = re.compile(r"@import|expression\s*\(|\{\{|\{%", re.IGNORECASE)
_FAILURES = (LiquidError, ValueError, TypeError, ArithmeticError, RecursionError)

# Nothing is fetched: a style sheet outside the mail is left where it is.
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


class Html:
    """A compiled body. `render` gives HTML with its CSS inlined, and the paths that had no value."""

    def __init__(self, template: BoundTemplate) -> None:
        self.template = template

    def render(self, context: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        """Raises TooLarge when a call makes more of the template than can be sent."""
        rendering = _Rendering(self.template, globals=context)
        buffer = LimitedStringIO(limit=MAX_OUTPUT)
        try:
            self.template.render_with_context(rendering, buffer)
        except _FAILURES as error:
            raise TooLarge(f"The HTML body cannot be made of this call: {_reason(error)}") from error
        return inlined(buffer.getvalue()), tuple(dict.fromkeys(rendering.missing))


def inlined(html: str) -> str:
    """With its CSS inlined; unchanged where there is none, or where it is too deep or too large for that."""
    styles = sum(len(style[1]) for style in _STYLE.finditer(html))
    if not 0 < styles * html.count("<") <= MAX_INLINED or not is_plain(html):
        return html
    return _INLINER.inline(html)


@lru_cache(maxsize=256)
def compile_html(source: str, zone: str = "UTC", field: str = "html") -> Html:
    """Compile a body. Raises Invalid with the line and column of the mistake."""
    if len(source) > MAX_SOURCE:
        raise Invalid.field(field, f"may have at most {MAX_SOURCE} characters")
    _check_markup(source, field)
    try:
        template = _environment(zone).from_string(source)
        for node in _walk(template.nodes, RenderContext(template)):
            _check_node(node, source, field)
        for found in template.analyze(include_partials=False).globals.values():
            for variable in found:
                _check_path(variable.segments, source, variable.span.index, field)
    except _FAILURES as error:
        token = getattr(error, "token", None)
        _fail(field, source, token.start_index if token is not None else 0, _reason(error), error)
    return Html(template)


class _Rendering(RenderContext):
    """A rendering that notes what was missing, and knows nothing but what it is given."""

    __slots__ = ("missing",)

    def __init__(self, template: BoundTemplate, **options: Any) -> None:
        super().__init__(template, **options)
        self.missing: list[str] = []
        self.scope = ReadOnlyChainMap(self.locals, self.globals)  # without `now` and `today`


class _Printed(OutputNode):
    """`{{ path | filter }}`: a path without a value is noted unless a filter fills it."""

    __slots__ = ("fills", "path")

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        self.path: Path | None = None
        self.fills = False
        if isinstance(expression, FilteredExpression) and isinstance(expression.left, Path):
            self.path = expression.left
            self.fills = any(f.name in FILTERS and FILTERS[f.name].fills for f in expression.filters or [])

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        raw = self.expression.evaluate(context)
        made = _plain(raw)
        if self.path is not None and isinstance(context, _Rendering):
            unfilled = not self.fills and _plain(self.path.evaluate(context)) in NOTHING
            if unfilled or made is None:
                context.missing.append(str(self.path))
        return buffer.write(raw if isinstance(raw, _Safe) else escape(lines(text(made))))


class _Print(Output):
    node_class = _Printed


class _Environment(Environment):
    block_nesting_limit = 12
    context_depth_limit = 20
    loop_iteration_limit = 20_000
    local_namespace_limit = 256 * 1024
    output_stream_limit = MAX_OUTPUT

    def __init__(self, zone: str) -> None:
        self.zone = zone
        super().__init__(tolerance=Mode.STRICT, autoescape=True)

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:  # noqa: ARG002
        for tag in (*TAGS, _Print):
            self.add_tag(tag)
        for name, known in FILTERS.items():
            self.add_filter(name, partial(_filtered, known.bound(self.zone)))
        self.add_filter("escape", _escaped)
        self.add_filter("newline_to_br", _broken)


@lru_cache(maxsize=64)
def _environment(zone: str) -> Environment:
    return _Environment(zone)


def _filtered(run: Callable[..., Any], value: Any, *args: Any) -> Any:
    """Our own filters see JSON values and make no markup, so what they make is escaped."""
    given = _plain(value)
    made = run(given, *[_plain(arg) for arg in args])
    return made[:LONGEST] if isinstance(made, str) and made is not given else made


class _Safe(str):
    """Markup made by one of our filters. To every other filter it is a text like others, to be escaped again."""

    __slots__ = ()


def _escaped(value: Any) -> _Safe:
    return _Safe(escape(lines(text(_plain(value)))))


def _broken(value: Any) -> _Safe:
    """Each line on a line of its own: mail programs do not all know `white-space`."""
    return _Safe("<br>\n".join([str(escape(each)) for each in lines(text(_plain(value))).split("\n")]))


def _plain(value: Any) -> Any:
    """A JSON value: what the library takes for safe text as an ordinary one, what is undefined as null."""
    if isinstance(value, str):
        return str(value) if isinstance(value, Markup) else value
    if isinstance(value, Lazy):
        return value.whole()
    if isinstance(value, Undefined) or not isinstance(value, bool | int | float | str | list | dict | None):
        return None
    return value


def _walk(nodes: Collection[Node], context: RenderContext) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(list(node.children(context, include_partials=False)), context)


def _check_node(node: Node, source: str, field: str) -> None:
    for expression in node.expressions():
        if not isinstance(expression, FilteredExpression):
            continue
        at = expression.token.start_index
        path = str(expression.left)
        kind = KINDS.get(path, ANY) if isinstance(expression.left, Path) else ANY
        filters = expression.filters or []
        if len(filters) > MAX_FILTERS:
            _fail(field, source, at, f"more than {MAX_FILTERS} filters in a placeholder")
        for used in filters:
            if used.name == "newline_to_br":
                kind = ANY
                continue
            if (why := refusal(used.name, len(used.args), kind)) is not None:
                _fail(field, source, used.token.start_index, why)
            kind = FILTERS[used.name].gives
        if isinstance(node, OutputNode) and (why := unprintable(path, kind)) is not None:
            _fail(field, source, at, why)


def _check_path(segments: list[Any], source: str, at: int, field: str) -> None:
    root = segments[0]
    if root not in SCHEMA:
        _fail(field, source, at, f"nothing is called `{root}`; there are {', '.join(sorted(SCHEMA))}")
    members = SCHEMA[root]
    if len(segments) > 1 and not isinstance(segments[1], str):
        _fail(field, source, at, "a name that is looked up cannot be checked: write it out")
    if members is not None and len(segments) > 1 and segments[1] not in members:
        _fail(field, source, at, f"`{root}` has no `{segments[1]}`")


def _check_markup(source: str, field: str) -> None:
    if found := _REFUSED.search(source):
        _fail(field, source, found.start(), f"`<{found[1].split()[0].lower()}>` cannot stand in a mail")
    if found := _UNQUOTED.search(source):
        _fail(field, source, found.start(), "a placeholder in an attribute needs quotes around it")
    for style in _STYLE.finditer(source):
        if found := _LOADING.search(style[1]):
            at = style.start(1) + found.start()
            _fail(field, source, at, f"`{found[0]}` cannot stand in a style sheet")


def _fail(field: str, source: str, at: int, message: str, cause: Exception | None = None) -> NoReturn:
    line = source.count("\n", 0, at) + 1
    column = at - source.rfind("\n", 0, at)
    raise Invalid.field(field, f"{message} (at line {line}, column {column})") from cause


def _reason(error: Exception) -> str:
    said = error.message if isinstance(error, LiquidError) else str(error)
    return str(said or "it cannot be read").rstrip(".")
