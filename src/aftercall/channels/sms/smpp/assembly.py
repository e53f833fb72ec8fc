"""Puts the parts of long inbound texts together again. They wait a little for each other, in a table with a limit.

A part is acknowledged only with its text, when that is committed: the SMSC still has what this process forgets.
"""

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from aftercall.channels.sms.smpp.coding import Piece
from aftercall.channels.sms.smpp.pdu import Pdu
from aftercall.domain.message import Text

WAIT = 3.0  # seconds that parts wait for those that are missing; below any SMSC's response timer
MOST = 500  # parts that wait at once


class Heard(msgspec.Struct, frozen=True):
    """A text, and the PDUs that brought it."""

    text: Text
    pdus: tuple[Pdu, ...]


class _Waiting:
    def __init__(self, until: float) -> None:
        self.until = until
        self.parts: dict[int, Text] = {}
        self.pdus: list[Pdu] = []

    def joined(self) -> Heard:
        """The parts there are, in order."""
        numbers = sorted(self.parts)
        whole = "".join(self.parts[number].text for number in numbers)
        return Heard(msgspec.structs.replace(self.parts[numbers[0]], text=whole), tuple(self.pdus))


class Assembly:
    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[str, str, int, int], _Waiting] = OrderedDict()
        self._count = 0

    def add(self, text: Text, piece: Piece | None, pdu: Pdu, now: float) -> Iterator[Heard]:
        """What is complete with it, or has to go for want of room. A part that comes again takes its own place."""
        if piece is None:
            yield Heard(text, (pdu,))
            return
        key = (text.from_, text.to, piece.reference, piece.total)
        waiting = self._waiting.setdefault(key, _Waiting(now + WAIT))
        waiting.parts[piece.number] = text
        waiting.pdus.append(pdu)
        self._count += 1
        if len(waiting.parts) == piece.total:
            yield self._take(key)
        while self._count > MOST:
            yield self._take(next(iter(self._waiting)))

    def overdue(self, now: float) -> Iterator[Heard]:
        """What has waited long enough: it goes with the parts there are."""
        while self._waiting and next(iter(self._waiting.values())).until <= now:
            yield self._take(next(iter(self._waiting)))

    def next_at(self) -> float | None:
        return next(iter(self._waiting.values())).until if self._waiting else None

    def _take(self, key: tuple[str, str, int, int]) -> Heard:
        waiting = self._waiting.pop(key)
        self._count -= len(waiting.pdus)
        return waiting.joined()
