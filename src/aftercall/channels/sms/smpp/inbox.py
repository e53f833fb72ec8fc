"""What an SMSC sends, told and then acknowledged: receipts and texts, together with whatever else is waiting.

Bounded: what does not fit is answered with "try again". What the account could not commit is, too.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import msgspec

from aftercall.channels.sms.smpp import coding, receipt
from aftercall.channels.sms.smpp.assembly import Assembly
from aftercall.channels.sms.smpp.ids import Ids
from aftercall.channels.sms.smpp.message import Address, decode
from aftercall.channels.sms.smpp.pdu import NEVER, OK, TRY_AGAIN, Malformed, Pdu
from aftercall.channels.sms.smpp.settings import Settings
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Unavailable
from aftercall.domain.message import Receipt, Text
from aftercall.engine.messaging import Hear

log = logging.getLogger(__name__)

ROOM, ROOM_OCTETS = 1000, 4 * 1024 * 1024  # PDUs that wait, and what they hold
LONGEST_PART = 500  # characters; what is longer is no part of a text
BATCH = 200
LONGEST_ADDRESS = 40  # characters that are kept; SMPP allows 20, or 64 in data_sm
INTERNATIONAL = 1  # the TON of a number with its country code
SURELY_INTERNATIONAL = 11  # digits, where the TON says nothing and there is no trunk prefix

Answer = Callable[[Pdu, int], None]


class Told(msgspec.Struct, frozen=True):
    """One thing to tell, and the PDUs that are acknowledged by it."""

    item: Receipt | Text
    pdus: tuple[Pdu, ...] = ()


class Inbox:
    """Of one session. `connection` may be changed."""

    def __init__(self, connection: Connection, settings: Settings, ids: Ids, hear: Hear) -> None:
        self.connection = connection
        self._settings, self._ids, self._hear = settings, ids, hear
        self._waiting: deque[Pdu | Receipt] = deque()
        self._octets = 0  # of those that wait
        self._assembly = Assembly()
        self._woken = asyncio.Event()
        self._now = asyncio.get_running_loop().time
        self._idle = asyncio.Event()

    def put(self, item: Pdu | Receipt) -> bool:
        """False where there is no room."""
        octets = len(item.body) if isinstance(item, Pdu) else 0
        if len(self._waiting) >= ROOM or self._octets + octets > ROOM_OCTETS:
            return False
        self._waiting.append(item)
        self._octets += octets
        self._idle.clear()
        self._woken.set()
        return True

    async def emptied(self) -> None:
        """Wait until nothing waits but parts of long texts."""
        await self._idle.wait()

    async def run(self, answer: Answer) -> None:
        while True:
            taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            told: list[Told] = []
            for item in taken:
                if isinstance(item, Receipt):
                    told.append(Told(item))
                    continue
                self._octets -= len(item.body)
                if (found := self._read(item)) is None:
                    answer(item, NEVER)  # it would be no better the next time
                else:
                    told += found
            told += [Told(heard.text, heard.pdus) for heard in self._assembly.overdue(self._now())]
            for status, done in await self._tell(told):
                for pdu in done.pdus:
                    answer(pdu, status)
            if not self._waiting:
                self._idle.set()
                await self._pause()

    async def _pause(self) -> None:
        self._woken.clear()
        until = self._assembly.next_at()
        try:
            async with asyncio.timeout(None if until is None else max(0.0, until - self._now())):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _tell(self, told: list[Told]) -> list[tuple[int, Told]]:
        """All at once; where that fails one by one, so that one of them does not hold up the others."""
        try:
            if not told or await self._committed(told):
                return [(OK, one) for one in told]
            alone = [len(told) > 1 and await self._committed([one]) for one in told]
        except Unavailable:
            log.warning("smpp_not_committed", extra={"connection_id": self.connection.id})
            return [(TRY_AGAIN, one) for one in told]
        return [(OK if done else TRY_AGAIN, one) for done, one in zip(alone, told, strict=True)]

    async def _committed(self, told: list[Told]) -> bool:
        """Raises Unavailable where no other would fare better."""
        receipts = [one.item for one in told if isinstance(one.item, Receipt)]
        texts = [one.item for one in told if isinstance(one.item, Text)]
        try:
            await self._hear(self.connection, receipts, texts)
        except Unavailable:
            raise
        except Exception:
            log.exception("smpp_not_committed", extra={"connection_id": self.connection.id})
            return False
        return True

    def _read(self, pdu: Pdu) -> list[Told] | None:
        """None for what cannot be read."""
        extra = {"connection_id": self.connection.id, "sequence": pdu.sequence}
        try:
            return self._read_message(pdu)
        except Malformed as error:
            log.warning("smpp_unreadable", extra=extra | {"error": str(error)})
        except Exception:
            log.exception("smpp_unreadable", extra=extra)
        return None

    def _read_message(self, pdu: Pdu) -> list[Told]:
        message = decode(pdu.command, pdu.body)
        plain = receipt.text_of(message)
        if receipt.is_receipt(message, plain):
            found = receipt.read(message, plain, self._settings, self._ids)
            if found is None:
                raise Malformed("a receipt that does not say what of, or what")
            return [Told(found, (pdu,))]
        words, piece = coding.read(message, self._settings.alphabet)
        piece = piece if len(words) <= LONGEST_PART else None
        text = Text(from_=_number(message.source), to=_number(message.destination), text=words)
        return [Told(heard.text, heard.pdus) for heard in self._assembly.add(text, piece, pdu, self._now())]


def _number(address: Address) -> str:
    digits = address.value[:LONGEST_ADDRESS]
    international = address.ton == INTERNATIONAL or (
        address.ton == 0 and len(digits) >= SURELY_INTERNATIONAL and not digits.startswith("0")
    )
    return f"+{digits}" if international and digits.isascii() and digits.isdigit() else digits
