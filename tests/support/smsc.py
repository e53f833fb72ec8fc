"""An SMSC on 127.0.0.1 that does as a test tells it: delays, throttles, drops, odd receipts. Speaks to any ESME."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from aftercall.channels.sms.smpp import message, pdu
from aftercall.channels.sms.smpp.message import Address, ShortMessage
from aftercall.channels.sms.smpp.pdu import Fields, Framer, Pdu
from tests.support.listened import Listened
from tests.support.wait import until

SYSTEM_ID, PASSWORD = "aftercall", "s3cret-of-the-smsc"
PHONE, OURS = Address("919876543210", 1, 1), Address("14085559876", 1, 1)


@dataclass
class Answer:
    """What becomes of a submit. `id=None`: one of its own; `drop`: the connection is cut instead of an answer."""

    status: int = 0
    id: str | None = None
    silent: bool = False
    drop: bool = False
    nack: bool = False
    delay: float = 0.0


@dataclass
class Submit:
    pdu: Pdu
    message: ShortMessage


@dataclass
class Bind:
    command: int
    system_id: str
    password: str
    system_type: str
    version: int
    body: bytes = field(repr=False)


class Smsc(Listened):
    """`answers` decides about each submit. `heard` has the answers to what it delivered, by sequence."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.binds: list[Bind] = []
        self.submits: list[Submit] = []
        self.received: list[Pdu] = []
        self.password = PASSWORD
        self.bind_status: int | None = None  # None: as the password is
        self.mute = False  # answers nothing any more
        self.answers: Callable[[Submit], Answer] = lambda _: Answer()
        self.next_id = 1000
        self._sequence = 0
        self._answering: set[asyncio.Task[None]] = set()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer()
        while data := await reader.read(65_536):
            for one in framer.feed(data):
                self.received.append(one)
                if not self.mute:
                    self._hear(writer, one)

    async def deliver(
        self, text: str = "", *, esm_class: int = 0x04, data_coding: int = 0, tlvs: dict[int, bytes] | None = None,
        content: bytes | None = None, source: Address = PHONE, command: int = pdu.DELIVER_SM,
    ) -> int:  # fmt: skip
        """Send a deliver_sm; the status of its answer."""
        body = message.encode(ShortMessage(
            source=source, destination=OURS, esm_class=esm_class, data_coding=data_coding,
            content=text.encode("latin-1") if content is None else content, tlvs=tlvs or {},
        ))  # fmt: skip
        return await self.answered(self.send(Pdu(command, 0, 0, body)))

    def send(self, one: Pdu) -> int:
        """To everybody who is bound; its sequence number."""
        self._sequence += 1
        self.play(pdu.encode(Pdu(one.command, one.status, self._sequence, one.body)))
        return self._sequence

    async def answered(self, sequence: int, seconds: float = 15.0) -> int:
        async def found() -> list[int] | None:
            return self.statuses(sequence) or None

        return (await until(found, seconds))[0]

    def statuses(self, sequence: int) -> list[int]:
        """Of the answers to what was sent under this number."""
        return [one.status for one in self.received if one.is_response and one.sequence == sequence]

    async def submitted(self, count: int) -> list[Submit]:
        async def enough() -> list[Submit] | None:
            return self.submits if len(self.submits) >= count else None

        return await until(enough)

    def _hear(self, writer: asyncio.StreamWriter, one: Pdu) -> None:
        if one.command in (pdu.BIND_RECEIVER, pdu.BIND_TRANSMITTER, pdu.BIND_TRANSCEIVER):
            self._bind(writer, one)
        elif one.command == pdu.SUBMIT_SM:
            submit = Submit(one, message.decode(one.command, one.body))
            self.submits.append(submit)
            task = asyncio.create_task(self._submit(writer, submit))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif one.command in (pdu.ENQUIRE_LINK, pdu.UNBIND):
            _reply(writer, one)

    def _bind(self, writer: asyncio.StreamWriter, one: Pdu) -> None:
        fields = Fields(one.body)
        system_id, password, system_type = fields.text(), fields.text(), fields.text()
        self.binds.append(Bind(one.command, system_id, password, system_type, fields.octet(), one.body))
        status = self.bind_status
        if status is None:
            status = 0 if password == self.password else 0x0E
        _reply(writer, one, status, b"smsc\0")
        if status == 0:
            self.logged_in(writer)

    async def _submit(self, writer: asyncio.StreamWriter, submit: Submit) -> None:
        answer = self.answers(submit)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.drop:
            writer.transport.abort()
        if answer.silent or writer.is_closing():
            return
        if answer.nack:
            writer.write(pdu.encode(Pdu(pdu.GENERIC_NACK, answer.status, submit.pdu.sequence)))
            return
        self.next_id += 1
        id_ = str(self.next_id) if answer.id is None else answer.id
        _reply(writer, submit.pdu, answer.status, b"" if answer.status else id_.encode() + b"\0")


def _reply(writer: asyncio.StreamWriter, one: Pdu, status: int = 0, body: bytes = b"") -> None:
    if not writer.is_closing():
        writer.write(pdu.encode(Pdu(one.command | pdu.RESPONSE, status, one.sequence, body)))
