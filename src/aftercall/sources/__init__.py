"""The upstreams AfterCall understands, one file each. A new one is its file and its line here."""

from collections.abc import Callable

from aftercall.domain.account import Source
from aftercall.engine.upstream import Parsed, Request, SignedType, SourceType
from aftercall.sources import (
    elevenlabs,
    freeswitch_cdr,
    http,
    jambonz,
    kamailio,
    livekit,
    plivo,
    retell,
    telnyx,
    twilio,
    vapi,
)
from aftercall.sources.asterisk import live as asterisk
from aftercall.sources.freeswitch import live as freeswitch

SOURCES: dict[str, SourceType | SignedType] = {
    "http": http,
    "kamailio": kamailio,
    "asterisk": asterisk,
    "freeswitch": freeswitch,
    "freeswitch_cdr": freeswitch_cdr,
    "twilio": twilio,
    "vapi": vapi,
    "retell": retell,
    "elevenlabs": elevenlabs,
    "livekit": livekit,
    "telnyx": telnyx,
    "plivo": plivo,
    "jambonz": jambonz,
}


def reader(kind: SourceType | SignedType) -> Callable[[Source, Request], Parsed]:
    """How a type reads a request that has been verified."""
    if isinstance(kind, SignedType):
        return kind.read
    return lambda source, request: kind.parse(source, request.path, request.headers, request.body)
