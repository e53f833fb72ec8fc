"""A FreeSWITCH event socket on 127.0.0.1, after mod_event_socket's source: password, subscription, `api`, events."""

import asyncio
import json
import ssl
from typing import Any

from aftercall.domain.account import Source
from tests.support.house import House
from tests.support.listened import Listened, add_source

PASSWORD = "s3cret-of-the-socket"
GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
REJECTION = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"


class EventSocket(Listened):
    """`asked` holds the commands; `channels` and `calls` are the rows that `show` lists."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, rude: bool = False) -> None:
        super().__init__(tls)
        self.asked: list[str] = []
        self.channels: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.mute = False  # answers nothing any more
        self.may_list = True
        self.lists_nothing = False  # does not even say no
        self._rude = rude
        self._allowed: set[asyncio.StreamWriter] = set()

    @property
    def subscriptions(self) -> list[str]:
        return [command for command in self.asked if command.startswith("event ")]

    def say_goodbye(self) -> None:
        head = b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n" % len(GOODBYE)
        self.play(head + GOODBYE)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(REJECTION if self._rude else b"Content-Type: auth/request\n\n")
        while not self._rude:
            command = (await reader.readuntil(b"\n\n")).decode().strip()
            self.asked.append(command)
            if self.mute or (self.lists_nothing and command.startswith("api show ")):
                continue
            if command.startswith("api "):
                writer.write(self._api(command.removeprefix("api ")))
            else:
                writer.write(f"Content-Type: command/reply\nReply-Text: {self._do(command)}\n\n".encode())
            if command.startswith("event ") and writer in self._allowed:
                self.logged_in(writer)
            if command.startswith("auth "):
                if command != f"auth {PASSWORD}":
                    return
                self._allowed.add(writer)

    def _do(self, command: str) -> str:
        if command.startswith("auth "):
            return "+OK accepted" if command == f"auth {PASSWORD}" else "-ERR invalid"
        return (
            "+OK event listener enabled json"
            if command.startswith("event json ")
            else "-ERR command not found"
        )

    def _api(self, command: str) -> bytes:
        if command.startswith("show ") and not self.may_list:
            body = b"-ERR permission denied\n"
        elif command in ("show channels as json", "show calls as json"):
            rows = self.channels if "channels" in command else self.calls
            listed = {"row_count": len(rows), "rows": rows} if rows else {"row_count": 0}
            body = json.dumps(listed).encode()
        else:
            body = b"17\n" if command == "uptime" else b"-ERR no such command\n"
        return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)


async def add_freeswitch(
    home: House, pbx: EventSocket, *, password: str = PASSWORD, **settings: Any
) -> Source:
    """A source of type freeswitch that is fed by this PBX."""
    given = {"host": "127.0.0.1", "port": pbx.port, "dialplan": {"agents": r"10\d"}}
    return await add_source(home, "freeswitch", password, given | settings)
