"""Aircall: JSON events with the webhook's token in them (B12). `call.ended` comes settled, 30 s after the hangup."""

from typing import Any

from aftercall.domain.account import Source, Timing
from aftercall.engine.signing import check
from aftercall.engine.taking import record, word
from aftercall.engine.upstream import Request
from aftercall.sources.mapped.type import SignedMapped
from aftercall.sources.signing import secrets

AFTER = "data.ended_at"
MAPPING: dict[str, Any] = {
    "call": "data.id",
    "event": "event",
    "at": {"path": "timestamp", "time": "epoch"},
    "events": {
        "call.created": [
            {"fact": "call.received", "when": {"$direction": "inbound"}, "at": "data.started_at"},
            {"fact": "call.initiated", "when": {"$direction": "outbound"}, "at": "data.started_at"},
        ],
        "call.ringing_on_agent": {"fact": "call.agent_dialed"},
        "call.agent_declined": {"fact": "call.agent_missed", "fields": {"reason": {"value": "rejected"}}},
        "call.answered": [
            {"fact": "call.agent_answered", "when": {"$direction": "inbound"}},
            {"fact": "call.customer_answered", "when": {"$direction": "outbound"}},
        ],
        "call.hold": "call.held",
        "call.unhold": "call.resumed",
        "call.transferred": {
            "fact": "call.transferred",
            "fields": {"transfer.to": ["data.transferred_to.name", "data.transferred_to.digits"]},
        },
        "call.voicemail_left": "call.voicemail_left",
        "call.hungup": "call.ended",
        "call.ended": [
            {
                "fact": "call.voicemail_left",
                "when": {"data.voicemail": True, "data.answered_at": False},
                "at": AFTER,
            },
            {"fact": "call.completed", "at": AFTER},
            {"fact": "call.recording_ready", "when": {"data.recording": True}, "at": AFTER},
        ],
        "call.tagged": "call.noted",
        "call.commented": "call.noted",
    },
    "fields": {
        "direction": "data.direction",
        "started_at": {"path": "data.started_at", "time": "epoch"},
        "connected_at": {"path": "data.answered_at", "time": "epoch"},
        "ended_at": {"path": "data.ended_at", "time": "epoch"},
        "duration_seconds": "data.duration",
        "uuid": "data.sid",
        "agent.id": "data.user.id",
        "agent.name": "data.user.name",
        "queue.id": "data.teams[0].id",
        "queue.name": "data.teams[0].name",
        "recording.url": ["data.recording", "data.voicemail"],
        "billing.cost": "data.cost",
        "tags": "data.tags",
        "notes": "data.comments[-1].content",
    },
    "inbound": {
        "from": "data.raw_digits",
        "to": "data.number.digits",
        "did": "data.number.digits",
        "from_name": {"join": ["data.contact.first_name", "data.contact.last_name"]},
    },
    "outbound": {
        "from": "data.number.digits",
        "to": "data.raw_digits",
        "caller_id": "data.number.digits",
        "to_name": {"join": ["data.contact.first_name", "data.contact.last_name"]},
    },
    # Why a call was missed. Whether it was is told by the times: who left a voicemail has such a reason, too.
    "status": "data.missed_call_reason",
    "statuses": {
        "no_available_agent": {"reason": "no_agents"},
        "agents_did_not_answer": {"reason": "agent_no_answer"},
        "short_abandoned": {"reason": "caller_cancelled"},
        "abandoned_in_ivr": {"reason": "caller_hangup_in_ivr"},
        "abandoned_in_classic": {"reason": "caller_hangup_in_queue"},
        "out_of_opening_hours": {"reason": "closed_hours"},
    },
    "custom_fields": {"aircall_url": "data.direct_link", "line": "data.number.name"},
}


def verify(source: Source, request: Request) -> None:
    """The body repeats the token that Aircall showed when the webhook was made: the source's secret."""
    given = word(record(request.body).get("token"))
    check(secrets(source), [given] if given else [], lambda secret: [secret.decode()])


aircall = SignedMapped(MAPPING, verify, Timing(gate=0.3, quiet=120.0, settle_max=120.0))
