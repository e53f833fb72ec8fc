"""The dialogue with a PBX over ARI: websocket, the lists of channels and bridges, then events until it is lost.

Nothing of what the PBX says stands in an error, as over AMI.
https://docs.asterisk.org/Configuration/Interfaces/Asterisk-REST-Interface-ARI/
"""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import msgspec

from aftercall.engine.upstream import Lost, Refused, Upstream
from aftercall.net.errors import AnswerError
from aftercall.net.fetch import fetch
from aftercall.net.websocket import RejectedError, WebSocket
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.gap import OpenCalls, caught_up
from aftercall.sources.asterisk.session import PATIENCE
from aftercall.sources.asterisk_ari.events import Events, NotJoinedError, listed
from aftercall.sources.asterisk_ari.settings import Rest

QUIET = 20.0  # seconds without a word, after which the PBX is asked whether it is there
MAX_MESSAGE = 1 << 20
MAX_LIST = 16 << 20  # bytes of the list of all channels
NOT_JOINED = (
    "the PBX does not say which channels belong together: add `channelvars = CHANNEL(linkedid)` to [general] "
    "in ari.conf, then `module reload res_ari`"
)
REFUSED = "the PBX refuses the login: username, secret, or what ari.conf allows"


class Session:
    def __init__(self, rest: Rest, password: str, dialplan: Dialplan, upstream: Upstream) -> None:
        self._rest, self._dialplan, self._upstream = rest, dialplan, upstream
        self._events = Events(dialplan)
        login = b64encode(f"{rest.username}:{password}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {login}"}

    async def run(self, open_calls: OpenCalls) -> None:
        """Until the connection ends. Raises Lost, and what broke it."""
        reader, writer = await self._dial()
        try:
            socket = WebSocket(reader, writer, self._rest.events, MAX_MESSAGE)
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._open(socket)
                    await self._catch_up(open_calls)
            except TimeoutError:
                raise Lost(f"no answer within {PATIENCE:g} s") from None
            self._upstream.connected()
            while True:
                await self._tell(await self._read(socket))
        except NotJoinedError:
            raise Refused(NOT_JOINED) from None
        finally:
            writer.close()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        rest = self._rest
        return await self._upstream.dial(rest.host, rest.at, tls=rest.tls, timeout=PATIENCE)

    async def _open(self, socket: WebSocket) -> None:
        try:
            await socket.open(self._headers)
        except RejectedError as rejected:
            if rejected.status in (401, 403):
                raise Refused(REFUSED) from None
            said = f"it answers {rejected.status}" if rejected.status else "it answers something else"
            raise Lost(f"this is no REST interface of Asterisk: {said}; see http.conf and ari.conf") from None

    async def _catch_up(self, open_calls: OpenCalls) -> None:
        """What happened before is not repeated, so what is there now is asked for. Events wait meanwhile."""
        asked_at = self._upstream.clock.now()
        there = listed(await self._get("/channels"), await self._get("/bridges"))
        await self._upstream.deliver(caught_up(open_calls, there, (), (), self._dialplan, asked_at))

    async def _get(self, path: str) -> Any:
        reader, writer = await self._dial()
        target = self._rest.root + path
        try:
            status, body = await fetch(reader, writer, self._rest.authority, target, self._headers, MAX_LIST)
            found = msgspec.json.decode(body) if status == 200 else None
        except (AnswerError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        finally:
            writer.close()
        if not isinstance(found, list):
            raise Lost(f"the PBX does not list its {path.removeprefix('/')}")
        return found

    async def _tell(self, messages: Sequence[str]) -> None:
        if messages:
            self._upstream.heard(len(messages))
        now = self._upstream.clock.now()
        told = [fact for text in messages for fact in self._events.read(self._decoded(text), now)]
        if told:
            await self._upstream.deliver(told)

    def _decoded(self, text: str) -> dict[str, Any]:
        """An event; nothing for what is none. Raises Refused when somebody else takes the connection over."""
        try:
            event = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return {}
        if not isinstance(event, dict):
            return {}
        if event.get("type") == "ApplicationReplaced":
            raise Refused("another client has connected as the same ARI application: choose another `app`")
        return event

    async def _read(self, socket: WebSocket) -> list[str]:
        """The next piece's messages. A PBX that says nothing is asked; one that does not answer is lost."""
        for _ in range(2):
            try:
                async with asyncio.timeout(QUIET):
                    return await socket.receive()
            except TimeoutError:
                await socket.ping()
        raise Lost("the PBX does not answer any more")
