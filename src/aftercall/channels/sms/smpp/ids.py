"""Message ids: one way to write them, so that a receipt finds the submit whose answer wrote its id otherwise.

SMSCs answer a submit with a hexadecimal id and tell it in decimal later, drop leading zeros or change the case.
"""

import re
from collections import OrderedDict
from typing import Literal

Form = Literal["auto", "text", "decimal", "hexadecimal"]
LONGEST = 100  # characters that are kept; SMPP allows 64
KEPT = 20_000  # ids of submits that receipts may still come for, of one connection
_DECIMAL, _HEXADECIMAL = re.compile(r"\d{1,40}", re.ASCII), re.compile(r"(?:0x)?[0-9a-f]{1,32}")
_TELLING = 6  # characters: of shorter ones, one message's hexadecimal id is easily another's decimal one


def canonical(id_: str, form: Form) -> str:
    """In lower case, without spaces and leading zeros; as a decimal number where it is known to be hexadecimal.

    With `text` it stays as it is, but for spaces around it.
    """
    id_ = id_.strip()[:LONGEST]
    if form == "text":
        return id_
    id_ = id_.lower()
    if form == "hexadecimal" and _HEXADECIMAL.fullmatch(id_):
        return str(int(id_, 16))
    return id_.lstrip("0") or id_[:1]


class Ids:
    """A connection's latest ids. Where the settings leave it open, they tell how a receipt's id is meant."""

    def __init__(self, response: Form, receipt: Form) -> None:
        self._response, self._receipt = response, receipt
        self._known: OrderedDict[str, None] = OrderedDict()
        self._reading: Reading = "same"  # that fitted last

    def submitted(self, id_: str) -> str:
        """The canonical form of what a submit was answered with; remembered."""
        made = canonical(id_, self._response)
        if made:
            self._known[made] = None
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return made

    def told(self, *candidates: str) -> str | None:
        """The canonical form of a receipt's id, of those that it gives, the likeliest first."""
        given = [canonical(one, self._receipt) for one in candidates if one.strip()]
        if not given:
            return None
        readings: tuple[Reading, ...] = ("same",)
        if "auto" in (self._response, self._receipt):
            readings = (self._reading, *(other for other in _READINGS if other != self._reading))
        for reading in readings:
            for one in given:
                if (made := _read(one, reading)) in self._known:
                    self._reading = reading
                    return made
        return _read(given[0], readings[0])


Reading = Literal["same", "to_hexadecimal", "to_decimal"]
_READINGS: tuple[Reading, ...] = ("same", "to_hexadecimal", "to_decimal")


def _read(id_: str, reading: Reading) -> str:
    if len(id_) < _TELLING:
        return id_
    if reading == "to_hexadecimal" and _DECIMAL.fullmatch(id_):
        return f"{int(id_):x}"
    if reading == "to_decimal" and _HEXADECIMAL.fullmatch(id_):
        return str(int(id_, 16))
    return id_
