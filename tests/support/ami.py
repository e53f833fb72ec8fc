"""A PBX's manager interface on 127.0.0.1: logs in by challenge, lists channels, plays what a PBX once said."""

import asyncio
import hashlib
import re
import ssl
from datetime import datetime
from typing import Any

from aftercall.domain.account import Source
from tests.support.house import House
from tests.support.listened import Listened, add_source

CHALLENGE = "198123456"
USERNAME, PASSWORD = "aftercall", "s3cret-of-the-pbx"
_STAMP = re.compile(rb"(?m)^Timestamp: (\d+\.\d+)")


class Manager(Listened):
    """`actions` holds the names of what was asked. `channels` and `waiting` are the messages that CoreShowChannels
    and QueueStatus list."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, challenges: bool = True) -> None:
        super().__init__(tls)
        self.channels: list[bytes] = []
        self.waiting: list[bytes] | None = []  # None: a PBX without queues
        self.actions: list[str] = []
        self.asked = b""  # all that was received
        self.mute = False  # answers nothing any more
        self.may_list = True
        self._challenges = challenges
        self.uptime: int | None = None  # seconds that it has been up; None: it does not say

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        while True:
            action = await reader.readuntil(b"\r\n\r\n")
            self.asked += action
            if not self.mute:
                self._answer(writer, _fields(action))

    def _answer(self, writer: asyncio.StreamWriter, asked: dict[str, str]) -> None:
        name, id_ = asked["Action"], asked.get("ActionID", "")
        self.actions.append(name)
        head = f"ActionID: {id_}\r\n" if id_ else ""
        if name == "Challenge" and self._challenges:
            said = f"Response: Success\r\n{head}Challenge: {CHALLENGE}\r\n\r\n".encode()
        elif name == "Login":
            said = self._login(writer, asked, head)
        elif name == "CoreShowChannels" and self.may_list:
            said = _listing(head, self.channels, "CoreShowChannels")
        elif name == "QueueStatus" and self.waiting is not None:
            said = _listing(head, self.waiting, "QueueStatus")
        elif name == "Ping":
            said = f"Response: Success\r\n{head}Ping: Pong\r\n\r\n".encode()
        else:
            said = f"Response: Error\r\n{head}Message: Permission denied\r\n\r\n".encode()
        writer.write(said)

    def _login(self, writer: asyncio.StreamWriter, asked: dict[str, str], head: str) -> bytes:
        key = hashlib.md5((CHALLENGE + PASSWORD).encode(), usedforsecurity=False).hexdigest()
        knows = asked.get("Key") == key or asked.get("Secret") == PASSWORD
        if asked["Username"] != USERNAME or not knows:
            return f"Response: Error\r\n{head}Message: Authentication failed\r\n\r\n".encode()
        self.logged_in(writer)
        up = "" if self.uptime is None else f"Uptime: {self.uptime}\r\nLastReload: {self.uptime}\r\n"
        booted = f"Event: FullyBooted\r\nPrivilege: system,all\r\n{up}Status: Fully Booted\r\n\r\n"
        return f"Response: Success\r\n{head}Message: Authentication accepted\r\n\r\n{booted}".encode()


def _listing(head: str, listed: list[bytes], action: str) -> bytes:
    said = f"Response: Success\r\n{head}EventList: start\r\n\r\n".encode()
    for message in listed:
        said += message.strip() + b"\r\n\r\n"
    return said + f"Event: {action}Complete\r\n{head}EventList: Complete\r\n\r\n".encode()


async def add_pbx(home: House, pbx: Manager, *, password: str = PASSWORD, **settings: Any) -> Source:
    """A source of type asterisk that is fed by this PBX."""
    given = {"host": "127.0.0.1", "port": pbx.port, "username": USERNAME, "dialplan": {"agents": r"10\d"}}
    return await add_source(home, "asterisk", password, given | settings)


def events(said: bytes) -> bytes:
    """Of a capture only the events, each ended as on the wire."""
    found = [
        m for m in re.split(rb"\r?\n\r?\n", said) if b"Event: " in m[:200] and b"Response:" not in m[:50]
    ]
    return b"".join(m.strip() + b"\r\n\r\n" for m in found)


def channels(said: bytes) -> list[bytes]:
    """What a captured CoreShowChannels listed."""
    found = re.split(rb"\r?\n\r?\n", said)
    return [m for m in found if m.lstrip().startswith(b"Event: CoreShowChannel\r")]


def as_of(said: bytes, last: datetime) -> bytes:
    """A capture whose last event happens at this moment."""
    stamps = [float(found[1]) for found in _STAMP.finditer(said)]
    later = last.timestamp() - max(stamps)
    return _STAMP.sub(lambda found: f"Timestamp: {float(found[1]) + later:.6f}".encode(), said)


def _fields(action: bytes) -> dict[str, str]:
    lines = action.decode().strip().split("\r\n")
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
