"""Dialpad: call events, each a JWT signed with the webhook's secret (B12). Times and lengths are milliseconds.

Legs to operators of a call centre are calls of their own at Dialpad, with `entry_point_call_id` naming the first.
"""

from typing import Any

from aftercall.domain.account import Source, Timing
from aftercall.engine import jwt
from aftercall.engine.signing import WRONG, refuse
from aftercall.engine.upstream import Request
from aftercall.sources.mapped import body
from aftercall.sources.mapped.type import SignedMapped
from aftercall.sources.signing import secrets

MS = {"time": "epoch_ms"}
FIRST = {"entry_point_call_id": False}  # the call itself, not a leg of it
LEG = {"entry_point_call_id": True}
TO_AGENT = {"$direction": "inbound", "target.type": "user"}
AGENT = {"agent.id": "target.id", "agent.name": "target.name", "agent.number": "target.phone"}
MAPPING: dict[str, Any] = {
    "call": ["entry_point_call_id", "call_id"],
    "event": "state",
    "leg": "call_id",
    "at": {"path": "event_timestamp", **MS},
    "events": {
        "calling": {"fact": "call.initiated", "when": FIRST},
        "ringing": [
            {"fact": "call.received", "when": {**FIRST, "$direction": "inbound"}},
            {"fact": "call.agent_dialed", "when": TO_AGENT, "fields": AGENT},
        ],
        "queued": {
            "fact": "call.department_entered",
            "fields": {"queue.id": "target.id", "queue.name": "target.name"},
        },
        "connected": [
            {"fact": "call.agent_answered", "when": TO_AGENT, "fields": AGENT},
            {"fact": "call.customer_answered", "when": {"$direction": "outbound"}},
        ],
        "hold": "call.held",
        "parked": "call.held",
        "missed": {"fact": "call.agent_missed", "when": {"target.type": "user"}, "fields": AGENT},
        "voicemail": "call.voicemail_started",
        "voicemail_uploaded": {
            "fact": "call.voicemail_left",
            "fields": {"recording.url": "voicemail_link"},
        },
        "hangup": [
            {"fact": "call.disconnected", "when": {**LEG, "date_connected": True}},
            {"fact": "call.agent_missed", "when": {**LEG, "date_connected": False}, "fields": AGENT},
            {"fact": "call.ended", "when": FIRST},
        ],
        "recording": {
            "fact": "call.recording_ready",
            "fields": {
                "recording.id": "recording_details[0].id",
                "recording.url": ["recording_details[0].url", "recording_url[0]", "recording_url"],
                "recording.duration_seconds": {"path": "recording_details[0].duration", "unit": "ms"},
            },
        },
        "transcription": {
            "fact": "call.transcript_ready",
            "fields": {"transcript.text": "transcription_text"},
        },
        "call_transcription": {
            "fact": "call.transcript_ready",
            "fields": {"transcript.text": "transcription_text"},
        },
        "recap_summary": {"fact": "call.analyzed", "fields": {"analysis.summary": "recap_summary"}},
        "dispositions": {
            "fact": "call.disposition_updated",
            "fields": {"disposition": ["call_dispositions[0].disposition", "call_dispositions"],
                       "notes": "call_dispositions[0].notes"},
        },
    },
    "fields": {
        "direction": "direction",
        "started_at": {"path": "date_started", **MS},
        "ended_at": {"path": "date_ended", **MS},
        "duration_seconds": {"path": "total_duration", "unit": "ms"},
        "tags": "labels",
    },
    "inbound": {
        "from": ["external_number", "contact.phone"],
        "from_name": "contact.name",
        "to": ["internal_number", "entry_point_target.phone", "target.phone"],
        "did": ["entry_point_target.phone", "internal_number"],
    },
    "outbound": {
        "from": ["internal_number", "target.phone"],
        "to": ["external_number", "contact.phone"],
        "to_name": "contact.name",
        "caller_id": "internal_number",
        "agent.id": "target.id",
        "agent.name": "target.name",
        "agent.number": "target.phone",
    },
}  # fmt: skip


def verify(source: Source, request: Request) -> None:
    """The whole body is the token, so there is nothing beside it that could be changed."""
    token = jwt.token(request.body)
    if not token.signed_with_one(secrets(source)):
        refuse(WRONG)
    jwt.check_times(token.claims, request.now)


def claims(request: Request) -> Any:
    """The event in the token. A dry run may give it bare; what is sent has been verified, so is a token."""
    return body.body(request) if request.body.lstrip()[:1] == b"{" else jwt.token(request.body).claims


dialpad = SignedMapped(MAPPING, verify, Timing(gate=0.3, quiet=3.0, settle_max=10.0), whole=claims)
