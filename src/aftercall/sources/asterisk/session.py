"""The dialogue with a PBX: banner, login, the lists of channels and queues, then events until the connection is lost.

Login by MD5 challenge, so that the password is never sent; in plain text only inside TLS. Nothing of what the PBX
says stands in an error: whoever may set up a source could read other servers' answers there.
https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Manager-Interface-AMI/
"""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime

from aftercall.engine.upstream import Lost, Refused, Upstream
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.framing import BANNER
from aftercall.sources.asterisk.listing import CHANNELS, QUEUES, Listing
from aftercall.sources.asterisk.message import Message, event_of, read
from aftercall.sources.asterisk.reader import Reader

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds for connecting, and for the login
QUIET = 20.0  # seconds without a word, after which the PBX is asked whether it is there
PIECE = 65_536  # bytes read at once


class Session:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: Upstream,
        dialplan: Dialplan,
        open_calls: Mapping[str, frozenset[str]],
    ) -> None:
        self._reader, self._writer, self._upstream = reader, writer, upstream
        self._events, self._open_calls = Reader(dialplan, open_calls), open_calls
        self._unread: deque[bytes] = deque()

    async def log_in(self, username: str, secret: str, *, plain: bool) -> None:
        """`plain`: the password may be sent as it is. Raises Refused."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._banner()
                asked = await self._ask(Action="Challenge", AuthType="MD5")
                challenge = asked.get("Challenge")
                if challenge is not None:
                    key = hashlib.md5((challenge + secret).encode(), usedforsecurity=False).hexdigest()
                    said = await self._ask(
                        Action="Login", AuthType="MD5", Username=username, Key=key, Events="on"
                    )
                elif plain:
                    said = await self._ask(Action="Login", Username=username, Secret=secret, Events="on")
                else:
                    raise Refused("the PBX offers no login by MD5 challenge; others are for TLS only")
        except TimeoutError:
            raise Lost(f"no answer to the login within {PATIENCE:g} s") from None
        if said.get("Response") != "Success":
            raise Refused("the PBX refuses the login: username, secret, or this server's address")

    async def listen(self) -> None:
        """What the PBX tells, until it stops. Channels and queues are listed first: AMI repeats nothing."""
        self._upstream.connected()
        clock = self._upstream.clock
        listing: Listing | None = Listing(self._open_calls, self._events.dialplan, clock.now())
        await self._send(Action="CoreShowChannels", ActionID=CHANNELS)
        await self._send(Action="QueueStatus", ActionID=QUEUES)
        while True:
            frames = [*self._unread] or await self._read()
            self._unread.clear()
            now = clock.now()
            if listing is not None and (found := listing.take(frames)) is not None:
                if listing.denied:
                    log.warning("channels_not_listed")
                listing = None
                await self._upstream.deliver(found)
            await self._tell(frames, now)

    async def _tell(self, frames: Sequence[bytes], now: datetime) -> None:
        events = sum(1 for frame in frames if event_of(frame) is not None)
        if events:
            self._upstream.heard(events)
        if facts := self._events.read(frames, now):
            await self._upstream.deliver(facts)

    async def _banner(self) -> None:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            line = b""
        if not line.startswith(BANNER):
            raise Lost("this is no manager interface of Asterisk: its banner is missing")

    async def _ask(self, **fields: str) -> Message:
        """Send an action, return its response. Events that come first say nothing of calls yet."""
        id_ = f"aftercall-{fields['Action'].lower()}"
        await self._send(**fields, ActionID=id_)
        while True:
            while self._unread:
                message = read(self._unread.popleft())
                if message.get("Response") is not None and message.get("ActionID") in (id_, None):
                    return message
            self._unread.extend(await self._piece())

    async def _send(self, **fields: str) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._writer.write(lines.encode() + b"\r\n")
        await self._writer.drain()

    async def _read(self) -> list[bytes]:
        """The next piece's messages. A PBX that says nothing is asked; one that does not answer is lost."""
        for _ in range(2):
            try:
                async with asyncio.timeout(QUIET):
                    return await self._piece()
            except TimeoutError:
                await self._send(Action="Ping")
        raise Lost("the PBX does not answer any more")

    async def _piece(self) -> list[bytes]:
        data = await self._reader.read(PIECE)
        if not data:
            raise Lost("the PBX closed the connection")
        return self._events.framer.feed(data)
