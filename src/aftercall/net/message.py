"""A request and its answer, and what may stand in their headers. Pure."""

import re
from functools import lru_cache

import aiohttp
import msgspec
from multidict import CIMultiDict

from aftercall.net.errors import NetError

METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))
MAX_HEADERS = 50
MAX_HEADER_BYTES = 8192

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
# They say where the message goes and where it ends: the door writes them itself.
_FRAMING = frozenset(("connection", "content-length", "expect", "keep-alive", "te", "trailer", "upgrade"))
_OURS = _FRAMING | {"host", "transfer-encoding"}


class Request(msgspec.Struct, frozen=True):
    """`timeout` in seconds covers everything: look-up, connection, TLS, sending, headers and body."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout: float = 5.0
    body_cap: int = 16_384


class Response(msgspec.Struct, frozen=True):
    """Any answer, redirects and errors included. The body is raw: capped, never decompressed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    elapsed: float
    address: str


def request_headers(request: Request) -> CIMultiDict[str]:
    """The headers as given, or NetError("invalid_request"). No message repeats a value."""
    if request.method not in METHODS:
        raise NetError("invalid_request", f"the method must be one of {', '.join(sorted(METHODS))}")
    for name, value in request.headers:
        why = _name_refused(name)
        if why is not None:
            raise NetError("invalid_request", why)
        # isprintable is one fast scan; only a tab or something odd needs the second look.
        if not value.isprintable() and _FORBIDDEN.search(value):
            raise NetError("invalid_request", f"the value of header {name} holds a control character")
    return CIMultiDict(request.headers)


@lru_cache(maxsize=512)
def _name_refused(name: str) -> str | None:
    if not _TOKEN.fullmatch(name):
        return "a header name holds a character that is not allowed there"
    if name.lower() in _OURS:
        return f"header {name} is written by the sender itself"
    return None


def answer_headers(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    """The first headers, up to a number and a size that a log can hold."""
    kept: list[tuple[str, str]] = []
    room = MAX_HEADER_BYTES
    for name, value in response.headers.items():
        room -= len(name) + len(value)
        if room < 0 or len(kept) == MAX_HEADERS:
            break
        # str(): aiohttp's names are of a kind of its own, which nobody can encode.
        kept.append((str(name), value if value.isascii() else _readable(value)))
    return tuple(kept)


def _readable(value: str) -> str:
    """aiohttp hides bytes that are not UTF-8 in lone surrogates, which no JSON or database takes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
