"""The calls of the demo: scripted events, as any telephone system could post them to /v1/events.

People, firms and recordings are invented. Numbers are from the range set aside for fiction (+1 ... 555-01xx),
which looks like any other to the guard, or the usual sample number of India.
"""

from dataclasses import dataclass
from typing import Any

SUPPORT = {"id": "q_23", "name": "Support"}
SALES = {"id": "q_11", "name": "Sales"}
MENU = {"id": "ivr_1", "name": "Main menu"}
JORDAN = {"id": "ag_102", "name": "Jordan"}
ELENA = {"id": "ag_107", "name": "Elena"}
PRIYA = {"id": "ag_115", "name": "Priya"}
AVA = {"id": "ai_ava", "name": "Ava", "kind": "ai"}
OUR_NUMBER = "+14155550100"
TOM, AISHA, MARCO = "+12025550118", "+14155550142", "+12125550107"  # texts go to them


@dataclass(frozen=True)
class Line:
    """One event: how far into the demo's call it is posted, when it happened in the call (both in seconds).

    `second` is None for what comes after the call: that happens when it is posted.
    """

    at: float
    second: float | None
    event: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """One call. A long conversation is posted in a few seconds, dated as it would have been."""

    key: str
    who: str
    starts: float
    lines: tuple[Line, ...]
    message: str | None = None  # the notice that says what becomes of the text after it

    @property
    def seconds(self) -> float:
        """How long the call took by its own clock."""
        return max(line.second for line in self.lines if line.second is not None)

    @property
    def ends(self) -> float:
        """When, in the demo, the call is over."""
        return self.starts + max(line.at for line in self.lines if line.second is not None)


def _scene(
    key: str,
    who: str,
    starts: float,
    *lines: tuple[float, float | None, str, dict[str, Any]],
    message: str | None = None,
) -> Scene:
    return Scene(key, who, starts, tuple(Line(*line) for line in lines), message)


def _in(number: str, name: str) -> dict[str, Any]:
    return {"from": number, "from_name": name, "to": OUR_NUMBER, "did": OUR_NUMBER, "direction": "inbound"}


def _out(number: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "from": OUR_NUMBER, "to": number, "to_name": name, "caller_id": OUR_NUMBER,
        "direction": "outbound", "call_type": kind,
    }  # fmt: skip


def _end(by: str, **more: Any) -> dict[str, Any]:
    return {"hangup": {"by": by, "cause_code": 16}, "final": True, **more}


SCENES = (
    _scene(
        "pbx-1001", "Maya Lopez", 0.0,
        (0.0, 0, "call.received", _in("+14155550132", "Maya Lopez")),
        (0.4, 2, "call.ivr_answered", {"ivr": MENU}),
        (0.9, 8, "call.dtmf", {"digit": "2", "ivr": MENU}),
        (1.2, 9, "call.department_entered", {"queue": SUPPORT, "position": 1}),
        (1.6, 12, "call.agent_dialed", {"agent": JORDAN}),
        (2.2, 20, "call.agent_answered", {"agent": JORDAN}),
        (5.2, 271, "call.ended", _end("caller", custom_fields={"crm_id": "ACME-4451", "priority": "high"})),
        (6.6, None, "call.recording_ready", {"recording": {
            "id": "rec-1001", "url": "https://recordings.example/abc123.mp3", "duration_seconds": 251}}),
        (7.0, None, "call.wrapped_up", {"wrap_up_seconds": 20, "notes": "Callback scheduled", "by": "Jordan"}),
    ),
    _scene(
        "pbx-1002", "Tom Becker", 0.7,
        (0.0, 0, "call.received", _in(TOM, "Tom Becker")),
        (0.5, 3, "call.department_entered", {"queue": SALES, "position": 1}),
        (1.0, 5, "call.agent_dialed", {"agent": ELENA}),
        (2.0, 25, "call.agent_missed", {"agent": ELENA, "reason": "no_answer"}),
        (2.4, 31, "call.ended", _end("system", reason="agent_no_answer")),
        message="message.delivered",
    ),
    _scene(
        "pbx-1003", "Aisha Khan", 1.9,
        (0.0, 0, "call.received", _in(AISHA, "Aisha Khan")),
        (0.4, 3, "call.department_entered", {"queue": SUPPORT, "position": 4}),
        (2.4, 74, "call.ended", _end("caller")),
        message="message.delivered",
    ),
    _scene(
        "pbx-1004", "Rohan Mehta", 3.0,
        (0.0, 0, "call.initiated", {**_out("+919876543210", "Rohan Mehta", "click_to_call"), "agent": PRIYA}),
        (0.4, 4, "call.agent_answered", {"agent": PRIYA}),
        (0.7, 5, "call.customer_dialed", {}),
        (1.3, 14, "call.customer_answered", {}),
        (1.4, 14, "call.connected", {"agent": PRIYA}),
        (3.6, 137, "call.ended", _end("agent")),
        (4.6, None, "call.disposition_updated", {
            "disposition": "Interested", "sub_disposition": "Send offer", "by": "Priya"}),
    ),
    _scene(
        "pbx-1005", "Grace Okafor", 4.4,
        (0.0, 0, "call.received", _in("+14155550177", "Grace Okafor")),
        (0.4, 2, "call.ivr_answered", {"ivr": MENU}),
        (0.8, 21, "call.voicemail_started", {"voicemail": {"box": "after-hours"}}),
        (2.0, 52, "call.voicemail_left", {"voicemail": {"box": "after-hours", "seconds": 31}}),
        (2.1, 52, "call.ended", _end("caller")),
    ),
    _scene(
        "dialer-88", "Luis Romero", 5.6,
        (0.0, 0, "call.initiated", {**_out("+14155550119", "Luis Romero", "dialer"),
                                    "campaign": {"id": "c_7", "name": "Renewals"}}),
        (0.4, 1, "call.customer_dialed", {}),
        (0.9, 4, "call.customer_missed", {"reason": "busy"}),
        (1.0, 4, "call.ended", {"hangup": {"cause_code": 17, "sip_code": 486, "by": "callee"}, "final": True}),
    ),
    _scene(
        "ai-5f2c", "Hannah Weiss", 6.2,
        (0.0, 0, "call.received", {**_in("+14155550164", "Hannah Weiss"), "call_type": "ai_agent"}),
        (0.3, 1, "call.agent_answered", {"agent": AVA}),
        (3.0, 96, "call.ended", _end("caller")),
        (3.4, None, "call.transcript_ready", {"transcript": {"id": "t-5f2c", "language": "en", "turns": [
            {"role": "agent", "text": "Good evening, Harbour Clinic, this is Ava. How can I help?", "start": 1.0},
            {"role": "customer", "text": "I need to move my appointment to Thursday.", "start": 5.5},
            {"role": "agent", "text": "Thursday at ten is free. Shall I book it?", "start": 12.0},
            {"role": "customer", "text": "Yes, please.", "start": 17.5}]}}),
        (4.2, None, "call.analyzed", {"analysis": {
            "id": "an-5f2c", "summary": "Moved the appointment to Thursday at ten.", "success": True,
            "sentiment": "positive", "variables": {"status": "rescheduled", "day": "Thursday"}}}),
    ),
    _scene(
        "pbx-1007", "Tom Becker", 8.2,
        (0.0, 0, "call.received", _in(TOM, "Tom Becker")),
        (0.3, 3, "call.department_entered", {"queue": SALES, "position": 2}),
        (0.6, 5, "call.agent_dialed", {"agent": ELENA}),
        (1.6, 25, "call.agent_missed", {"agent": ELENA, "reason": "no_answer"}),
        (2.0, 48, "call.ended", _end("system", reason="agent_no_answer")),
        message="message.blocked",
    ),
    _scene(
        "pbx-1006", "Marco Rossi", 7.4,
        (0.0, 0, "call.received", _in(MARCO, "Marco Rossi")),
        (0.4, 2, "call.department_entered", {"queue": SALES, "position": 1}),
        (0.8, 5, "call.agent_dialed", {"agent": JORDAN}),
        (1.2, 12, "call.agent_answered", {"agent": JORDAN}),
        (2.4, 63, "call.transferred", {"transfer": {"kind": "attended", "from_agent": JORDAN, "to": "Elena"}}),
        (2.8, 70, "call.agent_answered", {"agent": ELENA}),
        (4.2, 402, "call.ended", _end("callee", tags=["vip"])),
        message="message.deferred",
    ),
)  # fmt: skip
