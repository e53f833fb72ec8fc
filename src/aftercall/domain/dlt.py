"""DLT content templates: what India's operators compare every text with before they carry it (S2).

Variables are `{#var#}`, or since TRAI's direction of 18 November 2025 tagged with what they may hold
(https://msg91.com/help/dlt-registration-in-india/variable-tagging-on-dlt-sms-templates).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.domain.message import Category
from aftercall.domain.template import Spot

Tag = Literal["var", "numeric", "alphanumeric", "url", "urlott", "cbn", "email"]
WARN_LENGTH = 30  # characters of a variable; some operators refuse longer ones
MAX_LENGTH = (
    40  # https://msg91.com/help/dlt-registration-in-india/error-description-sms-not-matched-with-dlt-template
)
MAX_CONTENT = 2000
PLACEHOLDER = "\ue000"  # stands for a `{{ placeholder }}` where a template is held against what is registered
# What may be as long as a conversation: it does not fit into a variable.
_LONG = ("call.summary", "vars.summary", "call.notes", "call.transcript_text", "call.analysis.summary")

_VARIABLE = re.compile(r"\{#\s*(\w+)\s*#\}")
ID = re.compile(r"[0-9]{1,19}", re.ASCII)
HEADER = re.compile(r"[A-Za-z]{3,6}|[0-9]{3,6}", re.ASCII)
_SAME: dict[str, Tag] = {"number": "numeric"}


class DltTemplate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A template as registered. Its `headers` are those it is registered for, without the operators' suffix.

    `tags` are for portals that keep `{#var#}` in the content and the tags beside it, in order. `urls` are the
    registered links, whole or their beginnings; `callback_numbers` the registered numbers.
    """

    entity_id: str
    template_id: str
    headers: tuple[str, ...] = ()
    content: str
    category: Category
    tags: tuple[Tag, ...] = ()
    urls: tuple[str, ...] = ()
    callback_numbers: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()  # telemarketers' ids, where a route asks for them
    warn_length: int = WARN_LENGTH
    max_length: int = MAX_LENGTH


class Piece(msgspec.Struct, frozen=True):
    """Of a registered content: fixed words, or a variable with its tag."""

    words: str = ""
    tag: Tag | None = None


def pieces(template: DltTemplate) -> Iterator[Piece]:
    """The content in order. Raises Invalid for a tag that does not exist."""
    at = 0
    beside = iter(template.tags)
    for found in _VARIABLE.finditer(template.content):
        if found.start() > at:
            yield Piece(template.content[at : found.start()])
        yield Piece(tag=_tag(found[1].lower(), beside, found.start()))
        at = found.end()
    if at < len(template.content):
        yield Piece(template.content[at:])


def _tag(name: str, beside: Iterator[Tag], at: int) -> Tag:
    if name == "var":
        return next(beside, "var")
    for tag in get_args(Tag):
        if tag == _SAME.get(name, name):
            known: Tag = tag
            return known
    tags = ", ".join(get_args(Tag))
    raise Invalid.field("dlt.content", f"there is no tag `{name}`; there are {tags} (at position {at + 1})")


def check_dlt(template: DltTemplate) -> None:
    """Raise Invalid when it cannot be what is registered."""
    for name in ("entity_id", "template_id"):
        if not ID.fullmatch(getattr(template, name)):
            raise Invalid.field(f"dlt.{name}", "must be the registered number: up to 19 digits")
    for i, header in enumerate(template.headers):
        if not HEADER.fullmatch(header):
            field = f"dlt.headers[{i}]"
            raise Invalid.field(
                field, "must be 3 to 6 letters or digits; operators add -P, -S, -T, -G themselves"
            )
    if not template.content.strip() or len(template.content) > MAX_CONTENT:
        raise Invalid.field("dlt.content", f"must have 1 to {MAX_CONTENT} characters")
    if not 1 <= template.warn_length <= template.max_length <= 200:
        raise Invalid.field("dlt.max_length", "must be at most 200, and at least warn_length")
    found = list(pieces(template))
    tags = {piece.tag for piece in found}
    if len(template.tags) > sum(piece.tag is not None for piece in found):
        raise Invalid.field("dlt.tags", "there are more tags than variables")
    if tags & {"url", "urlott"} and not template.urls:
        raise Invalid.field("dlt.urls", "a variable for links needs the registered links")
    if "cbn" in tags and not template.callback_numbers:
        raise Invalid.field("dlt.callback_numbers", "a variable for numbers needs the registered numbers")


def too_long_for_dlt(spots: Sequence[Spot]) -> list[str]:
    """Placeholders that may hold more than any variable takes: a summary, notes, a transcript."""
    return [spot.path for spot in spots if spot.path in _LONG]
