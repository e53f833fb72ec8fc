"""Whether HTML is plain enough to be handed to a parser that goes down with its depth: css-inline recurses, and a
document of some thousand levels overruns the stack of the whole process.

What is here counts as too deep at the least doubt: it reads only markup that every parser reads the same way.
"""

import re

MAX_DEPTH = 100
_TAG = re.compile(
    r"""<(?:
      (?P<close>/)?(?P<name>[a-zA-Z][a-zA-Z0-9]*)
      (?:\s+[^\s"'<>/=]+(?:\s*=\s*(?:"[^"<]*"|'[^'<]*'|[^\s"'<>=`]+))?)*\s*/?>
    | !doctype\s[^<>]*>
    | !--[^<>]*-->
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_IMPLIED = frozenset("p li dt dd tr td th thead tbody tfoot option colgroup".split())  # closed by their like
_HOLDS = frozenset(
    "html body div ul ol dl table tbody thead tfoot tr td th section article blockquote".split()
)
_RAW = frozenset(
    "iframe math noembed noframes noscript plaintext script select svg template textarea xmp".split()
)


def is_plain(html: str) -> bool:
    """True if every `<` is a tag, a doctype or a simple comment, and elements are nested at most `MAX_DEPTH` deep."""
    stack: list[str] = []
    at = html.find("<")
    while at >= 0:
        found = _TAG.match(html, at)
        if found is None or not _follow(stack, found["name"], closes=found["close"] is not None):
            return False
        at = html.find("<", found.end())
    return True


def _follow(stack: list[str], name: str | None, *, closes: bool) -> bool:
    """Go on by a tag; False where it leads too deep or parsers may differ. What is never closed counts as open."""
    tag = (name or "br").lower()
    if tag in _RAW:
        return False
    if closes:
        while tag in _HOLDS and stack and stack[-1] != tag and stack[-1] in _IMPLIED:
            stack.pop()
        return bool(stack) and stack.pop() == tag
    if stack and stack[-1] == tag and tag in _IMPLIED:
        stack.pop()
    if tag not in _VOID:
        stack.append(tag)
    return len(stack) <= MAX_DEPTH
