"""The upstreams AfterCall understands, one file each. A new one is its file and its line here."""

from aftercall.engine.ports import SignedType, SourceType
from aftercall.sources import (
    elevenlabs,
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

SOURCES: dict[str, SourceType | SignedType] = {
    "http": http,
    "kamailio": kamailio,
    "telnyx": telnyx,
    "twilio": twilio,
    "livekit": livekit,
    "jambonz": jambonz,
    "plivo": plivo,
    "retell": retell,
    "elevenlabs": elevenlabs,
    "vapi": vapi,
}
