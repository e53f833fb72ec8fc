"""A PBX's REST interface on 127.0.0.1: a real websocket server that says what a PBX once said, and lists channels."""

import asyncio
import json
import ssl
from base64 import b64encode
from http import HTTPStatus
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from aftercall.domain.account import Source
from tests.support.house import House
from tests.support.listened import add_source

USERNAME, PASSWORD = "aftercall", "s3cret-of-the-pbx"
LOGIN = "Basic " + b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


class Rest:
    """`channels` and `bridges` are what the PBX has now; `asked` the paths that were asked for."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.channels: list[dict[str, Any]] = []
        self.bridges: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.connections: set[ServerConnection] = set()
        self.logins = 0
        self.status = HTTPStatus.OK  # of every answer but the websocket's
        self._tls = tls

    async def __aenter__(self) -> Self:
        self._server: Server = await serve(
            self._hold, "127.0.0.1", 0, ssl=self._tls, process_request=self._process, compression=None
        )
        self.port: int = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def play(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            await self.say(json.dumps(event))

    async def say(self, text: str | bytes | list[str]) -> None:
        for connection in list(self.connections):
            await connection.send(text)

    async def cut(self) -> None:
        for connection in list(self.connections):
            connection.transport.abort()

    def _process(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request.path)
        if request.headers.get("Authorization") != LOGIN:
            return connection.respond(HTTPStatus.UNAUTHORIZED, "Authentication required\n")
        if self.status is not HTTPStatus.OK:
            return connection.respond(self.status, "no\n")
        if request.path == "/ari/channels":
            return connection.respond(HTTPStatus.OK, json.dumps(self.channels))
        if request.path == "/ari/bridges":
            return connection.respond(HTTPStatus.OK, json.dumps(self.bridges))
        return None

    async def _hold(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        self.logins += 1
        try:
            async for _ in connection:
                pass
        finally:
            self.connections.discard(connection)


async def add_pbx(home: House, pbx: Rest, *, password: str = PASSWORD, **settings: Any) -> Source:
    """A source of type asterisk_ari that is fed by this PBX."""
    given = {"host": "127.0.0.1", "port": pbx.port, "username": USERNAME, "dialplan": {"agents": r"10\d"}}
    return await add_source(home, "asterisk_ari", password, given | settings)


async def connected(pbx: Rest, times: int = 1) -> None:
    async with asyncio.timeout(15):
        while pbx.logins < times or not pbx.connections:
            await asyncio.sleep(0.01)
