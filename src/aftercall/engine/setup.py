"""Setting up sources and the directory, and the rules that several settings share (D1, D2)."""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from aftercall.domain.account import DirectoryKind, Entry, Source
from aftercall.domain.errors import Invalid
from aftercall.domain.phone import normalise
from aftercall.engine.ids import new_id

PREFIXES: dict[DirectoryKind, str] = {
    "number": "num", "agent": "ag", "queue": "q", "menu": "menu", "disposition": "disp"
}  # fmt: skip
ZONES = {"IST": "Asia/Kolkata", "GMT": "UTC", "Z": "UTC"}  # short names people use for one zone only
MAX_RETRIES = 20
MAX_RETRY_WAIT = 7 * 86400  # seconds
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def new_source(account_id: str, type: str, now: datetime, **settings: Any) -> Source:
    return Source(
        id=new_id("src"),
        account_id=account_id,
        type=type,
        token=new_token(),
        created_at=now,
        updated_at=now,
        **settings,
    )


def new_token() -> str:
    return secrets.token_urlsafe(32)


def new_entry(
    account_id: str, kind: DirectoryKind, key: str, country: str | None, now: datetime, **more: Any
) -> Entry:
    """A directory entry. A number's key is its E.164 form; an id of the caller's choice is kept."""
    chosen = more.pop("id", None) or new_id(PREFIXES[kind])
    if not _ID.fullmatch(chosen):
        raise Invalid.field("id", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    entry = Entry(
        id=chosen,
        account_id=account_id,
        kind=kind,
        key=entry_key(kind, key, country),
        created_at=now,
        updated_at=now,
        **more,
    )
    aliases = dict.fromkeys((*entry.aliases, *lookups(entry, country)))
    return msgspec.structs.replace(entry, aliases=tuple(aliases))


def lookups(entry: Entry, country: str | None) -> tuple[str, ...]:
    """What else a source may call it, without being told: its id, name, extension and phone number."""
    known = [entry.id, entry.name]
    if entry.kind == "agent":
        extension, number = entry.details.get("extension"), entry.details.get("number")
        if isinstance(extension, str | int):
            known.append(str(extension))
        if isinstance(number, str):
            known.append(normalise(number, country).best or "")
    return tuple(name for name in dict.fromkeys(known) if name and name != entry.key)


def entry_key(kind: DirectoryKind, key: str, country: str | None) -> str:
    if kind != "number":
        return key
    e164 = normalise(key, country).e164
    if e164 is None:
        raise Invalid.field("key", "must be a phone number, best in E.164 form such as +14085551234")
    return e164


def check_country(country: str | None) -> str | None:
    """ISO 3166 alpha-2, upper case."""
    if country is not None and not re.fullmatch(r"[A-Za-z]{2}", country):
        raise Invalid.field("country", "must be a country's two letters (ISO 3166), such as US")
    return country.upper() if country else None


def check_zone(zone: str, field: str = "time_zone") -> str:
    """The IANA name of a zone. `IST` is India's."""
    zone = ZONES.get(zone.upper(), zone)
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise Invalid.field(field, "must be an IANA time zone, such as America/New_York") from None
    return zone


def check_schedule(schedule: Iterable[int] | None) -> tuple[int, ...] | None:
    """Seconds to wait after each failed attempt."""
    if schedule is None:
        return None
    waits = tuple(schedule)
    if len(waits) > MAX_RETRIES or not all(1 <= wait <= MAX_RETRY_WAIT for wait in waits):
        raise Invalid.field(
            "retry_schedule", f"at most {MAX_RETRIES} waits of 1 to {MAX_RETRY_WAIT} seconds each"
        )
    return waits


def check_texts(**texts: str | None) -> None:
    """No control characters in what is shown to people and kept in every database."""
    for field, text in texts.items():
        if text is not None and any(ord(char) < 32 and char not in "\n\t" for char in text):
            raise Invalid.field(field, "may not hold control characters")
