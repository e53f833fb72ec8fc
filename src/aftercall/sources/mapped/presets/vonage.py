"""Vonage Voice: an application's event webhooks, signed (B12). A conversation is a call, its legs have a `uuid` each.

Which leg is whose is not said: outgoing legs are the customer's, and agents' where the source's direction is inbound.
"""

from typing import Any

from aftercall.domain.account import Source, Timing
from aftercall.engine import vendor_signatures
from aftercall.engine.upstream import Request
from aftercall.sources.mapped.type import SignedMapped
from aftercall.sources.signing import secrets

IN = {"direction": "inbound"}
TO_AGENT = {"direction": "outbound", "$source.direction": "inbound"}
TO_CUSTOMER = {"direction": "outbound", "$source.direction": ["outbound", ""]}
# Of a leg to an agent, nothing is said of the call but the agent.
AGENT = {"agent.number": "to", "direction": {"value": "inbound"}, "from": None, "to": None, "did": None}


def _missed(reason: str) -> list[dict[str, Any]]:
    """A leg that nobody picked up. That of an agent is not the call's end."""
    said = {"reason": {"value": reason}}
    return [
        {"fact": "call.agent_missed", "when": TO_AGENT, "fields": {**AGENT, **said}},
        {"fact": "call.customer_missed", "when": TO_CUSTOMER, "fields": said},
        {"fact": "call.ended", "when": TO_CUSTOMER, "fields": said},
        {"fact": "call.ended", "when": IN, "fields": said},
    ]


MAPPING: dict[str, Any] = {
    "call": "conversation_uuid",
    "event": ["status", "event"],
    "leg": "uuid",
    "at": "timestamp",
    "events": {
        "started": [
            {"fact": "call.received", "when": IN},
            {"fact": "call.agent_dialed", "when": TO_AGENT, "fields": AGENT},
            {"fact": "call.initiated", "when": TO_CUSTOMER},
            {"fact": "call.customer_dialed", "when": TO_CUSTOMER},
        ],
        "ringing": [
            {"fact": "call.received", "when": IN},
            {"fact": "call.agent_dialed", "when": TO_AGENT, "fields": AGENT},
            {"fact": "call.ringing", "when": TO_CUSTOMER},
        ],
        "answered": [
            {"fact": "call.answered", "when": IN},
            {"fact": "call.agent_answered", "when": TO_AGENT, "fields": AGENT},
            {"fact": "call.customer_answered", "when": TO_CUSTOMER},
        ],
        "machine": {"fact": "call.customer_answered", "fields": {"reason": {"value": "machine"}}},
        "completed": [
            {"fact": "call.disconnected", "when": TO_AGENT, "fields": AGENT},
            {"fact": "call.ended", "when": TO_CUSTOMER},
            {"fact": "call.ended", "when": IN},
        ],
        "busy": _missed("busy"),
        "timeout": _missed("no_answer"),
        "unanswered": _missed("no_answer"),
        "cancelled": _missed("caller_cancelled"),
        "rejected": _missed("rejected"),
        "failed": _missed("failed"),
    },
    "fields": {
        "direction": "direction",
        "from": ["from", "from_user"],
        "to": "to",
        "started_at": "start_time",
        "ended_at": "end_time",
        "hangup.cause": ["detail", "status"],
        "hangup.sip_code": "sip_code",
        "hangup.by": {"path": "disconnected_by", "map": {"platform": "system", "user": "unknown"}},
        "billing.cost": "price",
        "uuid": "uuid",
    },
    "inbound": {"did": "to"},
    "outbound": {"caller_id": "from"},
}


def verify(source: Source, request: Request) -> None:
    vendor_signatures.vonage(secrets(source), request)


vonage = SignedMapped(MAPPING, verify, Timing(gate=0.3, quiet=2.0, settle_max=10.0))
