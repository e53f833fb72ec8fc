"""Exotel: status callbacks of calls made through its API, and what the Passthru applet asks (B12).

`From` is whoever is called first: of an outgoing call, the agent. Times are India's, without a zone.
"""

from typing import Any

from aftercall.domain.account import Timing
from aftercall.sources.mapped.type import Mapped

MAPPING: dict[str, Any] = {
    "call": "CallSid",
    "event": ["EventType", "CallType", "Status"],
    "time_zone": "Asia/Kolkata",
    "events": {
        "answered": {"fact": "call.agent_answered", "when": {"$direction": "outbound"}},
        "terminal": [
            {
                "fact": "call.completed",
                "when": {"Status": ["completed", "failed", "busy", "no-answer", "canceled"]},
            },
            {"fact": "call.recording_ready", "when": {"RecordingUrl": True}, "at": "EndTime"},
        ],
        # A callback without a choice of events says nothing but the status.
        "completed": [
            {"fact": "call.completed"},
            {"fact": "call.recording_ready", "when": {"RecordingUrl": True}},
        ],
        "failed": "call.completed",
        "busy": "call.completed",
        "no-answer": "call.completed",
        "canceled": "call.completed",
        # Passthru: where the applet stands in the flow, the call goes on; what was dialled so far is told.
        "call-attempt": {
            "fact": "call.received",
            "when": {"$direction": "inbound"},
            "at": ["StartTime", "Created"],
        },
        "incomplete": "call.ended",
        "client-hangup": "call.ended",
        "voicemail": "call.voicemail_left",
    },
    "status": ["DialCallStatus", "Status", "CallType"],
    "statuses": {
        "completed": {"status": "answered"},
        "busy": {"status": "missed", "reason": "busy"},
        "no-answer": {"status": "missed", "reason": "no_answer"},
        "failed": {"status": "missed", "reason": "failed"},
        "canceled": {"status": "missed", "reason": "caller_cancelled"},
        "client-hangup": {"hangup.by": "caller"},
    },
    "fields": {
        "direction": {
            "path": "Direction",
            "map": {"incoming": "inbound", "outbound-api": "outbound", "outbound-dial": "outbound"},
            "otherwise": "outbound",
        },
        "from": ["CallFrom", "From"],
        "to": ["CallTo", "To"],
        "started_at": ["StartTime", "DateCreated", "Created"],
        "ended_at": ["EndTime", "DateUpdated"],
        "talk_time_seconds": "ConversationDuration",
        "billing.cost": "Price",
        "recording_url": "RecordingUrl",
        "recording.url": "RecordingUrl",
        "digits": "digits",
        "hangup.cause": ["Legs[1].Cause", "Legs[0].Cause"],
    },
    "inbound": {"agent.number": "DialWhomNumber", "did": ["PhoneNumberSid", "CallTo", "To"]},
    "outbound": {
        "from": "PhoneNumberSid",
        "to": ["CallTo", "To"],
        "caller_id": "PhoneNumberSid",
        "agent.number": ["CallFrom", "From"],
        "call_type": {"value": "click_to_call"},
    },
    "custom_fields": {"custom_field": "CustomField"},
}

exotel = Mapped(MAPPING, Timing(gate=0.3, quiet=2.0, settle_max=10.0))
