"""MyOperator: its after-call webhook, as a query, as a form with JSON in `myoperator`, or as JSON (B12).

What the numbers in `_ev` and `_su` mean is not documented in full: see the page on this type.
"""

from typing import Any

from aftercall.domain.account import Timing
from aftercall.sources.mapped.type import Mapped

MAPPING: dict[str, Any] = {
    "records": ["myoperator", "$body"],
    "call": ["_pm[ky=ui].vl", "_ui", "_ai"],
    "time_zone": "Asia/Kolkata",
    "events": {
        "*": [
            {
                "fact": "call.agent_missed",
                "each": "_ld",
                "at": ["$item._et", "$item._st"],
                "when": {"$item._ac": "missed"},
                "fields": {
                    "agent.id": "$item._rr[0]._id",
                    "agent.name": "$item._rr[0]._na",
                    "agent.number": ["$item._rr[0]._ct", "$item._rr[0]._nr"],
                },
            },
            {"fact": "call.completed"},
            {
                "fact": "call.recording_ready",
                "when": {"_fu": True},
                "at": "_et",
                "fields": {"recording.id": "_fn", "recording.url": "_fu"},
            },
        ]
    },
    "fields": {
        "direction": {"path": "_ev", "map": {"1": "inbound", "2": "outbound"}},
        "started_at": "_st",
        "ended_at": "_et",
        "duration_seconds": [{"path": "_dr", "unit": "clock"}, "_dr"],
        "queue.id": "_di",
        "queue.name": "_dn",
        "recording_url": "_fu",
    },
    "inbound": {
        "from": ["_cr", "_cl"],
        "did": "_ld[0]._did",
        "to": "_ld[0]._did",
        "agent.id": "_ld[-1]._rr[0]._id",
        "agent.name": "_ld[-1]._rr[0]._na",
        "agent.number": ["_ld[-1]._rr[0]._ct", "_ld[-1]._rr[0]._nr"],
    },
    "outbound": {
        "to": ["_cr", "_cl"],
        "caller_id": "_ld[0]._did",
        "from": "_ld[0]._did",
        "agent.id": "_ld[-1]._rr[0]._id",
        "agent.name": "_ld[-1]._rr[0]._na",
        "agent.number": ["_ld[-1]._rr[0]._ct", "_ld[-1]._rr[0]._nr"],
    },
    "status": "_su",
    "statuses": {
        "1": {"status": "answered"},
        "2": {"status": "missed"},
        "3": {"status": "voicemail"},
    },
    "custom_fields": {"company": "_ci", "user": "_us"},
}

myoperator = Mapped(MAPPING, Timing(gate=0.3, quiet=2.0, settle_max=10.0))
