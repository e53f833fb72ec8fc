"""The upstreams AfterCall understands, one file each. A new one is its file and its line here."""

from collections.abc import Callable

from aftercall.domain.account import Source
from aftercall.engine.upstream import Parsed, Request, RequestType, SourceType
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
from aftercall.sources.asterisk_ari import live as asterisk_ari
from aftercall.sources.freeswitch import live as freeswitch
from aftercall.sources.mapped.presets.acefone import acefone
from aftercall.sources.mapped.presets.aircall import aircall
from aftercall.sources.mapped.presets.bare import mapped
from aftercall.sources.mapped.presets.dialpad import dialpad
from aftercall.sources.mapped.presets.exotel import exotel
from aftercall.sources.mapped.presets.myoperator import myoperator
from aftercall.sources.mapped.presets.ringcentral import ringcentral
from aftercall.sources.mapped.presets.vonage import vonage

SOURCES: dict[str, SourceType | RequestType] = {
    "http": http,
    "kamailio": kamailio,
    "asterisk": asterisk,
    "asterisk_ari": asterisk_ari,
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
    "mapped": mapped,
    "acefone": acefone,
    "exotel": exotel,
    "aircall": aircall,
    "dialpad": dialpad,
    "ringcentral": ringcentral,
    "myoperator": myoperator,
    "vonage": vonage,
}


def reader(kind: SourceType | RequestType) -> Callable[[Source, Request], Parsed]:
    """How a type reads a request whose sender is known."""
    if isinstance(kind, RequestType):
        return kind.read
    return lambda source, request: kind.parse(source, request.path, request.headers, request.body)
