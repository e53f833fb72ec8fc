"""Who asks: API keys and source tokens, remembered for a few seconds so that a request costs no SQL."""

import binascii
import contextlib
import hmac
import time
from base64 import b64decode
from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import parse_qs

import msgspec

from aftercall.domain.account import ApiKey, Source
from aftercall.domain.errors import Forbidden, Unauthenticated
from aftercall.engine.keys import KeyUse, digest
from aftercall.engine.ports import Clock, Store

T = TypeVar("T")

Headers = Iterable[tuple[bytes, bytes]]

MAX_AGE = 5.0  # seconds until a revoked key is refused on other nodes, too
MAX_KNOWN = 10_000  # entries, bad guesses included
BEARER = b"bearer "
BASIC = b"basic "


class Recent(Generic[T]):
    """What was looked up in the last seconds, including what was not found."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, T | None]] = {}

    def get(self, key: str) -> tuple[T | None] | None:
        known = self._known.get(key)
        if known is None or known[0] < time.monotonic():
            return None
        return (known[1],)

    def put(self, key: str, value: T | None) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[key] = (time.monotonic() + MAX_AGE, value)

    def clear(self) -> None:
        self._known.clear()


class Access:
    """Finds the key or source behind a request, or says no."""

    def __init__(self, store: Store, clock: Clock, key_use: KeyUse) -> None:
        self._store, self._clock, self._key_use = store, clock, key_use
        self._keys: Recent[ApiKey] = Recent()
        self._sources: Recent[Source] = Recent()

    async def key(self, headers: Headers, scope: str | None) -> ApiKey:
        """The API key of a request. Raises Unauthenticated or Forbidden."""
        given = header(headers, b"authorization")
        if given is None or given[:7].lower() != BEARER:
            raise Unauthenticated
        id_ = digest(given[7:].strip().decode("latin-1"))
        known = self._keys.get(id_)
        if known is None:
            found = await self._store.find_key(id_)
            self._keys.put(id_, found)
        else:
            found = known[0]
        if found is None or found.revoked_at is not None:
            raise Unauthenticated
        if found.expires_at is not None and found.expires_at <= self._clock.now():
            raise Unauthenticated("This API key has expired.")
        if scope is not None and scope not in found.scopes:
            raise Forbidden(f"This API key lacks the scope {scope}.")
        self._key_use.note(found)
        return found

    async def find_source(self, source_id: str) -> Source | None:
        """The source a request is for. Nothing is known of its sender yet."""
        known = self._sources.get(source_id)
        if known is not None:
            return known[0]
        found = await self._store.find_source(source_id)
        self._sources.put(source_id, found)
        return found

    def check_token(self, found: Source | None, headers: Headers, query: bytes) -> Source:
        """The source, when the request knows its token. Raises Unauthenticated."""
        token = found.token if found is not None else ""
        # A source that is not there takes as long to refuse as a wrong token.
        matches = [hmac.compare_digest(given, token.encode()) for given in _tokens(headers, query)]
        if found is None or not token or not any(matches):
            raise Unauthenticated("The source's token is needed: Authorization: Bearer <token>.")
        return found

    def forget(self) -> None:
        """Keys or sources have changed on this node."""
        self._keys.clear()
        self._sources.clear()


def header(headers: Headers, name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None


class Caller(msgspec.Struct, frozen=True):
    """Whoever stands behind a request: the account is the key's, whatever else the request says."""

    account_id: str
    key_id: str
    name: str
    scopes: tuple[str, ...]


def _tokens(headers: Headers, query: bytes) -> Iterable[bytes]:
    """Every place a source may put its token in."""
    given = header(headers, b"authorization")
    if given is not None and given[:7].lower() == BEARER:
        yield given[7:].strip()
    elif given is not None and given[:6].lower() == BASIC:
        with contextlib.suppress(binascii.Error):
            yield b64decode(given[6:].strip(), validate=True).partition(b":")[2]
    if (own := header(headers, b"x-aftercall-token")) is not None:
        yield own
    if b"token=" in query:
        for value in parse_qs(query.decode("latin-1")).get("token", ()):
            yield value.partition("?")[0].encode()  # mod_json_cdr adds `?uuid=...` to any URL
