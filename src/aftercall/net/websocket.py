"""A WebSocket over a stream that the door has dialled: text in, nothing but control frames out (RFC 6455).

The protocol is websockets' own, without its I/O: framing, masking, ping and close, limits (decision 0011).
"""

import asyncio
import logging
from collections.abc import Mapping

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.uri import parse_uri

from aftercall.net.errors import HungUpError

PIECE = 65_536  # bytes read at once
# At debug level the protocol would log the headers that it sends, and what it receives.
_quiet = logging.getLogger(__name__)
_quiet.setLevel(logging.WARNING)


class RejectedError(Exception):
    """The server answered the handshake with something else; `status` is HTTP's, 0 if it was no such answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class WebSocket:
    """Raises HungUpError when the connection has ended, for whatever reason. The caller sets deadlines."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str, max_message: int
    ) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = ClientProtocol(parse_uri(url), max_size=max_message, logger=_quiet)
        self._parts: list[bytes] = []
        self._waiting: list[str] = []

    async def open(self, headers: Mapping[str, str]) -> None:
        """Shake hands. Raises RejectedError."""
        request = self._protocol.connect()
        for name, value in headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
            self._waiting += await self._exchange()
        failed = self._protocol.handshake_exc
        if failed is not None:
            raise RejectedError(failed.response.status_code if isinstance(failed, InvalidStatus) else 0)

    async def receive(self) -> list[str]:
        """The messages that are complete after the next piece; maybe none: a sign of life all the same."""
        found, self._waiting = self._waiting, []
        return found or await self._exchange()

    async def ping(self) -> None:
        self._protocol.send_ping(b"")
        await self._flush()

    async def _exchange(self) -> list[str]:
        await self._flush()
        data = await self._reader.read(PIECE)
        try:
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            found = [text for event in self._protocol.events_received() for text in self._taken(event)]
        except (WebSocketException, UnicodeDecodeError):
            raise HungUpError from None
        await self._flush()
        ended = self._protocol.state in (State.CLOSING, State.CLOSED) or not data
        if ended and not found and self._protocol.handshake_exc is None:
            raise HungUpError
        return found

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
        await self._writer.drain()

    def _taken(self, event: Frame | Request | Response) -> list[str]:
        """The message that a frame completes. Binary ones say nothing to anybody here."""
        if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.CONT, Opcode.BINARY):
            return []
        self._parts.append(bytes(event.data))
        if not event.fin:
            return []
        whole, self._parts = b"".join(self._parts), []
        return [whole.decode("utf-8", "replace")]
