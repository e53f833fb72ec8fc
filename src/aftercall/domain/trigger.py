"""Triggers: the moments a webhook can choose (T1). One table of the 19 classic ones, the events, the notices.

A classic trigger is one event and one predicate, so whoever subscribes needs to know nothing of the source.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

import msgspec

from aftercall.domain.call import Call
from aftercall.domain.event import Event
from aftercall.domain.fact import Direction

Predicate = Callable[[Call, Event], bool]
BOTH: tuple[Direction, ...] = ("inbound", "outbound")


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """One classic trigger. `variables` are the names and types of its classic body, in order."""

    title: str
    event: str
    when: Predicate = lambda _call, _event: True
    call_types: tuple[Direction, ...] = BOTH
    variables: Mapping[str, str]


def fires(trigger: str, call: Call, event: Event) -> bool:
    """Whether the event is what the trigger waits for.

    A trigger that is not in the table is the name of an event or notice, and fires on exactly that.
    """
    known = TRIGGERS.get(trigger)
    if known is None:
        return trigger == event.name
    if event.name != known.event:
        return False
    if known.call_types is not BOTH and call.direction not in known.call_types:
        return False
    return known.when(call, event)


@lru_cache(maxsize=4096)
def waiting_for(triggers: tuple[str, ...], event: str) -> tuple[tuple[str, ...], bool]:
    """Those of a webhook's triggers that wait for an event of this name, and whether that is all they ask for."""
    waiting = tuple(t for t in triggers if event == (TRIGGERS[t].event if t in TRIGGERS else t))
    return waiting, TRIGGERS.keys().isdisjoint(waiting)


def title(trigger: str) -> str:
    """What to call it in front of people."""
    known = TRIGGERS.get(trigger)
    return known.title if known else EVENTS.get(trigger) or NOTICES.get(trigger) or trigger


def variables(trigger: str) -> Mapping[str, str]:
    """The classic body's variables; what is not among the 19 is told with those of a hangup."""
    known = TRIGGERS.get(trigger)
    return known.variables if known else HANGUP_VARIABLES


def _answered(call: Call, _: Event) -> bool:
    return call.status == "answered"


def _not_answered(call: Call, _: Event) -> bool:
    return call.status != "answered"


def _agent_answered(call: Call, _: Event) -> bool:
    return call.status == "answered" and call.agent is not None


def _agent_missed(call: Call, _: Event) -> bool:
    return call.agent is None and any(leg.dialed_at or leg.missed for leg in call.agents)


def _in_menu(_: Call, event: Event) -> bool:
    return event.details.get("ivr") is not None


def _click_to_call(call: Call, _: Event) -> bool:
    return call.call_type == "click_to_call"


def _customer_missed(call: Call, _: Event) -> bool:
    """Only a customer who was dialled can have missed the call (an agent may not have picked up first)."""
    dialed = call.call_type == "click_to_call" and call.customer_dialed
    return dialed and call.customer_answered_at is None and call.status != "answered"


def _dialer(call: Call, _: Event) -> bool:
    return call.call_type == "dialer"


# Names, spelling and types are those receivers of classic call webhooks already parse; see docs/reference.
HANGUP_VARIABLES: Mapping[str, str] = {
    "uuid": "string", "call_to_number": "string", "caller_id_number": "string",
    "customer_number_with_prefix": "string", "customer_number": "string", "answered_agent_number": "string",
    "answered_agent_name": "string", "start_stamp": "string", "answer_stamp": "string", "end_stamp": "string",
    "hangup_cause": "string", "billsec": "string", "digits_dialed": "array<string>", "direction": "string",
    "duration": "string", "answered_agent": "object", "missed_agent": "array<object>", "call_flow": "array",
    "broadcast_lead_fields": "string", "recording_url": "string", "start_date": "string",
    "start_time": "string", "call_connected": "boolean", "broadcast_name": "string", "broadcast_id": "string",
    "bridged_duration": "string", "call_status": "string", "call_id": "string", "outbound_sec": "string",
    "agent_ring_time": "string", "billing_circle": "object", "telecom_operator": "string",
    "telecom_circle": "string", "first_missed_agent_number": "string",
    "first_missed_agent_follow_me_number": "string", "end_time": "string",
    "aws_call_recording_identifier": "string",
}  # fmt: skip
_AGENT_VARIABLES: Mapping[str, str] = {
    "uuid": "string", "call_to_number": "string", "caller_id_number": "string", "start_stamp": "string",
    "answered_agent_number": "string", "call_id": "string", "billing_circle": "object",
    "call_status": "string", "direction": "string", "customer_no_with_prefix": "string",
}  # fmt: skip

TRIGGERS: dict[str, Trigger] = {
    "received_on_server": Trigger(
        title="Call received on Server",
        event="call.received",
        call_types=("inbound",),
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string",
            "start_stamp": "string", "call_id": "string", "billing_circle": "object",
            "customer_no_with_prefix": "string",
        },
    ),
    "answered_on_ivr": Trigger(
        title="Call answered on IVR",
        event="call.ivr_answered",
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string",
            "start_stamp": "string", "ivr_id": "integer", "ivr_name": "string", "call_id": "string",
            "billing_circle": "object", "customer_no_with_prefix": "string",
        },
    ),
    "dtmf_option": Trigger(
        title="DTMF Option",
        event="call.dtmf",
        when=_in_menu,
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string", "date": "string",
            "digit_pressed": "string", "call_id": "string", "billing_circle": "object",
            "customer_no_with_prefix": "string",
        },
    ),
    "received_on_department": Trigger(
        title="Call received on Department",
        event="call.department_entered",
        call_types=("inbound",),
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string", "date": "string",
            "call_flow": "array", "dept_id": "string", "dept_name": "string", "ivr_name": "string",
            "call_id": "string", "billing_circle": "object", "customer_no_with_prefix": "string",
        },
    ),
    "received_on_auto_attendant": Trigger(
        title="Call received on Auto Attendant",
        event="call.auto_attendant_entered",
        call_types=("inbound",),
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string",
            "start_stamp": "string", "auto_attendant_id": "string", "auto_attendant_name": "string",
            "call_id": "string", "billing_circle": "object", "customer_no_with_prefix": "string",
        },
    ),
    "dialed_on_agent": Trigger(
        title="Dialed on Agent",
        event="call.agent_dialed",
        call_types=("inbound",),
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string", "date": "string",
            "call_flow": "array", "dept_name": "array<string>", "ivr_name": "array<string>",
            "call_id": "string", "billing_circle": "object", "agent_number": "string",
            "agent_name": "string", "customer_no_with_prefix": "string",
        },
    ),
    "answered_by_agent": Trigger(
        title="Call answered by Agent", event="call.agent_answered", variables=_AGENT_VARIABLES
    ),
    "session_call_answered": Trigger(  # nobody has published its variables; those of its nearest relative
        title="Session Call Answered", event="call.session_answered", variables=_AGENT_VARIABLES
    ),
    "answered_by_customer": Trigger(
        title="Call answered by Customer (Click to call)",
        event="call.customer_answered",
        when=_click_to_call,
        call_types=("outbound",),
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string",
            "start_stamp": "string", "direction": "string", "answer_agent_number": "string",
            "billing_circle": "object", "call_status": "string", "customer_no_with_prefix": "string",
        },
    ),
    "missed_by_customer": Trigger(
        title="Call missed by Customer (Click to call)",
        event="call.completed",
        when=_customer_missed,
        call_types=("outbound",),
        variables={
            "uuid": "string", "call_to_number": "string", "caller_id_number": "string",
            "customer_number": "string", "start_stamp": "string", "answer_stamp": "string",
            "end_stamp": "string", "hangup_cause": "string", "billsec": "string", "direction": "string",
            "duration": "string", "answered_agent": "string", "call_flow": "array",
            "recording_url": "string", "call_status": "string", "call_id": "string",
            "billing_circle": "object", "aws_call_recording_identifier": "string",
            "customer_no_with_prefix": "string",
        },
    ),
    "connected_to_agent_dialer": Trigger(
        title="Call Connected to Agent (Dialer)",
        event="call.connected",
        when=_dialer,
        variables={
            "call_id": "string", "call_to_number": "string", "caller_id_number": "string",
            "start_stamp": "string", "start_date": "string", "start_time": "string", "direction": "string",
            "call_flow": "string", "lead_fields": "string", "campaign_name": "string",
            "campaign_id": "string", "billing_circle": "object", "agent": "string", "agent_name": "string",
            "agent_number": "string", "customer_no_with_prefix": "string",
        },
    ),
    "answered_by_agent_hangup": Trigger(
        title="Call answered by Agent (Hangup)",
        event="call.completed",
        when=_agent_answered,
        call_types=("inbound",),
        variables=HANGUP_VARIABLES,
    ),
    "missed_by_agent_hangup": Trigger(
        title="Call missed by Agent (Hangup)",
        event="call.completed",
        when=_agent_missed,
        call_types=("inbound",),
        variables=HANGUP_VARIABLES,
    ),
    "hangup": Trigger(
        title="Call hangup (Missed or Answered)", event="call.completed", variables=HANGUP_VARIABLES
    ),
    "hangup_missed": Trigger(
        title="Call hangup (Missed) (updated)",
        event="call.completed",
        when=_not_answered,
        variables=HANGUP_VARIABLES,
    ),
    "hangup_answered": Trigger(
        title="Call hangup (Answered) (updated)",
        event="call.completed",
        when=_answered,
        variables=HANGUP_VARIABLES,
    ),
    # "Deprecated" speaks at the hangup, provisionally; "updated" after the call has settled.
    "hangup_missed_deprecated": Trigger(
        title="Call hangup (Missed) (Deprecated)",
        event="call.ended",
        when=_not_answered,
        variables=HANGUP_VARIABLES,
    ),
    "hangup_answered_deprecated": Trigger(
        title="Call hangup (Answered) (Deprecated)",
        event="call.ended",
        when=_answered,
        variables=HANGUP_VARIABLES,
    ),
    "disposition_updated_dialer": Trigger(
        title="Disposition Status Updated (Dialer)",
        event="call.disposition_updated",
        when=_dialer,
        variables={
            "call_id": "string", "call_to_number": "string", "caller_id_number": "string",
            "start_stamp": "string", "start_date": "string", "start_time": "string", "end_stamp": "string",
            "end_date": "string", "end_time": "string", "direction": "string", "duration": "string",
            "call_flow": "string", "lead_fields": "string", "campaign_name": "string",
            "campaign_id": "string", "billing_circle": "object", "agent": "string", "agent_name": "string",
            "agent_number": "string", "disposition": "string", "sub_dispositon": "string",
            "customer_no_with_prefix": "string",
        },
    ),
}  # fmt: skip

EVENTS: dict[str, str] = {
    "call.received": "Call received",
    "call.initiated": "Call initiated",
    "call.ringing": "Call ringing",
    "call.ivr_answered": "Menu answered",
    "call.auto_attendant_entered": "Auto attendant entered",
    "call.department_entered": "Department or queue entered",
    "call.dtmf": "Key pressed",
    "call.agent_dialed": "Agent dialled",
    "call.agent_missed": "Agent missed the call",
    "call.agent_answered": "Agent answered",
    "call.customer_answered": "Customer answered",
    "call.customer_missed": "Customer missed the call",
    "call.connected": "Customer and agent connected",
    "call.held": "Call held",
    "call.resumed": "Call resumed",
    "call.transferred": "Call transferred",
    "call.session_answered": "Session call answered",
    "call.voicemail_started": "Voicemail started",
    "call.voicemail_left": "Voicemail left",
    "call.recording_started": "Recording started",
    "call.ended": "Call ended (provisional)",
    "call.completed": "Call completed",
    "call.updated": "Call updated after completion",
    "call.recording_ready": "Recording ready",
    "call.recording_failed": "Recording failed",
    "call.transcript_ready": "Transcript ready",
    "call.transcript_failed": "Transcript failed",
    "call.analyzed": "Call analysed",
    "call.analysis_failed": "Analysis failed",
    "call.analysis_skipped": "Analysis skipped",
    "call.disposition_updated": "Disposition updated",
    "call.wrapped_up": "Agent wrapped up",
    "call.billed": "Call billed",
    "call.actions_finished": "Post-call actions finished",
    "call.orphaned": "End of the call never came",
}

# Operational notices: about the account's set-up, not about a call.
NOTICES: dict[str, str] = {
    "webhook.failing": "Webhook failing",
    "webhook.disabled": "Webhook disabled",
    "agent.status_changed": "Agent status changed",
    "source.failing": "Source failing",
    "connection.failing": "Connection failing",
    "message.blocked": "Message blocked",
    "message.deferred": "Message deferred",
    "message.delivered": "Message delivered",
    "message.undelivered": "Message not delivered",
    "message.unconfirmed": "Message without confirmation",
    "message.received": "Text received",
    "message.opted_out": "Recipient opted out",
}

NAMES = frozenset(TRIGGERS) | frozenset(EVENTS) | frozenset(NOTICES)
