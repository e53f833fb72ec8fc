"""One connection to a mail server, over a socket from the door: greeting, TLS, login, then mail after mail.

aiosmtplib reads and writes the lines. The last step of DATA is taken here: whoever loses the connection must know
whether the final dot had left, because from then on the mail may have been taken.
"""

import asyncio
import re
from time import monotonic
from typing import cast

from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPResponse, SMTPResponseException

from aftercall.channels.email.answers import Phase
from aftercall.channels.email.mime import Mail
from aftercall.channels.email.settings import Settings
from aftercall.net import url
from aftercall.net.door import Door
from aftercall.net.errors import NetError

GOODBYE = 2.0  # seconds a server has to answer QUIT
_DOT = re.compile(rb"^\.", re.MULTILINE)


class NoLoginError(Exception):
    """The server offers no login with a password that we know (PLAIN, LOGIN, CRAM-MD5)."""


class Session:
    def __init__(self, door: Door, settings: Settings) -> None:
        self.settings = settings
        self.phase: Phase | None = None  # None: not connected yet
        self.final = False  # the final dot of the mail in hand has left
        self.sent = 0
        self.rested_at = 0.0
        self.dirty = False  # a mail was refused: the server must be told to forget it
        self.address: str | None = None
        self._door = door
        self._client = SMTP(
            hostname=url.host(settings.host)[0],
            local_hostname=settings.greeting,
            use_tls=settings.security == "tls",
            start_tls=False,
            tls_context=door.tls,
            timeout=None,  # the caller's deadline covers everything
        )

    @property
    def alive(self) -> bool:
        return self._client.is_connected

    async def open(self, timeout: float) -> None:
        """Connect, encrypt, log in. Raises what the door, aiosmtplib and the TLS library raise, and NoLoginError."""
        settings, client = self.settings, self._client
        sock = await self._door.dial(settings.host, settings.port, timeout=timeout)
        self.address = str(sock.getpeername()[0])
        self.phase = "greeting"
        try:
            await client.connect(sock=sock)
            self.phase = "hello"
            await client.ehlo()
            if settings.security == "starttls":
                await self._encrypt()
            if settings.username:
                await self._log_in()
        except BaseException:
            self.abort()
            sock.close()
            raise

    async def _encrypt(self) -> None:
        self.phase = "starttls"
        if not self._client.supports_extension("starttls"):
            raise NetError("tls", "the server does not offer STARTTLS on this port")
        await self._client.starttls()
        self.phase = "hello"
        await self._client.ehlo()

    async def _log_in(self) -> None:
        """One method, tried once: a wrong password tried three times locks accounts."""
        self.phase = "login"
        client, name, password = self._client, self.settings.username, self.settings.password
        ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
        way = next((way for method, way in ways.items() if method in client.server_auth_methods), None)
        if way is None:
            raise NoLoginError
        await way(name, password)

    async def reset(self) -> None:
        """Is it still there, and has it forgotten the last mail? Raises when not."""
        self.phase = "hello"
        await self._client.rset()
        self.dirty = False

    async def offer(self, mail: Mail) -> None:
        """Envelope and content, all but the final dot. Nothing has been sent yet if this raises."""
        client = self._client
        self.final, self.dirty = False, True
        self.phase = "sender"
        size = [f"SIZE={len(mail.content)}"] if client.supports_extension("size") else []
        await client.mail(mail.sender, options=size)
        self.phase = "recipient"
        await client.rcpt(mail.recipient)
        self.phase = "content"
        answer = await client.execute_command(b"DATA")
        if answer.code != 354:
            raise SMTPDataError(answer.code, answer.message)
        await self._write(_DOT.sub(b"..", mail.content))

    async def finish(self) -> SMTPResponse:
        """The final dot, and what the server says to the mail."""
        protocol = self._client.protocol
        if protocol is None:
            raise SMTPException("the connection is lost")
        protocol.write(b".\r\n")
        self.final = True
        answer = await protocol.read_response()
        if answer.code // 100 != 2:
            raise SMTPDataError(answer.code, answer.message)
        self.sent += 1
        self.dirty = False
        return answer

    def rest(self) -> None:
        self.rested_at = monotonic()

    @property
    def rested(self) -> float:
        """Seconds since the last mail."""
        return monotonic() - self.rested_at

    async def quit(self) -> None:
        """Say goodbye, but not for long: once that is answered, nobody needs to wait for the end of TLS as well."""
        transport = self._client.transport
        try:
            async with asyncio.timeout(GOODBYE):
                await self._client.quit()
        except (SMTPException, OSError):
            pass
        finally:
            self._client.close()
            _abort(transport)
        await asyncio.sleep(0)  # the loop closes a socket at its next turn

    def abort(self) -> None:
        transport = self._client.transport
        self._client.close()
        _abort(transport)

    async def _write(self, content: bytes) -> None:
        """Hand everything to the system: what still waits in our memory has not left."""
        protocol, transport = self._client.protocol, self._client.transport
        if protocol is None or transport is None:
            raise SMTPException("the connection is lost")
        cast("asyncio.WriteTransport", transport).set_write_buffer_limits(0)
        protocol.write(content)
        await protocol._drain_helper()  # noqa: SLF001  # aiosmtplib has it, and no public name for it


def _abort(transport: asyncio.BaseTransport | None) -> None:
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()


def is_answer(exc: BaseException) -> bool:
    """True for a refusal that can be read; a connection that spoke nonsense is broken."""
    return isinstance(exc, SMTPResponseException) and 400 <= exc.code < 600
