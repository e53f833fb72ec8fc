"""Texts over SMPP 3.4: one bind for each connection that is to be kept, and the submits that go through it (S3).

A text is never sent twice: an attempt that may have reached the SMSC is in doubt and not repeated, and so is none of
which some parts were taken.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import ClassVar

import msgspec

from aftercall.channels.sms.smpp import attempt, statuses
from aftercall.channels.sms.smpp.holding import SOMETHING, Holding, Status, Waits
from aftercall.channels.sms.smpp.probe import probe
from aftercall.channels.sms.smpp.settings import Settings, settings_of
from aftercall.channels.sms.smpp.submit import Unsendable, compose
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid
from aftercall.engine.messaging import Hear, Known, Submission, Traits
from aftercall.engine.ports import Clock
from aftercall.engine.upstream import Dial, Lost

log = logging.getLogger(__name__)

TYPE = "smpp"
COMING = 5.0  # seconds that a text waits for a connection that is being made


class Smpp:
    title: ClassVar[str] = "SMPP 3.4"
    traits: ClassVar[Traits] = Traits(dlt=True, signs=True)
    Settings: ClassVar[type[msgspec.Struct]] = Settings
    secrets: ClassVar[frozenset[str]] = frozenset({"password"})
    errors: ClassVar[Mapping[str, Known]] = statuses.ERRORS

    def __init__(self, dial: Dial, hear: Hear, clock: Clock, waits: Waits | None = None) -> None:
        self._dial, self._hear, self._clock, self._waits = dial, hear, clock, waits or Waits()
        self._held: dict[str, Holding] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._reference = random.randrange(0xFFFF)  # noqa: S311  # not the one of the last process

    async def start(self) -> None:
        """Nothing to do before `keep` is called."""

    async def stop(self) -> None:
        """Let go of everything: answers that are to come are waited for, what was told is committed."""
        await self.keep(())
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)

    async def keep(self, connections: Sequence[Connection]) -> None:
        """From now on hold these, as far as they are enabled, and no others. Returns at once.

        To be called again with every change; who is bound stays bound unless its settings or secrets changed.
        """
        wanted = {one.id: one for one in connections if one.type == TYPE and one.status == "enabled"}
        for id_, holding in list(self._held.items()):
            if id_ not in wanted or not holding.serves(wanted[id_]):
                self._let_go(self._held.pop(id_))
        for id_ in wanted.keys() - self._held.keys():
            after = self._leaving.get(id_)
            self._held[id_] = Holding(wanted[id_], self._dial, self._hear, self._clock, self._waits, after)

    def status(self, connection_id: str) -> Status | None:
        """None for a connection that is not kept here."""
        held = self._held.get(connection_id)
        return held.status if held is not None else None

    async def submit(self, connection: Connection, submission: Submission) -> Outcome:
        """Hand a text over, part by part. Raises nothing."""
        started = perf_counter()
        try:
            outcome = await self._submit(connection, submission)
        except Exception:
            log.exception("smpp_submit_failed", extra={"connection_id": connection.id})
            outcome = Outcome(ok=False, error="unknown", detail=SOMETHING, retry=False, in_doubt=True)
        return msgspec.structs.replace(outcome, latency=perf_counter() - started)

    async def _submit(self, connection: Connection, submission: Submission) -> Outcome:
        settings: Settings = submission.settings
        if settings.bind == "receiver":
            detail = "the connection is bound as receiver: it hears, but cannot send"
            return Outcome(ok=False, error="config", detail=detail, retry=False)
        self._reference = self._reference % 0xFFFF + 1
        try:
            messages = compose(submission.sms, settings, self._reference, submission.now)
        except Unsendable as why:
            return Outcome(ok=False, error=why.error, detail=why.detail, retry=False)
        held = self._held.get(connection.id)
        if held is None:
            return Outcome(ok=False, error="unavailable", detail="this server does not hold the connection")
        session = await held.bound(COMING)
        if session is None:
            return _not_connected(held.status)
        return await attempt.hand_over(session, held.ids, messages, submission.reference)

    async def probe(self, connection: Connection) -> str:
        """A line for the admin: the login works. Nothing is sent. Raises Invalid with what is wrong."""
        settings = settings_of(connection)
        held = self._held.get(connection.id)
        if held is not None and held.session is not None and held.serves(connection):
            return "bound at the moment"
        try:
            return await probe(settings, self._dial)
        except Lost as lost:
            raise Invalid(str(lost)) from None

    def _let_go(self, holding: Holding) -> None:
        id_ = holding.connection.id
        task = self._leaving[id_] = asyncio.create_task(holding.let_go(), name=f"smpp-leaving-{id_}")
        task.add_done_callback(lambda done: self._left(id_, done))

    def _left(self, id_: str, done: asyncio.Task[None]) -> None:
        if self._leaving.get(id_) is done:
            del self._leaving[id_]


def _not_connected(status: Status) -> Outcome:
    """Nothing was sent: the next attempt may find it connected, or the password put right."""
    refused = status.state == "refused"
    detail = f"not connected to the SMSC: {status.error or 'it is being dialled'}"
    return Outcome(ok=False, error="credentials" if refused else "connect", detail=detail)
