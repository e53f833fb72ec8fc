"""The email channel: one mail to one mail server, and what came of it (S7)."""

import asyncio
from datetime import datetime
from time import perf_counter

import msgspec
from aiosmtplib import SMTPException, SMTPResponse, SMTPResponseException

from aftercall.channels.email.kept import Kept
from aftercall.channels.email.mime import Mail, Unsendable, compose
from aftercall.channels.email.result import LOST, failed, taken
from aftercall.channels.email.session import Session, is_answer
from aftercall.channels.email.settings import Settings as MailServer
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid
from aftercall.domain.message import Email
from aftercall.net.door import Door

FRESH = 2.0  # seconds of rest after which a kept connection is asked whether it is still there
CHECK = 5.0  # seconds it has to answer that: a firewall may have forgotten it without a word


class Smtp:
    """Sends over connections that it keeps, for each `Connection` its own. One for a process."""

    title = "SMTP"
    Settings = MailServer
    secrets = frozenset({"password"})

    def __init__(self, door: Door) -> None:
        self._door = door
        self._kept: dict[str, Kept] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(
        self,
        connection: Connection,
        email: Email,
        reference: str,
        unsubscribe_url: str | None,
        now: datetime,
    ) -> Outcome:
        """One attempt at the delivery `reference`, within `timeout_seconds`.

        Once the mail is handed over, the server has the setting `answer_seconds` to say whether it takes it.
        """
        started = perf_counter()
        try:
            settings = settings_of(connection)
            mail = compose(email, settings, reference, unsubscribe_url, now)
        except Unsendable as exc:
            return Outcome(ok=False, error=exc.error, detail=exc.detail, retry=False)
        outcome = await self._carry(self._of(connection, settings), mail, connection.timeout_seconds)
        return msgspec.structs.replace(
            outcome,
            request_url=f"smtp://{settings.host}:{settings.port}",
            latency=perf_counter() - started,
            provider_ids=(mail.message_id,),
        )

    async def probe(self, connection: Connection) -> str:
        """Connect and log in without sending anything: a line for the admin. Raises Invalid with what is wrong."""
        try:
            settings = settings_of(connection)
        except Unsendable as exc:
            raise Invalid.field("settings", exc.detail) from None
        session = Session(self._door, settings)
        try:
            async with asyncio.timeout(connection.timeout_seconds):
                await session.open(connection.timeout_seconds)
        except LOST as exc:
            raise Invalid.field("settings", failed(exc, session, connection.timeout_seconds).detail) from None
        await session.quit()
        return "the server accepts our login" if settings.username else "the server talks to us"

    def forget(self, connection_id: str) -> None:
        """The connection is gone or paused: its open connections are closed."""
        kept = self._kept.pop(connection_id, None)
        if kept is not None:
            kept.close()

    async def close(self) -> None:
        """Say goodbye to all servers. Mails in hand are finished by whoever sends them."""
        for connection_id in tuple(self._kept):
            self.forget(connection_id)
        await asyncio.gather(*self._leaving)

    def _of(self, connection: Connection, settings: MailServer) -> Kept:
        kept = self._kept.get(connection.id)
        if kept is None or (kept.settings, kept.places) != (settings, connection.max_in_flight):
            self.forget(connection.id)  # made with other settings
            kept = self._kept[connection.id] = Kept(settings, connection.max_in_flight, self._leaving)
        return kept

    async def _carry(self, kept: Kept, mail: Mail, seconds: float) -> Outcome:
        using = fresh = Session(self._door, kept.settings)
        try:
            async with asyncio.timeout(seconds) as deadline, kept.place:
                old = await _checked(kept.take())
                if old is not None:
                    using = old
                    try:
                        return taken(await _hand_over(kept, old, mail, deadline), old)
                    except LOST as exc:
                        if not _is_stale(exc, old):
                            raise
                using = fresh
                await fresh.open(seconds)
                return taken(await _hand_over(kept, fresh, mail, deadline), fresh)
        except LOST as exc:
            return failed(exc, using, seconds)


async def _checked(session: Session | None) -> Session | None:
    """A kept connection, if it is still good for a mail."""
    if session is None or (session.rested < FRESH and not session.dirty):
        return session
    try:
        async with asyncio.timeout(CHECK):
            await session.reset()
    except (SMTPException, OSError):
        session.abort()
        return None
    except BaseException:
        session.abort()
        raise
    return session


async def _hand_over(kept: Kept, session: Session, mail: Mail, deadline: asyncio.Timeout) -> SMTPResponse:
    try:
        await session.offer(mail)
        until = asyncio.get_running_loop().time() + kept.settings.answer_seconds
        deadline.reschedule(max(until, deadline.when() or 0.0))
        answer = await session.finish()
    except BaseException as exc:
        if is_answer(exc) and session.alive:
            kept.rest(session)
        else:
            session.abort()
        raise
    kept.rest(session)
    return answer


def _is_stale(exc: Exception, session: Session) -> bool:
    """The server has closed a kept connection, or does so now (421): no failure of this mail, which has not gone."""
    if session.final:
        return False
    return not is_answer(exc) or (isinstance(exc, SMTPResponseException) and exc.code == 421)


def settings_of(connection: Connection) -> MailServer:
    """The settings with their secrets. Raises Unsendable."""
    try:
        return msgspec.convert({**connection.settings, **connection.secrets}, MailServer)
    except msgspec.ValidationError as exc:
        raise Unsendable("config", f"the settings of the connection are not valid: {exc}") from None
