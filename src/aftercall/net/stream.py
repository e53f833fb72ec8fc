"""A checked and pinned byte stream, for protocols other than HTTP."""

import asyncio
import socket
import ssl

from aftercall.net import url
from aftercall.net.address import AddressRules
from aftercall.net.connector import dial
from aftercall.net.resolve import CheckedResolver


async def connect(
    resolver: CheckedResolver, rules: AddressRules, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Dial the allowed addresses in turn. The caller sets the deadline and explains the errors."""
    name, _ = url.host(host)
    sock = await connected(resolver, rules, name, port)
    try:
        return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name if tls else None)
    except BaseException:
        sock.close()
        raise


async def connected(resolver: CheckedResolver, rules: AddressRules, host: str, port: int) -> socket.socket:
    """A socket without a transport yet."""
    name, literal = url.host(host)
    addresses = [name] if literal else await resolver.addresses(name, port)
    return await dial(rules, addresses, port)
