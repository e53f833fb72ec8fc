"""From addresses to a connected socket: the last check, on the very address that is dialled."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

from aftercall.net import trip
from aftercall.net.address import AddressRules
from aftercall.net.errors import AddressRefusedError

HEAD_START = 1.0  # seconds a silent address has before the next one is dialled beside it

AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]  # as getaddrinfo returns it


def open_socket(rules: AddressRules, info: AddrInfo) -> socket.socket:
    """A socket for one address: the last look at it. Nothing is resolved after this."""
    family, kind, proto, _, address = info
    why = rules.check(str(address[0]))
    if why is not None:
        raise AddressRefusedError(f"the address may not be dialled ({why})")
    trip.enter("connecting")
    return socket.socket(family, kind, proto)


async def dial(rules: AddressRules, addresses: Sequence[str], port: int) -> socket.socket:
    """Connected to the first address that accepts. The caller sets the deadline. Raises the last failure.

    They are tried in order: the next one when one fails, or beside it when it stays silent.
    """
    if len(addresses) == 1:
        return await _dial_one(rules, addresses[0], port)
    rest = list(addresses)
    pending: set[asyncio.Task[socket.socket]] = set()
    won: socket.socket | None = None
    failure: BaseException = AddressRefusedError("no address to dial")
    try:
        while won is None and (rest or pending):
            if rest:
                pending.add(asyncio.create_task(_dial_one(rules, rest.pop(0), port)))
            done, pending = await asyncio.wait(
                pending, timeout=HEAD_START if rest else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                failure = attempt.exception() or failure
                if attempt.exception() is None:
                    _close(won)
                    won = attempt.result()
    finally:
        for attempt in pending:
            attempt.add_done_callback(_close_late)
            attempt.cancel()
    if won is None:
        raise failure
    return won


async def _dial_one(rules: AddressRules, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = open_socket(rules, (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)))
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _close_late(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _close(sock: socket.socket | None) -> None:
    if sock is not None:
        sock.close()
