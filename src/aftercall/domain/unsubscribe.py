"""The token in a mail's unsubscribe link (S5, S7): it names the mail, and nobody but us can make one.

It holds ids only. Whose address it is, the delivery knows.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable

import msgspec

_TOKEN = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{22})")
MAC_BYTES = 16  # half of SHA-256, as RFC 2104 (5) allows at the least


class Unsubscription(msgspec.Struct, frozen=True):
    """The recipient of this mail wants no more."""

    account_id: str
    delivery_id: str


def sign(account_id: str, delivery_id: str, key: bytes) -> str:
    """A token for URLs. It has no end: a link must work as long as somebody keeps the mail."""
    return f"{account_id}.{delivery_id}.{_mac(account_id, delivery_id, key)}"


def read(token: str, keys: Iterable[bytes]) -> Unsubscription | None:
    """What it says, if it was signed with one of `keys`; None for any other text."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    account_id, delivery_id, given = found.groups()
    if any(hmac.compare_digest(_mac(account_id, delivery_id, key), given) for key in keys):
        return Unsubscription(account_id, delivery_id)
    return None


def _mac(account_id: str, delivery_id: str, key: bytes) -> str:
    signed = f"unsubscribe\n{account_id}\n{delivery_id}".encode()
    return urlsafe_b64encode(hmac.digest(key, signed, "sha256")[:MAC_BYTES]).rstrip(b"=").decode()
