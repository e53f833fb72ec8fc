"""A mail server as small as one can be, for the demo only: takes any mail for anybody, and keeps none.

It speaks the part of SMTP (RFC 5321) that a client needs to hand a mail over: no TLS, no login, no extensions.
"""

import asyncio
import contextlib
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

LONGEST = 16 << 20  # bytes of a mail


class Mailbox:
    """Listens on `host`; `took` hears of each mail."""

    def __init__(self, took: Callable[[EmailMessage], None], host: str = "127.0.0.1") -> None:
        self._took, self.host, self.port = took, host, 0
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, 0, limit=LONGEST)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            writer.write(b"220 demo\r\n")
            while line := await reader.readline():
                command = line[:4].upper().strip()
                if command == b"DATA":
                    writer.write(b"354 Go on\r\n")
                    self._take(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"221 Bye\r\n" if command == b"QUIT" else b"250 Ok\r\n")
                await writer.drain()
                if command == b"QUIT":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # whoever leaves or talks nonsense is let go
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _take(self, content: bytes) -> None:
        """A line that begins with a dot was sent with two (RFC 5321, 4.5.2)."""
        whole = content.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        self._took(message_from_bytes(whole, policy=default))
