"""How vendors sign the requests they send us, whatever those tell: calls, receipts, texts (B6, B12, S6).

Each function raises Unauthenticated unless one of the secrets made the signature; each secret is tried.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import new, sha1, sha256
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from aftercall.domain.errors import Unreadable
from aftercall.engine import jwt
from aftercall.engine.signing import MISSING, WRONG, check, check_age, fields, refuse, stamp
from aftercall.engine.taking import form
from aftercall.engine.upstream import Request

MAX_AGE = 300.0  # seconds, where the scheme has a time

SigMethod = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]
_UNDERLINED = str.maketrans("&=", "__")

# twilio-python 9.13, request_validator.py: the header names the scheme where the secret is a SharedKey's.
TWILIO_SETTINGS = "x-twilio-webhooks-signature-settings"
TWILIO_ALGORITHMS = {"HMAC_SHA1": sha1, "HMAC_SHA256": sha256}


def twilio(secrets: Sequence[bytes], request: Request) -> None:
    """Base64 of the HMAC over the URL and the sorted form; for JSON over the URL, which holds the body's hash."""
    given = request.headers.get("x-twilio-signature")
    said = fields(request.headers.get(TWILIO_SETTINGS)).get("algorithm", ["HMAC_SHA1"])[-1].upper()
    algorithm = TWILIO_ALGORITHMS.get(said)
    if given is None or algorithm is None:
        refuse(MISSING)
    signed = ""
    hashed = dict(parse_qsl(request.query)).get("bodySHA256")
    if hashed is not None and not _is_form(request):
        if not hmac.compare_digest(sha256(request.body).hexdigest().encode(), hashed.encode()):
            refuse(WRONG)
    else:
        signed = "".join(name + value for name, value in sorted(set(_form(request.body))))
    urls = _with_and_without_port(request.url)

    def sign(secret: bytes) -> Iterable[str]:
        for url in urls:
            yield b64encode(hmac.new(secret, (url + signed).encode(), algorithm).digest()).decode()

    check(secrets, [given], sign)


def plivo(secrets: Sequence[bytes], request: Request) -> None:
    """V3, over the URL, the sorted query, the sorted form, and a nonce (SDK: signature_v3.py)."""
    _plivo(secrets, request, "v3", f"{_as_plivo_signs(request.url, _form(request.body))}.")


def plivo_of_texts(secrets: Sequence[bytes], request: Request) -> None:
    """V2, over the URL without its query, and a nonce. It says nothing of the fields.

    https://docs.plivo.com/docs/messaging/concepts/signature-validation
    """
    _plivo(secrets, request, "v2", request.url.partition("?")[0])


def _plivo(secrets: Sequence[bytes], request: Request, version: str, signed: str) -> None:
    """Base64 of an HMAC; there are two, with the tokens of the account and of the main account."""
    headers = request.headers
    nonce = headers.get(f"x-plivo-signature-{version}-nonce")
    given = [headers.get(f"x-plivo-signature-{name}{version}", "") for name in ("", "ma-")]
    offered = [one.strip() for header in given for one in header.split(",") if one.strip()]
    if nonce is None:
        refuse(MISSING)
    said = (signed + nonce).encode()

    def sign(secret: bytes) -> Iterable[str]:
        yield b64encode(hmac.new(secret, said, sha256).digest()).decode()

    check(secrets, offered, sign)


def telnyx(secrets: Sequence[bytes], request: Request) -> None:
    """Ed25519 over `timestamp|body`. The secret is the account's public key, in base64."""
    given, at = request.headers.get("telnyx-signature-ed25519"), request.headers.get("telnyx-timestamp")
    if given is None:
        refuse(MISSING)
    check_age(stamp(at), request.now, MAX_AGE)
    said = f"{at}|".encode() + request.body
    if not any(_signed_with_private_key(public, given, said) for public in secrets):
        refuse(WRONG)


def vonage(secrets: Sequence[bytes], request: Request) -> None:
    """A JWT (HS256) that holds the body's hash. The secret is the account's signature secret."""
    token = jwt.token(jwt.bearer(request.headers.get("authorization")))
    signed = token.signed_with_one(secrets)
    body = sha256(request.body).hexdigest()
    if not signed or not hmac.compare_digest(str(token.claims.get("payload_hash")).encode(), body.encode()):
        refuse(WRONG)
    jwt.check_times(token.claims, request.now, MAX_AGE)


def vonage_parameters(
    secrets: Sequence[bytes], fields: Mapping[str, str], method: SigMethod, now: datetime
) -> None:
    """The parameter `sig` of the SMS API's callbacks: over the other parameters, sorted, with their time.

    https://developer.vonage.com/en/getting-started/concepts/signing-messages; SDK: vonage-jwt, check_signature
    """
    given = fields.get("sig", "").casefold()
    check_age(stamp(fields.get("timestamp")), now, MAX_AGE)
    pairs = sorted((name, value) for name, value in fields.items() if name != "sig")
    said = "".join(f"&{name}={value.translate(_UNDERLINED)}" for name, value in pairs).encode()

    def sign(secret: bytes) -> Iterable[str]:
        if method == "md5hash":  # what accounts have unless they chose another
            yield new("md5", said + secret, usedforsecurity=False).hexdigest()
        else:
            yield hmac.new(secret, said, method).hexdigest()

    check(secrets, [given] if given else [], sign)


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return form(body)
    except Unreadable:
        refuse(WRONG)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _with_and_without_port(url: str) -> tuple[str, str]:
    """Twilio signs sometimes the one, sometimes the other."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    there = f"{host}:{port}"
    return url.replace(parts.netloc, host, 1), url.replace(parts.netloc, there, 1)


def _as_plivo_signs(url: str, fields: list[tuple[str, str]]) -> str:
    """With a form there is always a question mark; between a query and a form stands a dot."""
    base, _, query = url.partition("?")
    pairs = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(query, keep_blank_values=True)))
    made = f"{base}?{pairs}" if pairs or fields else base
    dot = "." if pairs and fields else ""
    return made + dot + "".join(name + value for name, value in sorted(fields))


def _signed_with_private_key(public: bytes, given: str, said: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(public)).verify(b64decode(given, validate=True), said)
    except (InvalidSignature, ValueError):
        return False
    return True
