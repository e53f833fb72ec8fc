"""Secrets at rest: AES-256-GCM, bound to the row they stand in, so that none can be moved to another row."""

import hashlib
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class WrongKey(RuntimeError):
    """A stored secret cannot be read with the keys at hand."""


class Vault:
    """Seals with the first key, opens with any: to rotate, put a new one in front."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"the vault needs keys of {KEY_BYTES} bytes")
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self._current = key_id(keys[0])

    def seal(self, text: str, table: str, column: str, row_id: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), _place(table, column, row_id))
        return f"enc:v1:{self._current}:{_encode(nonce)}:{_encode(sealed)}"

    def open(self, sealed: str, table: str, column: str, row_id: str) -> str:
        try:
            scheme, version, key, nonce, text = sealed.split(":")
        except ValueError:
            raise WrongKey(f"{table} {row_id}: what stands in {column} is not a sealed secret") from None
        if (scheme, version) != ("enc", "v1") or key not in self._ciphers:
            known = ", ".join(self._ciphers)
            raise WrongKey(f"{table} {row_id}: sealed with key {key}; the keys at hand are {known}")
        try:
            place = _place(table, column, row_id)
            return self._ciphers[key].decrypt(_decode(nonce), _decode(text), place).decode()
        except (InvalidTag, ValueError):
            raise WrongKey(f"{table} {row_id}: what stands in {column} was altered or moved") from None


def key_id(key: bytes) -> str:
    """Names a key without telling it."""
    return hashlib.sha256(b"aftercall key id" + key).hexdigest()[:8]


def _place(table: str, column: str, row_id: str) -> bytes:
    return f"{table}|{column}|{row_id}".encode()


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
