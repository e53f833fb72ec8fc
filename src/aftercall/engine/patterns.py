"""Regular expressions that operators write, kept to those that cannot keep a server busy.

Python's matcher tries every way through nested or many repetitions; names of 80 characters would take for ever.
What names of extensions and phones need is little: characters, classes, alternatives, a repetition or two.
"""

import re

from aftercall.domain.errors import Invalid

MAX_PATTERN = 500  # characters
MAX_WIDE = 2  # repetitions without end, or of more than NARROW
MAX_VARIABLE = 8  # repetitions of any kind that may come out in several ways
NARROW = 12

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_REPEATED = re.compile(r"[*+?]|\{(\d*),?(\d*)\}")


def check_pattern(pattern: str, field: str) -> None:
    """Raise Invalid for what is no regular expression, or one that may take long."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise Invalid.field(field, f"is no regular expression: {error}"[:200]) from None
    if len(pattern) > MAX_PATTERN:
        raise Invalid.field(field, f"may have at most {MAX_PATTERN} characters")
    if re.search(r"\\[1-9]", pattern):
        raise Invalid.field(field, "may not refer to its own groups")
    plain = _CLASS.sub("x", _ESCAPED.sub("x", pattern)).replace("(?:", "(")
    if "(?" in plain:
        raise Invalid.field(field, "may hold no (?...) but (?:...)")
    if re.search(r"\)[*+{]", plain):
        raise Invalid.field(field, "may not repeat a group")
    repeated = [found for found in _REPEATED.finditer(plain) if "," in found[0] or found[0] in "*+?"]
    wide = [found for found in repeated if found[0] != "?" and not _is_narrow(found)]
    if len(wide) > MAX_WIDE or len(repeated) > MAX_VARIABLE:
        raise Invalid.field(field, "has too many repetitions")


def _is_narrow(found: re.Match[str]) -> bool:
    most = found[2] if found[0].startswith("{") else ""
    return most != "" and int(most) <= NARROW
