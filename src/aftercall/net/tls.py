"""The one TLS configuration for everything that leaves: valid chain, right name, TLS 1.2 or newer."""

import ssl
from typing import Any

from aftercall.net.trip import enter


class NotingContext(ssl.SSLContext):
    """Both event loops begin a handshake with wrap_bio: the only sign that TCP stands and TLS begins."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        enter("negotiating TLS")
        return super().wrap_bio(*args, **kwargs)


def tls_context(ca_file: str | None, *protocols: str) -> ssl.SSLContext:
    """Trusts the system's CAs and those of `ca_file`. Reads files: call it at start. Raises ValueError.

    `protocols` are offered with ALPN. None for mail: some mail servers refuse a client that offers another.
    """
    context = NotingContext(ssl.PROTOCOL_TLS_CLIENT)  # checks chain and name unless told otherwise
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    if protocols:
        context.set_alpn_protocols(protocols)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as exc:  # ssl.SSLError is one
            why = f"the CA file {ca_file} cannot be read as PEM certificates ({exc.strerror})"
            raise ValueError(why) from exc
    return context
