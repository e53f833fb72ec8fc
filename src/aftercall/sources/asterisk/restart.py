"""A PBX that was restarted in a gap has none of the calls it had before: they are over because of that (H14)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.message import Message

_BEGAN = re.compile(r"(\d{9,11})\.\d+\Z", re.ASCII)  # linkedid: seconds since the epoch, and a number
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def booted_at(message: Message, now: datetime) -> datetime | None:
    """When the PBX was started, by the `Uptime` (whole seconds) of its FullyBooted."""
    uptime = message.get("Uptime") or ""
    return now - timedelta(seconds=int(uptime)) if _SECONDS.fullmatch(uptime) else None


def dead(ended: Iterable[Fact], booted: datetime | None) -> list[Fact]:
    """The ends of calls that vanished; those that began before the PBX was started were lost with it."""
    return [_lost(fact) if booted is not None and _began_before(fact, booted) else fact for fact in ended]


def _began_before(fact: Fact, booted: datetime) -> bool:
    found = _BEGAN.search(fact.call_key)
    return found is not None and datetime.fromtimestamp(int(found[1]), UTC) < booted


def _lost(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, data=msgspec.structs.replace(fact.data, reason="pbx_restart"))
