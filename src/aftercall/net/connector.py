"""aiohttp's connection pool with our checks in it. A pooled connection was checked when it was dialled."""

import socket
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.connector import Connection

from aftercall.net import trip
from aftercall.net.address import AddressRules
from aftercall.net.errors import AddressRefusedError

if TYPE_CHECKING:
    from aiohttp import AddrInfoType, ClientRequest, ClientTimeout
    from aiohttp.tracing import Trace


def open_socket(rules: AddressRules, info: "AddrInfoType") -> socket.socket:
    """A socket for one address: the last look at it. Nothing is resolved after this."""
    family, kind, proto, _, address = info
    why = rules.check(str(address[0]))
    if why is not None:
        raise AddressRefusedError(f"the address may not be dialled ({why})")
    trip.enter("connecting")
    return socket.socket(family, kind, proto)


class Connector(aiohttp.TCPConnector):
    """Notes which address a request travels to, and drops pooled connections that are out of step."""

    async def connect(
        self, req: "ClientRequest", traces: "list[Trace]", timeout: "ClientTimeout"
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        journey = trip.current.get()
        if journey is None:
            return connection
        # A receiver may send bytes while a connection rests in the pool. They answer nothing, but aiohttp
        # would take them for the answer to this request. A fresh one is kept: dialling again would not help.
        while journey.phase in trip.UNDIALLED and connection.protocol and connection.protocol.should_close:
            connection.close()
            connection = await super().connect(req, traces, timeout)
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        journey.address = str(peer[0]) if peer else ""
        journey.phase = "waiting for the answer"
        return connection
