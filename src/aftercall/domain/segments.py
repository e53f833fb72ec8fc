"""How a text is cut into the parts that phones put together again, and how many there are (3GPP TS 23.040, 9.2.3.24).

A part holds 140 octets; six of them are the header of a long text's parts, which leaves 153 septets or 67 UTF-16
units. Neither an escape pair nor a surrogate pair is cut.
"""

from collections.abc import Callable

import msgspec

from aftercall.domain.gsm7 import septets
from aftercall.domain.message import Encoding

_SINGLE: dict[Encoding, int] = {"gsm7": 160, "ucs2": 70}
_JOINED: dict[Encoding, int] = {"gsm7": 153, "ucs2": 67}


class Segments(msgspec.Struct, frozen=True):
    """`units` are septets or UTF-16 units; `per_segment` is what one holds, `left` what the last still takes."""

    encoding: Encoding
    characters: int
    units: int
    segments: int
    per_segment: int
    left: int


def measure(text: str) -> Segments:
    """The text in the encoding it needs. An empty text has no segments."""
    encoding: Encoding = "gsm7" if all(map(septets, text)) else "ucs2"
    width = _width(encoding)
    units = sum(map(width, text))
    if units <= _SINGLE[encoding]:
        segments, size, last = min(units, 1), _SINGLE[encoding], units
    else:
        made = _cut(text, encoding)
        segments, size, last = len(made), _JOINED[encoding], sum(map(width, made[-1]))
    return Segments(encoding, len(text), units, segments, size, size - last)


def parts(text: str, encoding: Encoding) -> list[str]:
    """The text's parts, in order; joined they are the text. An empty text is one empty part.

    A character that the encoding does not have counts as one unit: encoding it is what fails.
    """
    if sum(map(_width(encoding), text)) <= _SINGLE[encoding]:
        return [text]
    return _cut(text, encoding)


def _cut(text: str, encoding: Encoding) -> list[str]:
    made: list[str] = []
    width, size = _width(encoding), _JOINED[encoding]
    start = used = 0
    for at, char in enumerate(text):
        units = width(char)
        if used + units > size:
            made.append(text[start:at])
            start, used = at, 0
        used += units
    made.append(text[start:])
    return made


def _width(encoding: Encoding) -> Callable[[str], int]:
    return _in_septets if encoding == "gsm7" else _in_utf16


def _in_septets(char: str) -> int:
    return septets(char) or 1


def _in_utf16(char: str) -> int:
    return 2 if char > "\uffff" else 1
