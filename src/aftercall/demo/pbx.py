"""The manager interface of a PBX, as small as one can be: lets one user in and says what it is told to say."""

import asyncio
import contextlib
import hashlib
import secrets

USERNAME = "aftercall"


class Pbx:
    """Listens on `host`. Knows the actions that AfterCall sends, and no channels of its own."""

    def __init__(self, secret: str, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, 0
        self.listened_to = asyncio.Event()
        self._secret = secret
        self._open: set[asyncio.StreamWriter] = set()
        self._listeners: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()

    def say(self, message: bytes) -> None:
        """One event, without its empty line."""
        for writer in self._listeners:
            writer.write(message.replace(b"\n", b"\r\n") + b"\r\n\r\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        challenge = str(secrets.randbelow(10**9))
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                action = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
                asked = dict(line.split(": ", 1) for line in action.split("\r\n") if ": " in line)
                writer.write(self._answer(writer, asked, challenge).replace("\n", "\r\n").encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever leaves or talks nonsense is let go
        finally:
            self._open.discard(writer)
            self._listeners.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, writer: asyncio.StreamWriter, asked: dict[str, str], challenge: str) -> str:
        name, id_ = asked.get("Action", ""), f"ActionID: {asked.get('ActionID', '')}\n"
        if name == "Challenge":
            return f"Response: Success\n{id_}Challenge: {challenge}\n\n"
        if name == "Login":
            key = hashlib.md5((challenge + self._secret).encode(), usedforsecurity=False).hexdigest()
            if asked.get("Username") != USERNAME or asked.get("Key") != key:
                return f"Response: Error\n{id_}Message: Authentication failed\n\n"
            return f"Response: Success\n{id_}Message: Authentication accepted\n\nEvent: FullyBooted\n\n"
        if name in {"CoreShowChannels", "QueueStatus"}:
            if name == "QueueStatus":  # the last that is asked for: from now on events are listened to
                self._listeners.add(writer)
                self.listened_to.set()
            return f"Response: Success\n{id_}EventList: start\n\nEvent: {name}Complete\n{id_}\n"
        return f"Response: {'Success' if name == 'Ping' else 'Error'}\n{id_}\n"
