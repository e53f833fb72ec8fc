"""An `Smpp` with one connection to a test SMSC, and an account that notes what it is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from aftercall.channels.sms.smpp import Smpp, Status, Waits, settings_of
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Outcome
from aftercall.domain.message import Receipt, Sms, Text
from aftercall.engine.messaging import SessionState, Submission
from aftercall.net.address import AddressRules
from aftercall.net.door import Door, DoorRules
from tests.support.smsc import PASSWORD, SYSTEM_ID
from tests.support.wait import until

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUICK = Waits(first=0.05, longest=0.1, refused=0.2)


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Rig:
    """`failures` are raised to what is told, one after the other."""

    def __init__(self, door: Door, connection: Connection, waits: Waits) -> None:
        self.connection = connection
        self.receipts: list[Receipt] = []
        self.texts: list[Text] = []
        self.told = 0
        self.failures: list[Exception] = []
        self.gate: asyncio.Event | None = None
        self.smpp = Smpp(door.connect, self._hear, Clock(), waits)

    async def _hear(self, connection: Connection, receipts: Sequence[Receipt], texts: Sequence[Text]) -> None:
        assert connection.id == self.connection.id
        self.told += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.receipts += receipts
        self.texts += texts

    async def send(self, text: str = "Hello", reference: str = "dlv_1", **sms: Any) -> Outcome:
        fields: dict[str, Any] = {
            "to": "+919876543210", "sender": "+14085559876", "text": text, "category": "transactional",
        } | sms  # fmt: skip
        return await self.smpp.submit(self.connection, Submission(
            reference=reference, sms=Sms(**fields), settings=settings_of(self.connection), callback_url=None, now=NOW,
        ))  # fmt: skip

    async def in_state(self, state: SessionState) -> Status:
        async def reached() -> Status | None:
            found = self.smpp.status(self.connection.id)
            return found if found is not None and found.state == state else None

        return await until(reached)

    async def heard(self, receipts: int = 0, texts: int = 0) -> None:
        async def enough() -> bool:
            return len(self.receipts) >= receipts and len(self.texts) >= texts

        await until(enough)


def connection(port: int, password: str = PASSWORD, **settings: Any) -> Connection:
    given = {"host": "127.0.0.1", "port": port, "system_id": SYSTEM_ID} | settings
    return Connection(
        id="con_1", account_id="acc_1", channel="sms", type="smpp", settings=given, secrets={"password": password},
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip


@asynccontextmanager
async def rig(
    port: int, *, bound: bool = True, ca_file: str | None = None, waits: Waits = QUICK, **settings: Any
) -> AsyncIterator[Rig]:
    door = Door(DoorRules(addresses=AddressRules(allow=(ip_network("127.0.0.0/8"),)), ca_file=ca_file))
    made = Rig(door, connection(port, **settings), waits)
    await made.smpp.keep([made.connection])
    try:
        if bound:
            await made.in_state("connected")
        yield made
    finally:
        await made.smpp.stop()
        await door.close()
