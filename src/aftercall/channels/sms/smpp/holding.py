"""One SMPP connection in this process's hands: bound, bound again when it is lost, let go of."""

import asyncio
import logging
import random
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from aftercall.channels.sms.smpp import statuses
from aftercall.channels.sms.smpp.ids import Ids
from aftercall.channels.sms.smpp.inbox import Inbox
from aftercall.channels.sms.smpp.pdu import OK, Fields, Pdu
from aftercall.channels.sms.smpp.probe import dialled
from aftercall.channels.sms.smpp.session import Session
from aftercall.channels.sms.smpp.settings import Settings, settings_of
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Invalid
from aftercall.domain.message import Receipt
from aftercall.engine.messaging import Hear, SessionState
from aftercall.engine.ports import Clock
from aftercall.engine.upstream import Dial, Lost, Refused

log = logging.getLogger(__name__)

SOMETHING = "something went wrong here; the server's log has the details"
DRAIN = 5.0  # seconds for answers that are to come when the connection is let go of
STEADY = timedelta(seconds=10)  # a connection that lasted so long starts the waits anew


class Waits(msgspec.Struct, frozen=True):
    """Seconds before a lost or refused connection is tried again; half of it is drawn by lot."""

    first: float = 1.0
    longest: float = 60.0
    refused: float = 120.0


class Status(msgspec.Struct, frozen=True):
    """How a connection is doing. `error`: why it was lost or could not be made last; for people, without secrets."""

    state: SessionState
    since: datetime
    error: str | None = None


class Holding:
    """The connection is held from the moment this is made, or once `after` is done: many SMSCs allow one bind only.

    `session` is there while it is bound.
    """

    def __init__(
        self,
        connection: Connection,
        dial: Dial,
        hear: Hear,
        clock: Clock,
        waits: Waits,
        after: asyncio.Future[None] | None = None,
    ) -> None:
        self.connection = connection
        self.session: Session | None = None
        self._dial, self._hear, self._clock, self._waits = dial, hear, clock, waits
        self._status = Status("connecting", clock.now())
        self._changed = asyncio.Event()
        self._inbox: Inbox | None = None
        self.ids = Ids("auto", "auto")
        self._leaving = False
        self._after = after
        self._task = asyncio.create_task(self._run(), name=f"smpp-{connection.id}")

    @property
    def status(self) -> Status:
        return self._status

    def serves(self, connection: Connection) -> bool:
        """Whether a changed connection can go on with this session; if so, it does. A new name changes nothing."""
        before = self.connection
        if (connection.settings, connection.secrets) != (before.settings, before.secrets):
            return False
        self.connection = connection
        if self._inbox is not None:
            self._inbox.connection = connection
        return True

    async def bound(self, patience: float) -> Session | None:
        """The session, also where it comes soon; None for one that is refused or does not come in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not self._is_bound() and self._status.state in ("connecting", "connected"):
                    self._changed.clear()
                    await self._changed.wait()
        return self.session if self._is_bound() else None

    def _is_bound(self) -> bool:
        """A session that is over may still be there for a moment."""
        return self.session is not None and not self.session.over

    async def let_go(self) -> None:
        """Wait for answers that are to come, commit what was told, unbind, be gone."""
        if not self._leaving:
            self._leaving = True
            self._task.cancel()
        others = () if self._after is None else (self._after,)
        await asyncio.gather(self._task, *others, return_exceptions=True)

    async def _run(self) -> None:
        if self._after is not None:
            await asyncio.wait([self._after])
        try:
            settings = settings_of(self.connection)
        except Invalid as invalid:
            self._show("refused", invalid.message)
            return
        except Exception:
            log.exception("smpp_connection_failed", extra={"connection_id": self.connection.id})
            self._show("refused", SOMETHING)
            return
        self.ids = Ids(settings.response_ids, settings.receipt_ids)
        try:
            await self._keep(settings)
        finally:
            self._show("closed", None)

    async def _keep(self, settings: Settings) -> None:
        failures = 0
        while True:
            refused, error = await self._once(settings)
            status = self._status
            lasted = status.state == "connected" and self._clock.now() - status.since >= STEADY
            failures = 0 if lasted else failures + 1
            self._show("refused" if refused else "connecting", error)
            extra = {"connection_id": self.connection.id, "error": error}
            log.warning("smpp_refused" if refused else "smpp_disconnected", extra=extra)
            waits = self._waits
            longest = waits.refused if refused else min(waits.first * 2 ** min(failures, 10), waits.longest)
            await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311  # spreads, protects nothing

    async def _once(self, settings: Settings) -> tuple[bool, str]:
        """One session; whether it was refused, and why it is no more."""
        try:
            reader, writer = await dialled(settings, self._dial)
        except Lost as lost:
            return False, str(lost)
        inbox = self._inbox = Inbox(self.connection, settings, self.ids, self._hear)
        session = Session(settings, reader, writer, inbox.put, self._late)
        telling = asyncio.create_task(inbox.run(session.answer), name=f"smpp-inbox-{self.connection.id}")
        patience = 0.0
        try:
            await session.open()
            self.session = session
            self._show("connected", None)
            log.info("smpp_connected", extra={"connection_id": self.connection.id})
            ended = asyncio.create_task(session.ended())
            done, _ = await asyncio.wait([ended, telling], return_when=asyncio.FIRST_COMPLETED)
            if telling in done:  # it ends by an error of ours only
                telling.result()
            return False, str(await ended)
        except Lost as lost:
            return isinstance(lost, Refused), str(lost)
        except asyncio.CancelledError:
            patience = DRAIN
            raise
        except Exception:
            log.exception("smpp_connection_failed", extra={"connection_id": self.connection.id})
            return False, SOMETHING
        finally:
            self.session = None
            with suppress(
                TimeoutError
            ):  # what was told is committed, also where it cannot be acknowledged any more
                await asyncio.wait_for(inbox.emptied(), DRAIN)
            await session.close(patience)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    def _late(self, reference: str, pdu: Pdu) -> None:
        """An answer to a submit that was given up as in doubt: now it is known."""
        if self._inbox is None:
            return
        if pdu.status == OK:
            id_ = self.ids.submitted(Fields(pdu.body).text())
            told = Receipt(
                provider_id=id_ or None, reference=reference, status="sent", detail="answered late"
            )
        else:
            known = statuses.known(pdu.status)
            told = Receipt(
                reference=reference,
                status="rejected",
                provider_code=statuses.code(pdu.status),
                error=known.error,
                detail=f"answered late: {known.hint}",
            )
        self._inbox.put(told)

    def _show(self, state: SessionState, error: str | None) -> None:
        since = self._status.since if state == self._status.state else self._clock.now()
        self._status = Status(state, since, error)
        self._changed.set()
