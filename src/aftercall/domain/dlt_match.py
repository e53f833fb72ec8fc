"""Holding a text against its DLT template (S2): whether it matches, what its variables are, and where it differs.

Positions a match may have reached are carried along piece by piece, so time is linear in text and template.
White space is collapsed on both sides first.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from aftercall.domain.dlt import PLACEHOLDER, DltTemplate, Piece, Tag, pieces
from aftercall.domain.errors import Invalid
from aftercall.domain.template import Spot

Problem = Literal[
    "dlt_template_mismatch", "dlt_variable_too_long", "dlt_variable_type", "dlt_url_not_whitelisted"
]
ENDLESS = 1 << 30
_LONGEST_TEXT = 10_000  # characters; no text is longer
_LONGEST_LINK = 500  # characters; operators do not limit links, addresses and the like
_SHOWN = 30  # characters of what was expected and found
_SPACE = re.compile(r"\s+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_CLASSES: dict[Tag, Callable[[str], bool]] = {
    "var": lambda char: True,  # noqa: ARG005
    "numeric": lambda char: char in "0123456789",
    "alphanumeric": lambda char: char == " " or _is_word(char),  # names and addresses have spaces
    "url": lambda char: not char.isspace(),
    "urlott": lambda char: not char.isspace(),
    "cbn": lambda char: char in "0123456789+- ",
    "email": lambda char: not char.isspace(),
}
_TYPES: dict[Tag, str] = {
    "var": "anything",
    "numeric": "digits only",
    "alphanumeric": "letters, digits and spaces",
    "url": "a registered link",
    "urlott": "a registered link to an app",
    "cbn": "a registered call-back number",
    "email": "a mail address",
}


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """`position` counts the text's characters from 1. `long`: variables that some operators find too long."""

    ok: bool
    variables: tuple[str, ...] = ()
    problem: Problem | None = None
    position: int | None = None
    expected: str = ""
    observed: str = ""
    long: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The problem for an admin."""
        what = {
            "dlt_template_mismatch": "is not the registered text",
            "dlt_variable_too_long": "has too long a value for a variable",
            "dlt_variable_type": "has a value of the wrong kind for a variable",
            "dlt_url_not_whitelisted": "has a link that is not registered",
        }[self.problem or "dlt_template_mismatch"]
        shown = self.observed.replace(PLACEHOLDER, "{{…}}")
        return f"{what}: expected {self.expected}, found `{shown}` (at position {self.position})"


def match(template: DltTemplate, text: str) -> Match:
    """Hold a text against its template. Raises Invalid for a template that `check_dlt` would refuse."""
    plain, origin = _collapsed(text)
    parts = _tidied(pieces(template))
    cuts = _Reading(parts, plain, template.max_length).cuts()
    if cuts is not None:
        return _valued(template, parts, plain, origin, cuts)
    # Which rule does not hold? The one without which the text would match.
    for limit, typed in ((ENDLESS, True), (template.max_length, False), (ENDLESS, False)):
        cuts = _Reading(parts, plain, limit, typed=typed).cuts()
        if cuts is not None:
            return _misfit(template, parts, plain, origin, cuts)
    at, expected = _Reading(parts, plain, ENDLESS, typed=False).difference()
    shown = f"`{expected[:_SHOWN]}`" if expected else "the end"
    return _failed("dlt_template_mismatch", origin[at], shown, plain[at:])


def nearest(templates: Sequence[DltTemplate], text: str, header: str | None = None) -> DltTemplate | None:
    """The template a text was probably meant for, among those of a header: the one whose words it shares most."""
    words = set(text.casefold().split())

    def shared(template: DltTemplate) -> tuple[bool, float]:
        fixed = {word for piece in pieces(template) for word in piece.words.casefold().split()}
        return match(template, text).ok, len(words & fixed) / (len(words | fixed) or 1)

    chosen = [t for t in templates if header is None or not t.headers or header in t.headers]
    return max(chosen, key=shared, default=None)


def stand_in(source: str, spots: Sequence[Spot]) -> str:
    """The text with a sign in the place of each placeholder."""
    made, at = [], 0
    for spot in spots:
        made += [source[at : spot.start], PLACEHOLDER]
        at = spot.end
    return "".join([*made, source[at:]])


def fit(template: DltTemplate, source: str, spots: Sequence[Spot]) -> None:
    """Raise Invalid when a text's fixed words are not the registered ones, whatever its placeholders become."""
    found = match(template, stand_in(source, spots))
    if not found.ok:
        raise Invalid.field("text", found.sentence)


class _Reading:
    """One way to read the template: up to this length of a variable, with or without the variables' types."""

    def __init__(self, parts: Sequence[Piece], text: str, limit: int, *, typed: bool = True) -> None:
        self.parts, self.text, self.limit, self.typed = parts, text, limit, typed
        # After each piece: every position a match may be at, with the position where the piece then began.
        self.reached: list[dict[int, int]] = [{0: 0}]
        for part in parts:
            step = self._words if part.tag is None else self._variable
            self.reached.append(step(part, list(self.reached[-1])))

    def cuts(self) -> list[tuple[int, int]] | None:
        """Where each piece begins and ends; None where the text does not match."""
        end = len(self.text)
        if end not in self.reached[-1]:
            return None
        made = []
        for ends in reversed(self.reached[1:]):
            made.append((ends[end], end))
            end = ends[end]
        return made[::-1]

    def difference(self) -> tuple[int, str]:
        """The first position that differs, and the fixed words that should stand there (nothing: the end)."""
        for part, starts, ends in zip(self.parts, self.reached, self.reached[1:], strict=False):
            if not ends:
                shared = _prefixes(part.words, self.text)
                start = max(starts, key=lambda at: (shared[at], -at))
                return start + shared[start], part.words[shared[start] :]
        return max(self.reached[-1]), ""

    def _words(self, part: Piece, starts: list[int]) -> dict[int, int]:
        return {at + len(part.words): at for at in starts if self.text.startswith(part.words, at)}

    def _variable(self, part: Piece, starts: list[int]) -> dict[int, int]:
        """Every end that some start reaches. The latest start is the best: its value is the shortest."""
        tag = part.tag or "var"
        fits = _CLASSES[tag if self.typed else "var"]
        least = int(self.typed and tag != "var")
        most = _limit(tag, self.limit)
        ends: dict[int, int] = {}
        latest, barrier, waiting = -1, 0, 0
        for end in range(len(self.text) + 1):
            if end and self.text[end - 1] != PLACEHOLDER and not fits(self.text[end - 1]):
                barrier = end
            while waiting < len(starts) and starts[waiting] <= end - least:
                latest, waiting = starts[waiting], waiting + 1
            if latest >= barrier and end - latest <= most:
                ends[end] = latest
        return ends


def _valued(
    template: DltTemplate,
    parts: Sequence[Piece],
    plain: str,
    origin: Sequence[int],
    cuts: list[tuple[int, int]],
) -> Match:
    """The words are right; are the values those that were registered?"""
    values, long = [], []
    for part, (start, end) in zip(parts, cuts, strict=True):
        if part.tag is None:
            continue
        value = plain[start:end]
        values.append(value)
        if len(value) > _limit(part.tag, template.warn_length):
            long.append(value)
        problem = None if PLACEHOLDER in value else _wrong(template, part.tag, value)
        if problem is not None:
            return _failed(problem, origin[start], _TYPES[part.tag if part.tag != "var" else "url"], value)
    return Match(ok=True, variables=tuple(values), long=tuple(long))


def _wrong(template: DltTemplate, tag: Tag, value: str) -> Problem | None:
    if tag == "email":
        return None if _EMAIL.fullmatch(value) else "dlt_variable_type"
    if tag == "cbn":
        return None if _digits(value) in map(_digits, template.callback_numbers) else "dlt_variable_type"
    links = [value] if tag in ("url", "urlott") else _LINK.findall(value)
    known = all(any(_begins(link, url) for url in template.urls) for link in links)
    return None if known else "dlt_url_not_whitelisted"


def _misfit(
    template: DltTemplate,
    parts: Sequence[Piece],
    plain: str,
    origin: Sequence[int],
    cuts: list[tuple[int, int]],
) -> Match:
    """The first variable whose value is too long, or not of its type."""
    for part, (start, end) in zip(parts, cuts, strict=True):
        if part.tag is None:
            continue
        value, most = plain[start:end], _limit(part.tag, template.max_length)
        fits = _CLASSES[part.tag]
        if not all(char == PLACEHOLDER or fits(char) for char in value) or not (value or part.tag == "var"):
            return _failed("dlt_variable_type", origin[start], _TYPES[part.tag], value)
        if len(value) > most:
            return _failed("dlt_variable_too_long", origin[start], f"at most {most} characters", value)
    return _failed("dlt_template_mismatch", origin[0], "the registered text", plain)


def _failed(problem: Problem, at: int, expected: str, observed: str) -> Match:
    return Match(ok=False, problem=problem, position=at + 1, expected=expected, observed=observed[:_SHOWN])


def _is_word(char: str) -> bool:
    """A letter or digit of any script, or what Indic scripts join them with."""
    return unicodedata.category(char)[0] in "LMN" or char in "\u200c\u200d"


def _limit(tag: Tag, most: int) -> int:
    return max(most, _LONGEST_LINK) if tag in ("url", "urlott", "email") else most


def _collapsed(text: str) -> tuple[str, list[int]]:
    """The text with single spaces and none around it, and where each of its characters stood; then the end."""
    made: list[str] = []
    origin: list[int] = []
    for found in re.finditer(r"\S|\s+", text.rstrip()[:_LONGEST_TEXT]):
        space = found[0].isspace()
        if space and not made:
            continue
        made.append(" " if space else found[0])
        origin.append(found.start())
    return "".join(made), [*origin, len(text)]


def _tidied(parts: Iterable[Piece]) -> list[Piece]:
    """The pieces with white space collapsed as in a text."""
    made = [part if part.tag else Piece(_SPACE.sub(" ", part.words)) for part in parts]
    if made and made[0].tag is None:
        made[0] = Piece(made[0].words.lstrip())
    if made and made[-1].tag is None:
        made[-1] = Piece(made[-1].words.rstrip())
    return [part for part in made if part.tag or part.words]


def _prefixes(words: str, text: str) -> list[int]:
    """For each position of the text, how many characters of the words stand there: the Z-function, in linear time."""
    joined = f"{words}\0{text}"
    sizes = [0] * len(joined)
    left = right = 0
    for at in range(1, len(joined)):
        size = min(sizes[at - left], right - at) if at < right else 0
        while at + size < len(joined) and joined[size] == joined[at + size]:
            size += 1
        if at + size > right:
            left, right = at, at + size
        sizes[at] = size
    return [*sizes[len(words) + 1 :], 0]


def _digits(number: str) -> str:
    """The last ten digits: Indian numbers are written with and without country code and trunk prefix."""
    return re.sub(r"[^0-9]", "", number)[-10:]


def _begins(link: str, registered: str) -> bool:
    """Whether a link is the registered one or lies below it."""
    one, other = (_SCHEME.sub("", each.strip()).casefold() for each in (link, registered))
    rest = one.removeprefix(other)
    return one == other or (rest != one and (other[-1:] in "/=?" or rest[:1] in ("/", "?", "#")))
