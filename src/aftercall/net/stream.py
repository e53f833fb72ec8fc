"""A checked and pinned byte stream, for protocols other than HTTP."""

import asyncio
import ssl

from aftercall.net import url
from aftercall.net.address import AddressRules
from aftercall.net.connector import dial
from aftercall.net.resolve import CheckedResolver


async def connect(
    resolver: CheckedResolver, rules: AddressRules, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Dial the allowed addresses in turn. The caller sets the deadline and explains the errors."""
    name, literal = url.host(host)
    addresses = [name] if literal else await resolver.addresses(name, port)
    sock = await dial(rules, addresses, port)
    try:
        return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name if tls else None)
    except BaseException:
        sock.close()
        raise
