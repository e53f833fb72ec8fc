"""JSON web tokens signed with a shared secret (HS256, RFC 7519): made, taken apart, compared, their times judged."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

import msgspec

from aftercall.domain.errors import Unreadable
from aftercall.engine.reading import decode
from aftercall.engine.signing import MISSING, OLD, refuse
from aftercall.engine.taking import Object, inner, number

LEEWAY = 60.0  # seconds by which clocks may differ


class Token(msgspec.Struct, frozen=True):
    """A token that claims to be signed; nothing is known of its signature yet."""

    said: bytes
    claims: Object
    signature: bytes

    def signed_with_one(self, secrets: Iterable[bytes]) -> bool:
        """Whether one of the secrets made the signature. All of them are tried, each in constant time."""
        same = [self.signed_with(secret) for secret in secrets]
        return any(same)

    def signed_with(self, secret: bytes) -> bool:
        return hmac.compare_digest(hmac.new(secret, self.said, sha256).digest(), self.signature)


def token(text: bytes) -> Token:
    """Raises Unauthenticated for what is no token, or one of another algorithm (`none`, say)."""
    said, dot, signature = text.strip().rpartition(b".")
    head, _, claimed = said.partition(b".")
    if not dot or _part(head).get("alg") != "HS256":
        refuse(MISSING)
    return Token(said, _part(claimed), _bytes(signature))


def made(claims: Object, secret: bytes) -> str:
    """A token of these claims."""
    said = b".".join(_encoded(msgspec.json.encode(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return b".".join((said, _encoded(hmac.new(secret, said, sha256).digest()))).decode()


def bearer(header: str | None) -> bytes:
    """The token of an Authorization header, with or without the word Bearer."""
    given = header or ""
    return (given[7:] if given[:7].lower() == "bearer " else given).encode("latin-1", "replace")


def check_times(claims: Object, now: datetime, longest: float | None = None) -> None:
    """Raise Unauthenticated for a token that is not valid now: by `exp` and `nbf`, and by `iat` where it must be
    no older than `longest` seconds.
    """
    at = now.timestamp()
    until, since, made = (number(claims.get(name)) for name in ("exp", "nbf", "iat"))
    if until is not None and at > until + LEEWAY:
        refuse(OLD)
    if since is not None and at < since - LEEWAY:
        refuse(OLD)
    if longest is not None and until is None and (made is None or not -LEEWAY <= at - made <= longest):
        refuse(OLD)


def _part(encoded: bytes) -> Object:
    try:
        return inner(decode(_bytes(encoded)))
    except Unreadable:
        return {}


def _encoded(said: bytes) -> bytes:
    return urlsafe_b64encode(said).rstrip(b"=")


def _bytes(encoded: bytes) -> bytes:
    try:
        return urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
    except ValueError:
        return b""
