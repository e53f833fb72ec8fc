"""Words of strangers, made fit to stand in a message: what cannot be seen but changes what is seen is taken out (S2).

Nothing is escaped here. Joiners stay: Indic and Arabic scripts and emoji are written with them.
"""

import re

# Controls; zero-width space, word joiner and byte order mark; embeddings, overrides and isolates of direction, with
# which a name could turn the text around it (Unicode Technical Report 36, 3.3).
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SPACE = re.compile(r"\s+")
_LONGEST_LINE = 250  # characters; no screen shows more of a subject


def lines(text: str) -> str:
    """A text of several lines, each ended by a line feed. Half a surrogate pair becomes a replacement character."""
    whole = text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _UNSEEN.sub("", _BREAKS.sub("\n", whole))


def line(text: str, longest: int = _LONGEST_LINE) -> str:
    """One line, fit for a header of a mail: without CR and LF, and not endless."""
    made = _SPACE.sub(" ", lines(text)).strip()
    return made if len(made) <= longest else made[: longest - 1].rstrip() + "…"
