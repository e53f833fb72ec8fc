"""The one error that leaves the door, and how every failure below becomes it.

Details are for people. They name hosts and reasons, never a path, a query, a header or a byte of an answer:
those hold secrets.
"""

import asyncio
import errno
import os
import socket
import ssl
from typing import Literal

Code = Literal[
    "invalid_url",
    "invalid_request",
    "dns",
    "address_refused",
    "connect",
    "tls",
    "timeout",
    "protocol",
    "closed",
]

Phase = Literal[
    "waiting for a free connection",
    "looking up the host name",
    "connecting",
    "negotiating TLS",
    "sending the request",
    "waiting for the answer",
    "reading the body",
]


class NetError(Exception):
    """A request that got no complete answer.

    `sent` is False when not one byte of the request can have reached the receiver: then a repeat is harmless
    even for a message that must not arrive twice. `elapsed` is in seconds.
    """

    def __init__(self, code: Code, detail: str, *, elapsed: float = 0.0, sent: bool = False) -> None:
        super().__init__(code, detail)
        self.code: Code = code
        self.detail = detail
        self.elapsed = elapsed
        self.sent = sent

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class AddressRefusedError(OSError):
    """An OSError, because it takes the place of the refusal that dialling would have met."""


class AnswerError(Exception):
    """The answer breaks the rules; the message says how, without a byte of it."""


class HungUpError(Exception):
    """The receiver ended the connection before its answer was complete."""


def explain(exc: BaseException, phase: Phase) -> tuple[Code, str]:
    """The code and the detail for whatever came up through asyncio, the TLS library or the parser."""
    match exc:
        case AddressRefusedError():
            return "address_refused", str(exc)
        case socket.gaierror():
            return "dns", _dns_reason(exc)
        case ssl.SSLError():
            return "tls", _tls_reason(exc)
        case AnswerError():
            return "protocol", str(exc)
        case HungUpError():
            return "protocol", f"the receiver closed the connection while {phase}"
        case OSError():
            return _os_reason(exc, phase)
        case _:
            return "protocol", f"unexpected {type(exc).__name__} while {phase}"


def _dns_reason(exc: socket.gaierror) -> str:
    if exc.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
        return "the host name does not exist or has no address"
    if exc.errno == socket.EAI_AGAIN:
        return "the name server did not answer"
    return f"the host name cannot be looked up ({exc.strerror})"


# OpenSSL's X509_V_ERR_ numbers: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_CERTIFICATE = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate chain ends in a self-signed certificate that is not trusted",
    20: "the certificate's issuer is not trusted, or an intermediate certificate is missing",
    21: "the certificate's issuer is not trusted, or an intermediate certificate is missing",
    62: "the certificate is for another host name",
    64: "the certificate is for another address",
}


def _tls_reason(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(exc.verify_code, f"the certificate is refused: {exc.verify_message}")
    reason = (exc.reason or "").replace("_", " ").lower()
    if "wrong version number" in reason or "record layer failure" in reason or "http request" in reason:
        return "the receiver does not speak TLS on this port"
    if "protocol version" in reason or "unsupported protocol" in reason:
        return "the receiver does not offer TLS 1.2 or newer"
    return f"the TLS handshake failed ({reason or 'no reason given'})"


def _os_reason(exc: OSError, phase: Phase) -> tuple[Code, str]:
    if exc.errno in (errno.EMFILE, errno.ENFILE):
        return "connect", "this machine has no free file descriptor; raise the open-files limit"
    if phase == "negotiating TLS":
        return "tls", "the receiver closed the connection during the TLS handshake"
    why = os.strerror(exc.errno).lower() if exc.errno else "closed"
    if phase in ("sending the request", "waiting for the answer", "reading the body"):
        return "protocol", f"the connection broke while {phase} ({why})"
    return "connect", f"the connection was not accepted ({why})"


def is_deadline(exc: BaseException) -> bool:
    """True for our own deadline; an operating system's ETIMEDOUT is also a TimeoutError but has a number."""
    return isinstance(exc, asyncio.TimeoutError) and not getattr(exc, "errno", None)
