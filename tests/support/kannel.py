"""A live Kannel on loopback: bearerbox, smsbox and fakesmsc, real processes that are stopped by their ids.

async with Kannel(tmp_path, upstream=refuses.url("/smsc"), inbound=hears.url("/in") + "?from=%p...") as kannel:
    ...  # POST to kannel.api_base as "aftercall" with PASSWORD
    [arrived] = await kannel.arrived()
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote_from_bytes, unquote_to_bytes

from tests.support.programs import program
from tests.support.wait import until

USERNAME, PASSWORD = "aftercall", "p&ss word=%41"  # what a careless encoding would break
STRICT = "strict"  # the smsc-id of an SMSC behind HTTP, which asks `upstream` about each text
QUERY = "?from=%p&to=%P&text=%b&charset=%C&at=%T&id=%I"  # of the get-url, as docs/channels/kannel.md has it
AWAY = "inbound"  # the smsc-id of one to which nothing is connected, but for the time of `send_in`
_GOT = re.compile(r"Got message \d+: <(\S+) (\S+) (?:udh (\S+) )?(text|ucs-2|data) (.*)>\n")

CONFIG = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = none
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal
access-log = {directory}/access.log

group = smsc
smsc = fake
smsc-id = fake
port = {fake}
connect-allow-ip = 127.0.0.1
denied-smsc-id = "strict;inbound"

group = smsc
smsc = fake
smsc-id = inbound
port = {inbound}
connect-allow-ip = 127.0.0.1
allowed-smsc-id = inbound

group = smsc
smsc = http
smsc-id = strict
system-type = generic
port = {http}
connect-allow-ip = 127.0.0.1
allowed-smsc-id = strict
send-url = "{upstream}?to=%P"
status-success-regex = "^yes"
status-permfail-regex = "^no"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = {username}
password = "{password}"
max-messages = 25
concatenation = true

group = sms-service
keyword = default
catch-all = true
get-url = "{get_url}"
max-messages = 0
omit-empty = true
"""


@dataclass(frozen=True)
class Arrived:
    """One segment as fakesmsc got it. `body` are the characters' octets, `header` the UDH of a long text."""

    sender: str
    to: str
    kind: str  # text is the GSM alphabet, ucs-2, or data for the segments of a long text
    header: bytes
    body: bytes


class Kannel:
    """`get_url` is smsbox's, with Kannel's own escapes; `upstream` the address the SMSC `strict` posts to."""

    def __init__(self, directory: Path, *, get_url: str, upstream: str) -> None:
        self._directory = directory
        self._ports = _free_ports("admin", "box", "fake", "inbound", "http", "sendsms")
        self._config = directory / "kannel.conf"
        self._config.write_text(
            CONFIG.format(
                directory=directory,
                get_url=get_url,
                upstream=upstream,
                username=USERNAME,
                password=PASSWORD,
                **self._ports,
            )
        )
        self._stack = contextlib.AsyncExitStack()

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self._ports['sendsms']}"

    async def __aenter__(self) -> Self:
        try:
            await self._start("bearerbox", "-v", "1", str(self._config), name="bearerbox")
            await until(self._listening("box", "fake", "inbound"))
            await self._start("smsbox", "-v", "1", str(self._config), name="smsbox")
            await until(self._listening("sendsms"))
            # With nothing to send, it only receives; a text on the command line is asked for all the same.
            await self._fakesmsc("fake", "0", "1 2 text unused", name="fakesmsc")
            await until(self._said("bearerbox", "Fakesmsc client connected"))
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def arrived(self, count: int = 1) -> list[Arrived]:
        """The segments that fakesmsc got, as soon as there are `count`."""

        async def enough() -> list[Arrived] | None:
            found = [_segment(*match.groups()) for match in _GOT.finditer(self.log("fakesmsc"))]
            return found if len(found) >= count else None

        return await until(enough)

    async def send_in(self, sender: str, to: str, text: str) -> None:
        """Somebody texts us, through an SMSC of its own; as UCS-2 where the text is not ASCII."""
        plain = text.isascii()
        body = text if plain else quote_from_bytes(text.encode("utf-16-be"), safe="")
        message = f"{sender} {to} {'text' if plain else 'ucs2'} {body}"
        process = await self._fakesmsc(AWAY, "1", message, name="sender")
        await until(self._said("sender", "sent message 1"))
        await _stop(process)

    def log(self, name: str) -> str:
        path = self._directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def access_log(self) -> str:
        return self.log("access")

    async def _fakesmsc(self, port: str, most: str, message: str, *, name: str) -> asyncio.subprocess.Process:
        address = ("-H", "127.0.0.1", "-r", str(self._ports[port]))
        return await self._start("fakesmsc", *address, "-i", "0.01", "-m", most, message, name=name)

    async def _start(self, command: str, *arguments: str, name: str) -> asyncio.subprocess.Process:
        with (self._directory / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                program(command), *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._stack.push_async_callback(_stop, process)
        return process

    def _listening(self, *names: str) -> Callable[[], Awaitable[bool]]:
        async def all_of_them() -> bool:
            return {self._ports[name] for name in names} <= _listened_on()

        return all_of_them

    def _said(self, name: str, words: str) -> Callable[[], Awaitable[bool]]:
        async def said() -> bool:
            return words in self.log(name)

        return said


def _segment(sender: str, to: str, header: str | None, kind: str, body: str) -> Arrived:
    octets = body.encode() if kind == "text" else unquote_to_bytes(body.replace("+", " "))
    return Arrived(sender, to, kind, unquote_to_bytes(header or ""), octets)


def _free_ports(*names: str) -> dict[str, int]:
    """Held together until all are drawn, so that no two are the same."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in names]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}


def _listened_on() -> set[int]:
    """As the kernel lists them: to connect would already be a client, and bearerbox's fake SMSC has room for one."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}


async def _stop(process: asyncio.subprocess.Process) -> None:
    """By its own id, and at once: there is nothing to put in order, and bearerbox takes a second for it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
