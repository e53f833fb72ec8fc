"""The upstreams AfterCall understands, one file each. A new one is its file and its line here."""

from aftercall.engine.ports import SignedType, SourceType
from aftercall.sources import http, kamailio

SOURCES: dict[str, SourceType | SignedType] = {
    "http": http,
    "kamailio": kamailio,
}
