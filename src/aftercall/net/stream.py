"""A checked and pinned byte stream, for protocols other than HTTP."""

import asyncio
import socket
import ssl

from aftercall.net import url
from aftercall.net.address import AddressRules
from aftercall.net.connector import open_socket
from aftercall.net.errors import AddressRefusedError
from aftercall.net.resolve import CheckedResolver

PATIENCE = 2.0


async def connect(
    resolver: CheckedResolver, rules: AddressRules, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Dial the allowed addresses in turn. The caller sets the deadline and explains the errors."""
    name, literal = url.host(host)
    addresses = [name] if literal else await resolver.addresses(name, port)
    sock = await _dial(rules, addresses, port)
    try:
        return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name if tls else None)
    except BaseException:
        sock.close()
        raise


async def _dial(rules: AddressRules, addresses: list[str], port: int) -> socket.socket:
    failure: OSError = AddressRefusedError("no address to dial")
    for address in addresses:
        last = address == addresses[-1]
        try:
            # A silent first address must not use up the deadline of the second.
            async with asyncio.timeout(None if last else PATIENCE):
                return await _dial_one(rules, address, port)
        except OSError as exc:  # TimeoutError is one
            failure = exc
    raise failure


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
