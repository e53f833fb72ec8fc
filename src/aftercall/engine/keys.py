"""API keys: made here, shown once, stored as a SHA-256 only (D1; promise 9)."""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from aftercall.domain.account import SCOPES, ApiKey
from aftercall.domain.errors import Invalid, Unavailable
from aftercall.engine.ids import new_id
from aftercall.engine.ports import Clock, Store

PREFIX = "ac_live_"
ALL_SCOPES: tuple[str, ...] = (*SCOPES, "accounts:write")
_KEY = re.compile(r"[\x21-\x7e]{8,200}")  # what fits in a header; ours are far longer


class KeyUse:
    """When each key was last used: noted in memory, written down now and then, exact to that."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._used: set[tuple[str, str]] = set()

    def note(self, key: ApiKey) -> None:
        self._used.add((key.account_id, key.id))

    async def write(self) -> None:
        used, self._used = self._used, set()
        if not used:
            return
        try:
            await self._store.use_keys(sorted(used), self._clock.now())
        except Unavailable:
            self._used |= used
            raise


def make_key(
    account_id: str, name: str, scopes: Iterable[str], now: datetime, expires_at: datetime | None = None
) -> tuple[str, ApiKey]:
    """A new key and what is stored of it. 43 characters of base64 are 256 random bits."""
    plaintext = PREFIX + secrets.token_urlsafe(32)
    return plaintext, preset_key(plaintext, account_id, name, scopes, now, expires_at)


def preset_key(
    plaintext: str,
    account_id: str,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None = None,
) -> ApiKey:
    """What is stored of a key that the operator brings along. Raises Invalid when it is too short."""
    if not _KEY.fullmatch(plaintext):
        raise Invalid.field("key", "must be 8 to 200 printable ASCII characters without spaces")
    return ApiKey(
        id=new_id("ak"),
        account_id=account_id,
        name=name,
        scopes=check_scopes(scopes),
        digest=digest(plaintext),
        hint=plaintext[: len(PREFIX) + 4] if plaintext.startswith(PREFIX) else plaintext[:4],
        created_at=now,
        expires_at=expires_at,
    )


def check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes in their usual order, each once. Raises Invalid."""
    wanted = set(scopes)
    if not wanted or not wanted <= set(ALL_SCOPES):
        raise Invalid.field("scopes", f"choose one or more of {', '.join(ALL_SCOPES)}")
    return tuple(scope for scope in ALL_SCOPES if scope in wanted)


def digest(plaintext: str) -> str:
    return sha256(plaintext.encode()).hexdigest()
