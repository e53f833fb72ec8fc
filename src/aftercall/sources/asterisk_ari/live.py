"""The type `asterisk_ari`: fed by the websocket it keeps, never by requests."""

from aftercall.domain.account import Source
from aftercall.engine.upstream import Lost, Upstream
from aftercall.net.errors import HungUpError, NetError
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.live import read, reply, unparsable, verify
from aftercall.sources.asterisk.reader import timing
from aftercall.sources.asterisk_ari.session import Session
from aftercall.sources.asterisk_ari.settings import Rest, check

__all__ = ["check", "read", "reply", "run", "timing", "unparsable", "verify"]


async def run(source: Source, upstream: Upstream) -> None:
    """One connection to the PBX, from dialling until it ends. Raises Lost."""
    session = Session(Rest.of(source), source.token, Dialplan.of(source), upstream)
    open_calls = await upstream.open_calls()
    try:
        await session.run(open_calls)
    except NetError as error:
        raise Lost(error.detail) from None
    except (OSError, HungUpError):
        raise Lost("the connection to the PBX broke") from None
