"""The type `freeswitch`: fed by the connection it keeps and, if its settings say so, by mod_json_cdr's posts."""

import asyncio
import hmac
from base64 import b64decode

from aftercall.domain.account import Source
from aftercall.domain.errors import Conflict, Unauthenticated
from aftercall.engine.upstream import Lost, Parsed, Reply, Request, Upstream
from aftercall.net.errors import NetError
from aftercall.sources.freeswitch import records
from aftercall.sources.freeswitch.dialplan import Dialplan
from aftercall.sources.freeswitch.framing import Garbled
from aftercall.sources.freeswitch.reader import Reader, timing
from aftercall.sources.freeswitch.session import PATIENCE, Session
from aftercall.sources.freeswitch.socket import Socket, check

__all__ = ["check", "read", "reply", "run", "timing", "verify"]

reply = Reply()


def verify(source: Source, request: Request) -> None:
    """Posts need the source's secret, as the password or the bearer; without `cdr` all are refused."""
    if source.settings.get("cdr") is not True:
        raise Conflict("This source takes no requests: it is fed by its connection to the PBX.")
    if not hmac.compare_digest(_secret(request), source.token.encode()):
        raise Unauthenticated("The source's secret is needed, as the password of basic authentication.")


def _secret(request: Request) -> bytes:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip().encode()
    try:
        return b64decode(given, validate=True).partition(b":")[2] if scheme.lower() == "basic" else b""
    except ValueError:
        return b""


def read(source: Source, request: Request) -> Parsed:
    return records.parse(source, Dialplan.of(source), request.body, request.now)


async def run(source: Source, upstream: Upstream) -> None:
    """One connection to the PBX, from dialling until it ends. Raises Lost."""
    socket, dialplan = Socket.of(source), Dialplan.of(source)
    open_calls = await upstream.open_calls()
    try:
        reader, writer = await upstream.dial(socket.host, socket.port, tls=socket.tls, timeout=PATIENCE)
    except NetError as error:
        raise Lost(error.detail) from None
    try:
        events = Reader(source, dialplan, open_calls, every=socket.all_events)
        session = Session(reader, writer, upstream, events)
        await session.log_in(source.token, every=socket.all_events)
        await session.listen(open_calls)
    except Garbled as error:
        raise Lost(str(error)) from None
    except (OSError, asyncio.IncompleteReadError):
        raise Lost("the connection to the PBX broke") from None
    finally:
        writer.close()
