"""The dialogue with a PBX: password, subscription, the list of channels, then events until the connection is lost.

Nothing of what the PBX says stands in an error: whoever may set up a source could read other servers' answers there.
https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_event_socket_1048924/
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from aftercall.engine.upstream import Lost, Refused, Upstream
from aftercall.sources.freeswitch.event import JSON, PLAIN
from aftercall.sources.freeswitch.framing import Frame, Garbled
from aftercall.sources.freeswitch.listing import ANSWER, QUESTIONS, Listing
from aftercall.sources.freeswitch.reader import Reader

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds for connecting, and for the login
QUIET = 45.0  # seconds without a word, after which the PBX is asked; it sends a HEARTBEAT every 20 s
PIECE = 65_536  # bytes read at once

PING = "uptime"
GOODBYE = "text/disconnect-notice"
# What follows CUSTOM are subclasses of it, so it comes last.
EVENTS = (
    "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE "
    "CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_HANGUP_COMPLETE DTMF RECORD_START RECORD_STOP HEARTBEAT SHUTDOWN "
    "CUSTOM callcenter::info vm::maintenance menu::enter"
)


class Session:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: Upstream,
        events: Reader,
    ) -> None:
        self._reader, self._writer, self._upstream = reader, writer, upstream
        self._events = events
        self._unread: deque[Frame] = deque()
        self._asked: deque[str] = deque()  # api commands whose answers are still to come

    async def log_in(self, password: str, *, every: bool) -> None:
        """`every`: subscribe to all events. Raises Refused."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._greeting()
                if not await self._do(f"auth {password}"):
                    raise Refused("the PBX refuses the password")
                if not await self._do(f"event json {'ALL' if every else EVENTS}"):
                    raise Refused("the PBX does not let us subscribe to its events")
        except TimeoutError:
            raise Lost(f"no answer to the login within {PATIENCE:g} s") from None

    async def listen(self, open_calls: Mapping[str, frozenset[str]]) -> None:
        """What the PBX tells, until it stops. Channels are listed first, and whenever events were lost."""
        self._upstream.connected()
        listing: Listing | None = await self._list(open_calls)
        while True:
            frames = [*self._unread] or await self._read()
            self._unread.clear()
            now = self._upstream.clock.now()
            await self._tell(frames, now)
            listing = await self._listed(listing, frames)
            if listing is not None and now - listing.asked_at > timedelta(seconds=QUIET):
                raise Lost("the PBX does not list its channels")
            if any(frame.type == GOODBYE for frame in frames):
                raise Lost("the PBX has said goodbye")
            if (lost := self._events.count.lost) and listing is None:
                log.warning("events_lost", extra={"events": lost})
                self._events.count.lost = 0
                listing = await self._list(await self._upstream.open_calls())

    async def _list(self, open_calls: Mapping[str, frozenset[str]]) -> Listing:
        for question in QUESTIONS:
            await self._ask(question)
        return Listing(open_calls, self._events, self._upstream.clock.now())

    async def _listed(self, listing: Listing | None, frames: Iterable[Frame]) -> Listing | None:
        """Give the frames that answer its questions, and events, to the list; None when it is complete."""
        for frame in frames:
            asked = self._asked.popleft() if frame.type == ANSWER and self._asked else None
            if listing is None or (frame.type == ANSWER and asked == PING):
                continue
            if (found := listing.take((frame,))) is not None:
                if listing.denied:
                    log.warning("channels_not_listed")
                listing = None
                await self._upstream.deliver(found)
        return listing

    async def _tell(self, frames: Sequence[Frame], now: datetime) -> None:
        events = sum(1 for frame in frames if frame.type in (JSON, PLAIN))
        if events:
            self._upstream.heard(events)
        if facts := self._events.read(frames, now):
            await self._upstream.deliver(facts)

    async def _greeting(self) -> None:
        """The first word is the PBX's. Whom its access list does not know, it sends away."""
        try:
            frame = await self._next()
        except Garbled:
            frame = Frame({})
        if frame.type == "text/rude-rejection":
            raise Refused("the PBX does not let this server's address in (apply-inbound-acl)")
        if frame.type != "auth/request":
            raise Lost("this is no event socket of FreeSWITCH: its greeting is missing")

    async def _do(self, command: str) -> bool:
        """Send a command; whether it was done. Events that come first say nothing of calls yet."""
        await self._send(command)
        while (frame := await self._next()).type != "command/reply":
            if frame.type == GOODBYE:
                raise Lost("the PBX has said goodbye")
        return frame.headers.get("reply-text", "").startswith("+OK")

    async def _next(self) -> Frame:
        while not self._unread:
            self._unread.extend(await self._piece())
        return self._unread.popleft()

    async def _ask(self, command: str) -> None:
        self._asked.append(command)
        await self._send(f"api {command}")

    async def _send(self, line: str) -> None:
        self._writer.write(f"{line}\n\n".encode())
        await self._writer.drain()

    async def _read(self) -> list[Frame]:
        """The next piece's frames. A PBX that says nothing is asked; one that does not answer is lost."""
        for _ in range(2):
            try:
                async with asyncio.timeout(QUIET):
                    return await self._piece()
            except TimeoutError:
                await self._ask(PING)
        raise Lost("the PBX does not answer any more")

    async def _piece(self) -> list[Frame]:
        data = await self._reader.read(PIECE)
        if not data:
            raise Lost("the PBX closed the connection")
        return self._events.decoder.feed(data)
