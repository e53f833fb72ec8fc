"""A request and its answer, and what may stand in their headers. Pure."""

import re
from functools import lru_cache

import msgspec

from aftercall.net.errors import NetError
from aftercall.net.url import Target

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


def request_head(request: Request, target: Target) -> bytes:
    """What goes out before the body, or NetError("invalid_request"). No message repeats a value."""
    method = request.method
    if method not in METHODS:
        raise NetError("invalid_request", f"the method must be one of {', '.join(sorted(METHODS))}")
    lines = [f"{method} {target.path} HTTP/1.1\r\nHost: {target.authority}\r\n"]
    for name, value in request.headers:
        why = _name_refused(name)
        if why is not None:
            raise NetError("invalid_request", why)
        # isprintable is one fast scan; only a tab or something odd needs the second look.
        if not value.isprintable() and _FORBIDDEN.search(value):
            raise NetError("invalid_request", f"the value of header {name} holds a control character")
        lines.append(f"{name}: {value}\r\n")
    body = request.body
    # A GET without a body needs no length; with the other methods some servers insist on one (RFC 9110, 8.6).
    lines.append(f"Content-Length: {len(body)}\r\n\r\n" if body or method != "GET" else "\r\n")
    return "".join(lines).encode()


@lru_cache(maxsize=512)
def _name_refused(name: str) -> str | None:
    if not _TOKEN.fullmatch(name):
        return "a header name holds a character that is not allowed there"
    if name.lower() in _OURS:
        return f"header {name} is written by the sender itself"
    return None
