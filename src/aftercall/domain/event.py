"""Call events: the vocabulary subscribers choose from, and the envelope every event has (T1, W4)."""

from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

COMPLETED = "call.completed"
ENDED = "call.ended"
UPDATED = "call.updated"
ORPHANED = "call.orphaned"

# Events that say something about a call in progress. When they come late they are of no use to anybody.
IN_CALL = frozenset({
    "call.received", "call.initiated", "call.ringing", "call.ivr_answered", "call.auto_attendant_entered",
    "call.department_entered", "call.dtmf", "call.agent_dialed", "call.agent_missed", "call.agent_answered",
    "call.customer_answered", "call.customer_missed", "call.connected", "call.held", "call.resumed",
    "call.transferred", "call.session_answered", "call.voicemail_started", "call.voicemail_left",
    "call.recording_started",
})  # fmt: skip
AFTER_CALL = frozenset({
    "call.recording_ready", "call.recording_failed", "call.transcript_ready", "call.transcript_failed",
    "call.analyzed", "call.analysis_failed", "call.analysis_skipped", "call.disposition_updated",
    "call.wrapped_up",
})  # fmt: skip


class Derived(msgspec.Struct, frozen=True):
    """An event as the projection knows it: not yet spoken, so without sequence and revision.

    (call, name, discriminator) is what makes it one event; `details` is what is particular to it.
    """

    name: str
    occurred_at: datetime
    discriminator: str = ""
    details: dict[str, Any] = {}


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event at the moment it was spoken. `sequence` is ours, gap-free within the call."""

    event_id: str
    name: str
    call_id: str
    occurred_at: datetime
    received_at: datetime  # when the facts behind it came in
    spoken_at: datetime
    sequence: int
    revision: int = 0
    discriminator: str = ""
    details: dict[str, Any] = {}
    late: bool = False
    is_test: bool = False


def event_id(call_id: str, name: str, discriminator: str) -> str:
    """A stable function of (call, event, discriminator), so that retries and resends carry the same id.

    The call's own id leads, which keeps a call's events together in every index.
    """
    return f"evt_{call_id.removeprefix('cl_')}{_digest(name, discriminator)}"


@lru_cache(maxsize=4096)
def _digest(name: str, discriminator: str) -> str:
    return blake2b(f"{name}\0{discriminator}".encode(), digest_size=8).hexdigest()
