"""A webhook's secrets and headers: checked, masked, rotated with an overlap (W2, W5)."""

import re
import secrets
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import UNSET

from aftercall.domain.errors import Invalid
from aftercall.domain.signature import PREFIX
from aftercall.domain.webhook import Auth, OldSecret, Webhook
from aftercall.engine.setup import check_texts
from aftercall.engine.setup_form import AuthForm, WebhookForm

MASK = "••••"
OVERLAP = 86_400  # seconds in which a rotated secret still signs (W5)
# What every request carries by itself, and what belongs to the connection (RFC 9110, 7.6.1).
OWN_HEADERS = frozenset({
    "content-type", "content-length", "user-agent", "host", "connection", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
    "accept-encoding", "x-webhook-signature",
})  # fmt: skip
OWN_PREFIXES = ("webhook-", "x-aftercall-")
SECRET_NAMES = re.compile(r"auth|token|key|secret|cookie|password|signature", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def new_secret() -> str:
    """A signing secret as the Standard Webhooks libraries expect it."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def check_header(name: str, value: str, field: str) -> None:
    """A header that may be sent with every request. Raises Invalid."""
    if not _TOKEN.fullmatch(name):
        raise Invalid.field(field, "is not a valid header name")
    low = name.casefold()
    if low in OWN_HEADERS or low.startswith(OWN_PREFIXES):
        raise Invalid.field(field, f"{name} is set by AfterCall itself")
    if not _VALUE.fullmatch(value):
        raise Invalid.field(field, "a header's value must be printable ASCII without line breaks")


def read_headers(asked: dict[str, str], stored: dict[str, str]) -> dict[str, str]:
    """The extra headers; a masked value that comes back unchanged means the stored one."""
    made: dict[str, str] = {}
    for name, value in asked.items():
        kept = stored[name] if value == MASK and name in stored else value
        check_header(name, kept, f"headers.{name[:100]}")
        made[name] = kept
    if len({name.casefold() for name in made}) < len(made):
        raise Invalid.field("headers", "a header is given twice")
    return made


def read_secrets(form: WebhookForm, webhook: Webhook, now: datetime) -> dict[str, Any]:
    """New secrets, with what they replace kept for the overlap (W5)."""
    overlap = OVERLAP if form.overlap_seconds is UNSET else form.overlap_seconds
    until = now + timedelta(seconds=overlap)
    made: dict[str, Any] = {}
    if form.rotate_signing_secret is True:
        made["old_secrets"] = _retired(webhook.old_secrets, webhook.signing_secret, until, now)
        made["signing_secret"] = new_secret()
    if form.auth is UNSET:
        return made
    made["auth"] = auth = _auth(form.auth or AuthForm(), webhook.auth)
    old = webhook.auth
    if auth.type == old.type and old.secret and old.secret != auth.secret:
        made["old_auth_secrets"] = _retired(webhook.old_auth_secrets, old.secret, until, now)
    elif auth.type != old.type:
        made["old_auth_secrets"] = ()
    return made


def _retired(
    old: tuple[OldSecret, ...], secret: str, until: datetime, now: datetime
) -> tuple[OldSecret, ...]:
    kept = [o for o in old if o.until > now]
    return tuple([OldSecret(secret, until), *kept][:5]) if until > now else tuple(kept[:5])


def _auth(form: AuthForm, stored: Auth) -> Auth:
    """What the form means; masked values that come back unchanged stand for the stored ones."""
    kind = form.type or _auth_type(form)
    keep = stored if stored.type == kind else Auth()
    if kind == "basic":
        username, password = form.username or "", _unmasked(form.password, keep.password) or ""
        if not username or ":" in username:  # RFC 7617, 2
            raise Invalid.field("auth.username", "is required, without a colon")
        check_texts(**{"auth.username": username, "auth.password": password})
        return Auth(type="basic", username=username, password=password)
    if kind == "header":
        header, secret = form.header or keep.header, _unmasked(form.secret, keep.secret)
        if not header or not secret:
            raise Invalid.field("auth.secret" if header else "auth.header", "is required for a custom header")
        check_header(header, secret, "auth.secret" if _TOKEN.fullmatch(header) else "auth.header")
        return Auth(type="header", header=header, secret=secret)
    if kind == "bearer":
        token = _unmasked(form.token or form.secret, keep.secret)
        if not token or not _VALUE.fullmatch(token) or " " in token:
            raise Invalid.field("auth.token", "is required: printable ASCII without spaces")
        return Auth(type="bearer", secret=token)
    return Auth()


def _auth_type(form: AuthForm) -> Literal["none", "basic", "header", "bearer"]:
    if form.header is not None:
        return "header"
    if form.username is not None:
        return "basic"
    if form.token is not None:
        return "bearer"
    if form.secret is not None or form.password is not None:
        raise Invalid.field("auth", "say how: header and secret, username and password, or token")
    return "none"


def _unmasked(value: str | None, stored: str | None) -> str | None:
    return stored if value == MASK else value
