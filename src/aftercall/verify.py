"""For receivers: is this request really from the AfterCall server that shares the secret?

Needs the standard library only, so that the file may also be copied into a receiver. How to use it and the
same in Node and PHP: docs/how-to/verify-signatures.md.
"""

import binascii
import hashlib
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime

__all__ = ["Unverified", "verify"]


class Unverified(Exception):
    """The request is not to be believed; the message says why and holds no secret."""


def verify(
    headers: Mapping[str, str],
    body: bytes | str,
    secret: str,
    *,
    tolerance: float = 300,
    now: datetime | float | None = None,
    standard_only: bool = False,
) -> None:
    """Return if the request is signed with `secret`, else raise Unverified.

    `body` is the raw body as it came over the wire, for GET the raw query string (without `?`); parsed and
    written again it would be other bytes. `secret` is the webhook's signing secret (`whsec_...`), or the
    value of its custom header where it has one. Either scheme will do: `webhook-signature` (Standard
    Webhooks) or `X-Webhook-Signature` (hex HMAC-SHA256 of the body), which protects neither id nor time;
    with `standard_only` it does not count. `tolerance` is how old, in seconds, the request may be; `now` is
    for tests. Raises ValueError for an empty secret, which everybody knows.
    """
    if not secret.removeprefix("whsec_"):
        raise ValueError("The secret is empty.")
    known = {name.lower(): value for name, value in headers.items()}
    raw = body.encode() if isinstance(body, str) else bytes(body)
    signatures, plain = known.get("webhook-signature"), known.get("x-webhook-signature")
    if signatures is None and (plain is None or standard_only):
        raise Unverified("The request has no signature.")
    if signatures is not None and _standard_matches(known, signatures, raw, secret):
        _check_age(known["webhook-timestamp"], tolerance, now)
        return
    if plain is not None and not standard_only and _plain_matches(plain, raw, secret):
        if "webhook-timestamp" in known:
            _check_age(known["webhook-timestamp"], tolerance, now)
        return
    raise Unverified("No signature of the request matches.")


def _standard_matches(known: Mapping[str, str], signatures: str, raw: bytes, secret: str) -> bool:
    """Whether one of the space-separated signatures is ours; while a secret is rotated there are several."""
    try:
        signed = f"{known['webhook-id']}.{known['webhook-timestamp']}.".encode() + raw
    except KeyError as missing:
        raise Unverified(f"The request has no {missing.args[0]} header.") from None
    expected = b"v1," + b64encode(hmac.digest(_key(secret), signed, hashlib.sha256))
    matches = False
    for signature in signatures.split(" "):
        matches |= hmac.compare_digest(expected, signature.encode(errors="replace"))
    return matches


def _plain_matches(plain: str, raw: bytes, secret: str) -> bool:
    expected = hmac.digest(secret.encode(), raw, hashlib.sha256).hex()
    return hmac.compare_digest(expected.encode(), plain.strip().lower().encode(errors="replace"))


def _key(secret: str) -> bytes:
    """The bytes behind `whsec_`; a secret that is no base64 stands for itself."""
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def _check_age(timestamp: str, tolerance: float, now: datetime | float | None) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
        raise Unverified("webhook-timestamp is not a number of seconds.")
    at = now.timestamp() if isinstance(now, datetime) else time.time() if now is None else now
    if abs(at - int(timestamp)) > tolerance:
        raise Unverified(f"The request was signed more than {tolerance:g} seconds before or after now.")
