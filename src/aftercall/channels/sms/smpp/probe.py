"""Tries a login: one bind, and good-bye."""

from asyncio import StreamReader, StreamWriter

from aftercall.channels.sms.smpp.pdu import Pdu
from aftercall.channels.sms.smpp.session import Session
from aftercall.channels.sms.smpp.settings import Settings
from aftercall.engine.upstream import Dial, Lost
from aftercall.net.errors import NetError

DIALLING = 10.0  # seconds for connecting


async def dialled(settings: Settings, dial: Dial) -> tuple[StreamReader, StreamWriter]:
    """The streams of a new connection. Raises Lost."""
    try:
        return await dial(settings.host, settings.port, tls=settings.tls, timeout=DIALLING)
    except NetError as error:
        raise Lost(error.detail) from None


async def probe(settings: Settings, dial: Dial) -> str:
    """That it works. Raises Lost. What the SMSC delivers meanwhile, it is to deliver again."""
    reader, writer = await dialled(settings, dial)
    session = Session(settings, reader, writer, _no_room, _ignore)
    try:
        await session.open()
    finally:
        await session.close()
    return f"the SMSC accepts the login, as {settings.bind}"


def _no_room(_: Pdu) -> bool:
    return False


def _ignore(_: str, __: Pdu) -> None:
    """Nothing was submitted."""
