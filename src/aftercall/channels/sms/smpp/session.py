"""One bound connection to an SMSC: requests and their answers, a window of submits, and whether it is still there.

Nothing that the SMSC sends ends more than this session, and nothing it says in words stands in an error.
"""

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from aftercall.channels.sms.smpp import statuses
from aftercall.channels.sms.smpp.pace import Pace
from aftercall.channels.sms.smpp.pdu import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    INVALID_COMMAND,
    INVALID_COMMAND_LENGTH,
    LAST_SEQUENCE,
    OK,
    OUTBIND,
    RESPONSE,
    SUBMIT_SM,
    TRY_AGAIN,
    UNBIND,
    Framer,
    Malformed,
    Pdu,
    c_string,
    encode,
)
from aftercall.channels.sms.smpp.settings import Settings
from aftercall.engine.upstream import Lost, Refused

log = logging.getLogger(__name__)

PIECE = 65_536  # octets read at once
PARTING = 2.0  # seconds for the answer to an unbind
KEPT = 1000  # submits without an answer, whose answer may still come
_BINDS = {"transceiver": BIND_TRANSCEIVER, "transmitter": BIND_TRANSMITTER, "receiver": BIND_RECEIVER}
_VERSIONS = {"3.3": 0x33, "3.4": 0x34, "5.0": 0x50}


class NotSent(Exception):
    """Not an octet of the request has been written. The text is for people."""


class Unanswered(Exception):
    """The request was written, or may have been, and no answer came. The text is for people."""


class Session:
    """`take` is given what comes in and says whether it has room; `late` an answer that nobody waits for any more."""

    def __init__(
        self,
        settings: Settings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        take: Callable[[Pdu], bool],
        late: Callable[[str, Pdu], None],
    ) -> None:
        self._settings, self._reader, self._writer = settings, reader, writer
        self._take, self._late = take, late
        self._loop = asyncio.get_running_loop()
        self.pace = Pace(self._loop.time)
        self._window = asyncio.Semaphore(settings.window)
        self._sequence = 0
        self._pending: dict[int, tuple[int, asyncio.Future[Pdu]]] = {}  # by sequence: command and answer
        self._missed: OrderedDict[int, str] = OrderedDict()  # sequence to reference
        self._heard_at = self._loop.time()
        self._over: asyncio.Future[Lost] = self._loop.create_future()
        self._parting = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Bind. Raises Lost, and Refused where trying again soon would do harm."""
        self._tasks.append(asyncio.create_task(self._read(), name="smpp-read"))
        settings = self._settings
        body = b"".join((
            c_string(settings.system_id),
            c_string(settings.password),
            c_string(settings.system_type),
            bytes([_VERSIONS[settings.interface_version], 0, 0]),
            c_string(settings.address_range),
        ))  # fmt: skip
        try:
            answer = await self._request(_BINDS[settings.bind], body, settings.response_timeout)
        except (NotSent, Unanswered) as error:
            raise Lost(f"no answer to the bind: {error}") from None
        if answer.status != OK:
            why = f"the SMSC refuses the bind ({statuses.code(answer.status)}): {_hint(answer.status)}"
            raise Refused(why) if answer.status in statuses.REFUSED else Lost(why)
        self._tasks.append(asyncio.create_task(self._probe(), name="smpp-probe"))

    @property
    def over(self) -> bool:
        return self._parting or self._over.done()

    async def ended(self) -> Lost:
        """Wait until it is over; why it is."""
        return await asyncio.shield(self._over)

    async def submit(self, body: bytes, reference: str) -> Pdu:
        """The answer to a submit_sm, when it is its turn. Raises Busy, NotSent or Unanswered."""
        await self.pace.turn()
        async with self._window:
            return await self._request(SUBMIT_SM, body, self._settings.response_timeout, reference)

    def answer(self, request: Pdu, status: int) -> None:
        """To a deliver_sm or data_sm; both want an empty message id."""
        self._write(Pdu(request.command | RESPONSE, status, request.sequence, b"\0"))

    async def close(self, patience: float = 0.0) -> None:
        """Wait so long for the answers that are to come, say good-bye, be gone."""
        self._parting = True
        if not self._over.done():
            waiting = [future for _, future in self._pending.values()]
            if waiting and patience:
                await asyncio.wait(waiting, timeout=patience)
            with suppress(NotSent, Unanswered):
                await self._request(UNBIND, b"", PARTING, parting=True)
        self._end(Lost("this side ended the connection"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _request(
        self, command: int, body: bytes, patience: float, reference: str = "", *, parting: bool = False
    ) -> Pdu:
        if self._over.done() or (self._parting and not parting) or self._writer.is_closing():
            raise NotSent("the connection to the SMSC is closed")
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        sequence = self._sequence
        future: asyncio.Future[Pdu] = self._loop.create_future()
        self._pending[sequence] = command, future
        written_at = self._loop.time()
        try:
            self._write(Pdu(command, OK, sequence, body))
            async with asyncio.timeout(patience):
                return await future
        except TimeoutError:
            if reference:
                self._miss(sequence, reference)
                if self._heard_at < written_at:
                    self._end(Lost(f"the SMSC said nothing at all for {patience:g} s"))
            raise Unanswered(f"no answer within {patience:g} s") from None
        finally:
            self._pending.pop(sequence, None)
            if future.done() and not future.cancelled():
                future.exception()  # seen: whoever asked may have been cancelled

    def _miss(self, sequence: int, reference: str) -> None:
        self._missed[sequence] = reference
        if len(self._missed) > KEPT:
            self._missed.popitem(last=False)

    def _write(self, pdu: Pdu) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(pdu))

    async def _read(self) -> None:
        framer = Framer()
        try:
            while data := await self._reader.read(PIECE):
                self._heard_at = self._loop.time()
                for pdu in framer.feed(data):
                    self._hear(pdu)
                    if self._over.done():
                        return
                await self._writer.drain()  # who does not read our answers is not read either
            self._end(Lost("the SMSC closed the connection"))
        except Malformed as error:
            self._write(Pdu(GENERIC_NACK, INVALID_COMMAND_LENGTH, 0))
            self._end(Lost(f"the SMSC sent {error}: what follows cannot be read"))
        except OSError:
            self._end(Lost("the connection to the SMSC broke"))
        except Exception:
            log.exception("smpp_session_failed")
            self._end(Lost("something went wrong here; the server's log has the details"))

    def _hear(self, pdu: Pdu) -> None:
        if pdu.is_response:
            self._answered(pdu)
        elif pdu.command in (DELIVER_SM, DATA_SM):
            if not self._take(pdu):
                self.answer(pdu, TRY_AGAIN)
        elif pdu.command == ENQUIRE_LINK:
            self._write(Pdu(ENQUIRE_LINK | RESPONSE, OK, pdu.sequence))
        elif pdu.command == UNBIND:
            self._write(Pdu(UNBIND | RESPONSE, OK, pdu.sequence))
            self._end(Lost("the SMSC ended the session"))
        elif pdu.command != OUTBIND:
            self._write(Pdu(GENERIC_NACK, INVALID_COMMAND, pdu.sequence))

    def _answered(self, pdu: Pdu) -> None:
        command, future = self._pending.get(pdu.sequence, (0, None))
        fits = pdu.command in (command | RESPONSE, GENERIC_NACK)
        if future is not None:
            if fits and not future.done():
                future.set_result(pdu)
            return
        reference = self._missed.get(pdu.sequence)
        if reference is not None and pdu.command == SUBMIT_SM | RESPONSE:
            del self._missed[pdu.sequence]
            self._late(reference, pdu)

    async def _probe(self) -> None:
        """Ask whether the SMSC is still there when it has said nothing for a while."""
        interval = self._settings.enquire_link_interval
        while not self._over.done():
            quiet = self._loop.time() - self._heard_at
            if quiet < interval:
                await asyncio.sleep((interval - quiet) * random.uniform(0.9, 1.0) + 0.01)  # noqa: S311  # spreads
                continue
            try:
                await self._request(ENQUIRE_LINK, b"", self._settings.response_timeout)
            except NotSent:
                return
            except Unanswered as error:
                self._end(Lost(f"the SMSC does not answer enquire_link: {error}"))

    def _end(self, lost: Lost) -> None:
        if self._over.done():
            return
        self._over.set_result(lost)
        for _, future in self._pending.values():
            if not future.done():
                future.set_exception(Unanswered(str(lost)))
        self._writer.close()


def _hint(status: int) -> str:
    hint = statuses.known(status).hint
    return hint[0].lower() + hint[1:]
