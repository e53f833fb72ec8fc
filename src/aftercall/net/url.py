"""A URL as users write it, read strictly and made ready to send. Pure: no look-ups here."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NoReturn
from urllib.parse import quote, urlsplit

import idna
import msgspec

from aftercall.net.errors import NetError

MAX_URL = 8192
_PRINTABLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
# Not urlsplit's own hostname and port: they let [::1]x and [v1.x] through.
_PLACE = re.compile(r"(?:\[(?P<six>[^\[\]@]+)\]|(?P<name>[^\[\]:@]*))(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# The last label decides (https://url.spec.whatwg.org/#ends-in-a-number-checker): 127.1, 0x7f.1, 2130706433.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Target(msgspec.Struct, frozen=True):
    """Where a request goes. `literal` is set when the host is an address, which needs no look-up.

    `authority` is the value of the Host header, `path` goes out as it is, with the query; connections are shared
    by requests to the same `origin`.
    """

    scheme: str
    host: str
    port: int
    literal: bool
    authority: str
    path: str
    origin: str


@lru_cache(maxsize=1024)
def parse(text: str) -> Target:
    """Read an http(s) URL or raise NetError("invalid_url").

    Path and query go out byte for byte as written, because a GET signs its raw query string; only characters
    outside ASCII are percent-encoded. The fragment stays at home. No message repeats the path or the query:
    they often hold tokens.
    """
    if len(text) > MAX_URL:
        _refuse(f"the URL is longer than {MAX_URL} characters")
    if _UNSAFE.search(text):
        _refuse("the URL holds a space, a control character or a backslash")
    try:
        parts = urlsplit(text)
    except ValueError:
        _refuse("the host cannot be read")
    if parts.scheme not in ("http", "https"):
        _refuse("the URL must start with https:// or http://")
    if "@" in parts.netloc:
        _refuse("a user name or password in the URL is not supported; use the authentication settings")
    place = _PLACE.fullmatch(parts.netloc)
    if place is None:
        _refuse("the host or the port cannot be read")
    usual = 443 if parts.scheme == "https" else 80
    port = int(place["port"] or usual)
    if not 0 < port < 65536:
        _refuse("the port must be between 1 and 65535")
    name, literal = (_ipv6(place["six"]), True) if place["six"] else host(place["name"])
    authority = (f"[{name}]" if ":" in name else name) + (f":{port}" if port != usual else "")
    path = quote(parts.path or "/", safe=_PRINTABLE_ASCII)
    query = "?" + quote(parts.query, safe=_PRINTABLE_ASCII) if parts.query else ""
    origin = f"{parts.scheme}://{authority}"
    return Target(parts.scheme, name, port, literal, authority, path + query, origin)


def host(text: str) -> tuple[str, bool]:
    """A host in its canonical form and whether it is an address, or raise NetError("invalid_url")."""
    if ":" in text or "%" in text:
        return _ipv6(text), True
    try:
        name = text if text.isascii() else _international(text)
    except ValueError:
        _refuse("the host is not a valid international name")
    name = name.lower().removesuffix(".")  # the dot of a fully qualified name
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name), True
    if len(name) > 253 or not all(_NAME.fullmatch(label) for label in labels):
        _refuse("the host is missing or not a valid name")
    return name, False


def _international(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode()
    except idna.IDNAError:  # names such as ☃.example, which the older standard allowed
        return text.encode("idna").decode()


def _ipv4(text: str) -> str:
    # 0x7f.1 and 2130706433 are 127.0.0.1 to some systems and a name to others: only one spelling passes.
    try:
        return str(ip_address(text))
    except ValueError:
        _refuse("an IPv4 address must be written as four decimal numbers, like 192.0.2.1")


def _ipv6(text: str) -> str:
    if "%" in text:
        _refuse("the host holds a percent sign; zone ids are not supported")
    try:
        return str(IPv6Address(text))
    except ValueError:
        _refuse("the host is not a valid IPv6 address")


def _refuse(why: str) -> NoReturn:
    raise NetError("invalid_url", why)
