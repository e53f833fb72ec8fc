"""Signatures: Standard Webhooks, and the plain HMAC that older receivers check (W5).

Specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from datetime import datetime
from functools import lru_cache

from aftercall.domain.webhook import Webhook

PREFIX = "whsec_"


def sign(webhook: Webhook, message_id: str, now: datetime, signed: bytes) -> dict[str, str]:
    """The signature headers of one attempt at `now`.

    `signed` is the raw body, for GET the raw query string. While a secret is being rotated,
    `webhook-signature` carries one signature for each secret that is still valid, the current one first.
    """
    timestamp = str(int(now.timestamp()))
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp}
    if webhook.signing_secret:
        content = f"{message_id}.{timestamp}.".encode() + signed
        secrets = [webhook.signing_secret, *(old.secret for old in webhook.old_secrets if old.until > now)]
        headers["webhook-signature"] = " ".join([standard(secret, content) for secret in secrets])
    plain = plain_secret(webhook)
    if plain:
        headers["X-Webhook-Signature"] = hmac.digest(plain.encode(), signed, "sha256").hex()
    return headers


def plain_secret(webhook: Webhook) -> str:
    """The secret of `X-Webhook-Signature`: receivers of a custom header check both with the one value."""
    if webhook.auth.type == "header" and webhook.auth.secret:
        return webhook.auth.secret
    return webhook.signing_secret


def standard(secret: str, content: bytes) -> str:
    """One Standard Webhooks signature of `id.timestamp.body`."""
    return "v1," + b64encode(hmac.digest(key(secret), content, "sha256")).decode()


@lru_cache(maxsize=4096)
def key(secret: str) -> bytes:
    """The bytes behind `whsec_`; a secret that is no base64 stands for itself."""
    try:
        return b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
