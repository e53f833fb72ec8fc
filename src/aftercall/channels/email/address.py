"""Mail addresses as SMTP can carry them without the SMTPUTF8 extension: an ASCII local part, an ASCII domain."""

import re
from functools import lru_cache

from aftercall.net import url
from aftercall.net.errors import NetError

# RFC 5321, 4.5.3.1: a local part has at most 64 octets, a path 256 with its angle brackets.
MAX_LOCAL, MAX_ADDRESS = 64, 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")


@lru_cache(maxsize=4096)
def mailbox(text: str) -> str:
    """The address with its domain in ASCII (IDNA). Raises ValueError, whose message never repeats the address."""
    local, at, domain = text.strip().rpartition("@")
    if not at:
        raise ValueError("the address has no @")
    if not local.isascii():
        raise ValueError("the part before the @ has characters outside ASCII, which few mail servers take")
    if not _LOCAL.fullmatch(local) or len(local) > MAX_LOCAL:
        raise ValueError("the part before the @ is missing, too long or has a character that is not allowed")
    try:
        name, literal = url.host(domain)
    except NetError:
        raise ValueError("the part behind the @ is not a valid domain") from None
    if literal:
        raise ValueError("the part behind the @ is a number, not a domain")
    if len(address := f"{local}@{name}") > MAX_ADDRESS:
        raise ValueError(f"the address is longer than {MAX_ADDRESS} characters")
    return address
