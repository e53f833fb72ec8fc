# A mail server on a loopback socket (aiosmtpd), and one that plays a script for what no proper server does.

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

TAKEN = "250 2.0.0 Ok: queued as 4XkZ"


class Caught:
    """A mail as the server has it."""

    def __init__(self, envelope: Envelope) -> None:
        self.sender, self.recipients = envelope.mail_from, envelope.rcpt_tos
        self.raw: bytes = envelope.original_content or b""
        self.options = list(envelope.mail_options)

    @property
    def message(self) -> EmailMessage:
        """As Python's own parser reads it."""
        read = BytesParser(policy=default).parsebytes(self.raw)
        assert isinstance(read, EmailMessage)
        return read


class MailServer:
    """`answers` by command (EHLO is not one), or `RCPT:<address>`; `mails` are those it has taken, in order.

    `logins` are the methods tried. `before_answer` is awaited when a mail has arrived whole.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, implicit: bool = False, **more: Any) -> None:
        self.mails: list[Caught] = []
        self.connections = 0
        self.logins: list[str] = []
        self.answers: dict[str, str] = {}
        self.password = "s3cret-of-tests"
        self.extensions: list[str] = []
        self.before_answer: Callable[[], Awaitable[object]] | None = None
        self.resets = 0
        self._implicit = tls if implicit else None
        self._more = {"hostname": "mail.test", "auth_require_tls": False, **more}
        if tls is not None and not implicit:
            self._more["tls_context"] = tls
        self.goodbyes = 0
        self._served: list[SMTP] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            self._serve, "127.0.0.1", 0, ssl=self._implicit
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def hang_up(self) -> None:
        """Close all connections, as a server does that is restarted."""
        for served in self.open:
            assert served.transport is not None
            served.transport.close()

    @property
    def open(self) -> list[SMTP]:
        return [s for s in self._served if s.transport is not None and not s.transport.is_closing()]

    def _serve(self) -> SMTP:
        self.connections += 1
        loop = asyncio.get_running_loop()
        served = SMTP(self, loop=loop, authenticator=self._authenticate, **self._more)
        self._served.append(served)
        return served

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, method: str, data: Any
    ) -> Any:
        self.logins.append(method)
        known = isinstance(data, LoginPassword) and data.password == self.password.encode()
        return AuthResult(success=known, handled=False)

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, name: str, responses: list[str]
    ) -> list[str]:
        session.host_name = name
        return [*responses[:-1], *(f"250-{e}" for e in self.extensions), responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not (answer := self.answers.get("MAIL", "250 OK")).startswith("250"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(f"RCPT:{address}", self.answers.get("RCPT", "250 OK"))
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.resets += 1
        return self.answers.get("RSET", "250 OK")

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.goodbyes += 1
        return "221 Bye"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.before_answer is not None:
            await self.before_answer()
        answer = self.answers.get("DATA", TAKEN)
        if answer.startswith("250"):
            self.mails.append(Caught(envelope))
        return answer


class Scripted:
    """Says `script` line after line, one for each that it hears; None: it hangs up. Content is heard to its dot.

    Who connects again hears `then`.
    """

    def __init__(self, *script: str | None) -> None:
        self.script = self.then = script
        self.connections = 0
        self.heard: list[bytes] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=2**20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for line in self.script if self.connections == 1 else self.then:
                if line is None:
                    break
                writer.write(line.encode("latin-1") + b"\r\n")
                end = b"\r\n.\r\n" if line.startswith("354") else b"\r\n"
                self.heard.append(await reader.readuntil(end))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
