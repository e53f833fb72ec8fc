"""The upstreams AfterCall understands, one file each. A new one is its file and its line here."""

from aftercall.engine.upstream import SignedType, SourceType
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

SOURCES: dict[str, SourceType | SignedType] = {
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
}
