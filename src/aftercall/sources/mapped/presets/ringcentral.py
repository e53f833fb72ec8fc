"""RingCentral: telephony session notifications (B12). A session is a call; each of its parties is told of by itself.

Only parties that are extensions of the account are told of. The call ends when the last of them is disconnected.
"""

import string
from typing import Any

from aftercall.domain.account import Source, Timing
from aftercall.engine.signing import check
from aftercall.engine.upstream import Reply, Request
from aftercall.sources.mapped.type import SignedMapped
from aftercall.sources.signing import secrets

VALIDATION = "validation-token"
MAX_VALIDATION = 500
_PRINTABLE = frozenset(string.ascii_letters + string.digits + string.punctuation)
IN, OUT = {"direction": "Inbound"}, {"direction": "Outbound"}
RUNG = {**IN, "extensionId": True}
# Q.850 26, answered elsewhere: such an end of one party counts as the call's only where there is no other.
PASSED_ON = {"hangup.cause_code": 26}
MAPPING: dict[str, Any] = {
    "records": "body.parties",
    "call": "$body.body.telephonySessionId",
    "event": "status.code",
    "leg": "id",
    "sequence": "$body.body.sequence",
    "at": "$body.body.eventTime",
    "id": ["$body.body.telephonySessionId", "$body.body.sequence", "id"],
    "events": {
        "setup": [
            {"fact": "call.received", "when": IN},
            {"fact": "call.initiated", "when": OUT},
        ],
        "proceeding": [
            {"fact": "call.received", "when": IN},
            {"fact": "call.agent_dialed", "when": RUNG},
            {"fact": "call.initiated", "when": OUT},
            {"fact": "call.ringing", "when": OUT},
        ],
        "answered": [
            {"fact": "call.agent_answered", "when": RUNG},
            {"fact": "call.answered", "when": {**IN, "extensionId": False}},
            {"fact": "call.customer_answered", "when": OUT},
        ],
        "hold": "call.held",
        "parked": "call.held",
        "voicemail": "call.voicemail_started",
        "disconnected": [
            {"fact": "call.agent_missed", "when": {**RUNG, "missedCall": "true"}},
            {"fact": "call.ended"},
            {
                "fact": "call.recording_ready",
                "when": {"recordings": True},
                "fields": {"recording.id": "recordings[0].id"},
            },
        ],
    },
    "fields": {
        "direction": "direction",
        "from": ["from.phoneNumber", "from.extensionNumber"],
        "from_name": "from.name",
        "to": ["to.phoneNumber", "to.extensionNumber"],
        "to_name": "to.name",
        "queue.id": "queueCall.id",
        "hangup.cause": ["status.reason", "status.code"],
    },
    "inbound": {
        "did": "to.phoneNumber",
        "agent.id": "extensionId",
        "agent.name": "to.name",
        "agent.number": "to.extensionNumber",
    },
    "outbound": {
        "caller_id": "from.phoneNumber",
        "agent.id": "extensionId",
        "agent.name": "from.name",
        "agent.number": "from.extensionNumber",
    },
    "status": "status.reason",
    "statuses": {
        "NoAnswer": {"reason": "no_answer"},
        "Timeout": {"reason": "no_answer"},
        "TargetBusy": {"reason": "busy"},
        "Rejected": {"reason": "rejected"},
        "Cancelled": {"reason": "caller_cancelled", "hangup.by": "caller"},
        "InvalidNumber": {"reason": "invalid_number"},
        "NoSuchUser": {"reason": "invalid_number"},
        "InternationalDisabled": {"reason": "blocked"},
        "DestinationBlocked": {"reason": "blocked"},
        "NotEnoughFunds": {"reason": "failed"},
        "InternalError": {"reason": "failed"},
        **dict.fromkeys(
            ("Pickup", "TakeOver", "AgentAnswered", "BlindTransfer", "RccTransfer", "AttendedTransfer",
             "DtmfTransfer", "CallFlip", "CallSwitch", "CallPark", "CallRedirected", "CallerInputRedirect"),
            PASSED_ON,
        ),
    },
}  # fmt: skip


def verify(source: Source, request: Request) -> None:
    """The subscription's verification token, which each notification repeats in a header."""
    if answer(request) is not None:
        return  # RingCentral asks whether somebody is here before it sends anything; nothing is taken from it
    given = request.headers.get("verification-token")
    check(secrets(source), [given] if given else [], lambda secret: [secret.decode()])


def answer(request: Request) -> Reply | None:
    """The echo that RingCentral wants when a subscription is made."""
    said = request.headers.get(VALIDATION, "")
    if (
        not 0 < len(said) <= MAX_VALIDATION
        or not _PRINTABLE.issuperset(said)
        or request.body.strip(b"{} \r\n")
    ):
        return None
    return Reply(200, headers=((VALIDATION, said),))


ringcentral = SignedMapped(MAPPING, verify, Timing(gate=0.3, quiet=5.0, settle_max=10.0), answer=answer)
