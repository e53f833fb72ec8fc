"""The type `asterisk`: fed by the connection it keeps, never by requests."""

import asyncio

from aftercall.domain.account import Source
from aftercall.domain.errors import Conflict
from aftercall.engine.upstream import Lost, Parsed, Reply, Request, Unparsable, Upstream
from aftercall.net.errors import NetError
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.manager import Manager, check
from aftercall.sources.asterisk.reader import timing
from aftercall.sources.asterisk.session import PATIENCE, Session

__all__ = ["check", "read", "reply", "run", "timing", "unparsable", "verify"]

reply = Reply()
unparsable: Unparsable = "refuse"


def verify(source: Source, request: Request) -> None:  # noqa: ARG001  # the port's signature
    """Refuse whoever asks, before anything is compared with the PBX's password."""
    raise Conflict("This source takes no requests: it is fed by its connection to the PBX.")


def read(source: Source, request: Request) -> Parsed:  # noqa: ARG001  # the port's signature
    return Parsed()


async def run(source: Source, upstream: Upstream) -> None:
    """One connection to the PBX, from dialling until it ends. Raises Lost."""
    manager, dialplan = Manager.of(source), Dialplan.of(source)
    open_calls = await upstream.open_calls()
    try:
        reader, writer = await upstream.dial(manager.host, manager.at, tls=manager.tls, timeout=PATIENCE)
    except NetError as error:
        raise Lost(error.detail) from None
    try:
        session = Session(reader, writer, upstream, dialplan, open_calls)
        await session.log_in(manager.username, source.token, plain=manager.tls)
        await session.listen()
    except (OSError, asyncio.IncompleteReadError):
        raise Lost("the connection to the PBX broke") from None
    finally:
        writer.close()
