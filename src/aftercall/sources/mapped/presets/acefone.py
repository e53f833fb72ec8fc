"""Acefone, Smartflo and Servetel, and others of the family: their 19 call triggers (B12, C2, C3.3).

A request does not name its trigger: the last part of the URL does (`/in/<source>/hangup`), or `?trigger=`, or a
member `trigger` that was added to the body; else the variables tell which it may be.
"""

from typing import Any

from aftercall.domain.account import Timing
from aftercall.sources.mapped.type import Mapped

PLACED = {"click_to_call": "outbound", "dialer": "outbound", "broadcast": "outbound", "outgoing": "outbound",
          "incoming": "inbound"}  # fmt: skip
CUSTOMER = [
    {"path": "customer_number_with_prefix", "prefix": "+"},
    {"path": "customer_no_with_prefix", "prefix": "+"},
    "customer_number",
]
INBOUND = {"direction": {"value": "inbound"}}
CLICK_TO_CALL = {"direction": {"value": "outbound"}, "call_type": {"value": "click_to_call"}}
# Which way a dialer's call went is in its `direction`; that it is a dialer's is known from the trigger.
DIALER = {"call_type": {"value": "dialer"}}
# Agents are told apart by number: the triggers that name an id do not all name it.
MISSED_AGENTS = {
    "fact": "call.agent_missed",
    "each": "missed_agent",
    "at": ["$item.ended_at", "end_stamp"],
    "fields": {
        "agent.name": ["$item.name", "$item.agent_name"],
        "agent.number": ["$item.number", "$item.agent_number"],
        "agent.follow_me_number": "$item.follow_me_number",
        "ring_time_seconds": "$item.ring_seconds",
        "reason": "$item.reason",
        "hangup.cause": "hangup_cause",
    },
}
FIRST_MISSED_AGENT = {
    "fact": "call.agent_missed",
    "when": {"missed_agent": False, "first_missed_agent_number": True},
    "at": "end_stamp",
    "fields": {
        "agent.number": "first_missed_agent_number",
        "agent.follow_me_number": "first_missed_agent_follow_me_number",
        "hangup.cause": "hangup_cause",
    },
}
RECORDING = {
    "fact": "call.recording_ready",
    "when": {"recording_url": True},
    "at": "end_stamp",
    "fields": {"recording.id": "aws_call_recording_identifier", "recording.url": "recording_url"},
}
HANGUP = [MISSED_AGENTS, FIRST_MISSED_AGENT, {"fact": "call.completed"}, RECORDING]
HANGUP_OF_INBOUND = [
    MISSED_AGENTS, FIRST_MISSED_AGENT, {"fact": "call.completed", "fields": INBOUND}, RECORDING
]  # fmt: skip
# Said at the hangup itself; "updated" follows when the call has settled.
PROVISIONAL = [MISSED_AGENTS, FIRST_MISSED_AGENT, {"fact": "call.ended"}, RECORDING]

MAPPING: dict[str, Any] = {
    "call": ["call_id", "uuid"],
    "event": ["$path", "$query.trigger", "trigger"],
    "time_zone": "Asia/Kolkata",
    "events": {
        "received_on_server": {"fact": "call.received", "fields": INBOUND},
        "answered_on_ivr": {"fact": "call.ivr_answered"},
        "dtmf_option": {"fact": "call.dtmf", "at": "date", "fields": {"digit": "digit_pressed"}},
        "received_on_department": {"fact": "call.department_entered", "at": "date", "fields": INBOUND},
        "received_on_auto_attendant": {"fact": "call.auto_attendant_entered", "fields": INBOUND},
        "dialed_on_agent": {"fact": "call.agent_dialed", "at": "date", "fields": INBOUND},
        "answered_by_agent": {"fact": "call.agent_answered"},
        "session_call_answered": {"fact": "call.session_answered"},
        "answered_by_customer": {"fact": "call.customer_answered", "fields": CLICK_TO_CALL},
        "missed_by_customer": [
            {"fact": "call.customer_missed", "at": "end_stamp", "fields": CLICK_TO_CALL},
            {"fact": "call.completed", "fields": CLICK_TO_CALL},
            RECORDING,
        ],
        "connected_to_agent_dialer": {"fact": "call.connected", "fields": DIALER},
        "answered_by_agent_hangup": HANGUP_OF_INBOUND,
        "missed_by_agent_hangup": HANGUP_OF_INBOUND,
        "hangup": HANGUP,
        "hangup_missed": HANGUP,
        "hangup_answered": HANGUP,
        "hangup_missed_deprecated": PROVISIONAL,
        "hangup_answered_deprecated": PROVISIONAL,
        "disposition_updated_dialer": {"fact": "call.disposition_updated", "fields": DIALER},
    },
    "guess": [
        {"event": "disposition_updated_dialer", "when": {"disposition": True}},
        {"event": "dtmf_option", "when": {"digit_pressed": True}},
        {"event": "hangup", "when": {"hangup_cause": True}},
        {"event": "hangup", "when": {"end_stamp": True}},
        {"event": "received_on_auto_attendant", "when": {"auto_attendant_id": True}},
        {"event": "received_on_department", "when": {"dept_id": True}},
        {"event": "connected_to_agent_dialer", "when": {"campaign_id": True}},
        {"event": "answered_by_customer", "when": {"answer_agent_number": True}},
        {"event": "answered_by_agent", "when": {"answered_agent_number": True}},
        {"event": "dialed_on_agent", "when": {"agent_number": True}},
        {"event": "answered_on_ivr", "when": {"ivr_id": True}},
        {"event": "received_on_server", "when": {"start_stamp": True}},
    ],
    "fields": {
        "direction": {"path": "direction", "map": PLACED},
        "call_type": "direction",  # click_to_call, dialer, broadcast; inbound is none
        "from": ["caller_id_number"],
        "to": ["call_to_number"],
        "uuid": "uuid",
        "agent.name": ["answered_agent_name", "agent_name", "answered_agent.name", "answered_agent", "agent"],
        "agent.number": [
            "answered_agent_number",
            "answer_agent_number",
            "agent_number",
            "answered_agent.number",
        ],
        "queue.id": "dept_id",
        "queue.name": ["dept_name[0]", "dept_name"],
        "ivr.id": "ivr_id",
        "ivr.name": ["ivr_name[0]", "ivr_name"],
        "auto_attendant.id": "auto_attendant_id",
        "auto_attendant.name": "auto_attendant_name",
        "campaign.id": "campaign_id",
        "campaign.name": "campaign_name",
        "broadcast.id": "broadcast_id",
        "broadcast.name": "broadcast_name",
        "lead": ["lead_fields", "broadcast_lead_fields"],
        "digits": "digits_dialed",
        "hangup.cause": "hangup_cause",
        "started_at": ["start_stamp", {"join": ["start_date", "start_time"]}],
        "answered_at": "answer_stamp",
        "ended_at": ["end_stamp", {"join": ["end_date", "end_time"]}],
        "duration_seconds": "duration",
        "billable_seconds": "billsec",
        "talk_time_seconds": "bridged_duration",
        "outbound_seconds": "outbound_sec",
        "ring_time_seconds": "agent_ring_time",
        "billing.circle": ["billing_circle.circle", "telecom_circle"],
        "billing.operator": ["billing_circle.operator", "telecom_operator"],
        "recording_url": "recording_url",
        "recording.id": "aws_call_recording_identifier",
        "disposition": "disposition",
        "sub_disposition": ["sub_dispositon", "sub_disposition"],
    },
    "inbound": {"from": [*CUSTOMER, "caller_id_number"], "did": "call_to_number"},
    "outbound": {"to": [*CUSTOMER, "call_to_number"], "caller_id": "caller_id_number"},
    "status": "call_status",
    # Missed includes abandoned and voicemail: what else is known of the call tells which.
    "statuses": {"answered": {"status": "answered"}, "answered by customer": {"status": "answered"}},
    "rest": True,
    "drop": ["start_date", "start_time", "end_date", "end_time", "call_connected", "call_flow", "trigger"],
}

acefone = Mapped(MAPPING, Timing(gate=0.3, quiet=2.0, settle_max=10.0))
