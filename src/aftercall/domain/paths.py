"""What a template may name: every path with its type and meaning, to pick from and to check against (T6)."""

from collections.abc import Mapping

import msgspec


class Variable(msgspec.Struct, frozen=True):
    path: str
    type: str
    description: str


Members = Mapping[str, tuple[str, str]]

EVENT: Members = {
    "name": ("string", "Name of the event, such as call.completed"),
    "trigger": ("string", "The trigger of this webhook that the event fired"),
    "id": ("string", "Id of the event, the same on every retry and resend"),
    "occurred_at": ("time", "When it happened"),
    "received_at": ("time", "When we heard of it"),
    "sequence": ("integer", "Number of the event within its call, without gaps"),
    "revision": ("integer", "Number of the call record; 0 while the call has not settled"),
    "late": ("boolean", "Told after the call was completed"),
    "is_test": ("boolean", "A test, not a real call"),
    "details": ("object", "What is particular to this event"),
}
CALL: Members = {
    "id": ("string", "Id of the call"),
    "call_id": ("string", "Id of the call (the same as call.id)"),
    "source_call_key": ("string", "Id of the call at its source"),
    "uuid": ("string", "Id of the connection at the source"),
    "parent_call_id": ("string", "Call that this one came from (transfer, conference)"),
    "phase": ("string", "Where the call stands"),
    "direction": ("string", "inbound or outbound"),
    "call_type": ("string", "direct, click_to_call, dialer, broadcast, ai_agent, internal or conference"),
    "from": ("string", "Number of the caller, E.164"),
    "to": ("string", "Number called, E.164"),
    "from_name": ("string", "Name of the caller"),
    "to_name": ("string", "Name of who was called"),
    "from_presentation": ("string", "allowed or anonymous"),
    "did": ("string", "Our number"),
    "caller_id": ("string", "Number shown to the customer"),
    "customer_number": ("string", "Number of the outside party, E.164"),
    "status": ("string", "answered, missed, abandoned or voicemail"),
    "reason": ("string", "Why the call was missed or abandoned"),
    "hangup": ("object", "How the call was cleared: cause, cause_code, sip_code, by"),
    "queue": ("object", "Last queue or department: id, name"),
    "ivr": ("object", "Last menu: id, name"),
    "auto_attendant": ("object", "Last auto attendant: id, name"),
    "agent": ("object", "Agent who answered first: id, name, number"),
    "agents": ("array", "Every agent's part in the call"),
    "missed_agents": ("array", "The agents who did not answer"),
    "campaign": ("object", "Dialer campaign: id, name"),
    "broadcast": ("object", "Broadcast: id, name"),
    "lead": ("object", "Lead of a campaign or broadcast"),
    "started_at": ("time", "When the call began"),
    "server_answered_at": ("time", "When a machine picked up"),
    "connected_at": ("time", "When customer and agent first heard each other"),
    "ended_at": ("time", "When the call ended"),
    "customer_answered_at": ("time", "When the customer picked up (outbound)"),
    "duration_seconds": ("integer", "From beginning to end"),
    "billable_seconds": ("integer", "Seconds to be billed"),
    "talk_time_seconds": ("integer", "Seconds of conversation"),
    "bridged_seconds": ("integer", "Seconds the legs were bridged"),
    "ring_time_seconds": ("integer", "Seconds the last agent rang"),
    "wait_seconds": ("integer", "Seconds in queues"),
    "ivr_seconds": ("integer", "Seconds in menus"),
    "hold_seconds": ("integer", "Seconds on hold"),
    "outbound_seconds": ("integer", "Seconds of the outbound leg"),
    "wrap_up_seconds": ("integer", "Seconds of work after the call"),
    "recording_url": ("string", "Link to the recording"),
    "recordings": ("array", "All recordings"),
    "transcript": ("object", "Transcript: status, language, turns, url"),
    "transcript_text": ("string", "The whole transcript, one line a turn"),
    "analysis": ("object", "Analysis: summary, success, variables, sentiment"),
    "summary": ("string", "Summary of the conversation"),
    "digits": ("array", "Keys pressed: digit, at, ivr_id"),
    "call_flow": ("array", "Steps of the call, in order"),
    "disposition": ("string", "The agent's label"),
    "sub_disposition": ("string", "The label below it"),
    "disposition_at": ("time", "When the label was set"),
    "disposition_by": ("string", "Who set it"),
    "notes": ("string", "Notes on the call"),
    "tags": ("array", "Tags of the call"),
    "custom_fields": ("object", "Custom fields, each under its name"),
    "billing": ("object", "Circle, operator, cost, currency, credits"),
    "is_test": ("boolean", "A test, not a real call"),
    "data_quality": ("array", "What is uncertain about the record"),
    "links": ("array", "All keys of a call told by several sources or joined by a transfer"),
    "merged_into": ("string", "Call that this one lives on as"),
}
CUSTOMER: Members = {
    "phone": ("string", "Number of the outside party, E.164"),
    "number": ("string", "The same as customer.phone"),
    "national": ("string", "The number within its country, digits only"),
    "country": ("string", "Country of the number, two letters"),
    "name": ("string", "Name of the outside party"),
}
AGENT: Members = {
    "id": ("string", "Id of the agent the event is about, else of who answered"),
    "name": ("string", "Name of that agent"),
    "number": ("string", "Number of that agent"),
    "follow_me_number": ("string", "Number that agent's calls follow to"),
    "kind": ("string", "human or ai"),
}
_SHARED: dict[str, Members] = {
    "event": EVENT,
    "call": CALL,
    "customer": CUSTOMER,
    "agent": AGENT,
    "account": {"id": ("string", "Id of the account")},
    "source": {"id": ("string", "Id of the source the call came from")},
}
ROOTS: dict[str, Members] = {
    **_SHARED,
    "webhook": {"id": ("string", "Id of this webhook"), "name": ("string", "Name of this webhook")},
}

# Of messages to people (S2). What stands here beside a shared root's members only messages have.
MESSAGE_ROOTS: dict[str, Members] = {
    **_SHARED,
    "call": {
        **CALL,
        "summary": ("string", "Summary of the conversation; without analysis made from the call's facts"),
        "title": ("string", "What happened, in a few words: Missed call from Ana, +14085551234"),
    },
    "customer": {
        **CUSTOMER,
        "label": ("string", "Contact name when the number is saved, and the number"),
        "phone_type": ("string", "mobile, landline, voip, toll_free and so on, as far as the number tells"),
    },
    "contact": {
        "name": ("string", "Name the outside party's number is saved under"),
        "number": ("string", "Number of the contact, E.164"),
        "email": ("string", "Mail address of the contact"),
        "time_zone": ("string", "Time zone of the contact"),
        "tags": ("array", "Tags of the contact"),
        "details": ("object", "Further details of the contact, each under its name"),
    },
    "recipient": {
        "role": ("string", "Whom the message is for: caller, user or fixed"),
        "name": ("string", "Name of the recipient"),
        "address": ("string", "Number or mail address of the recipient"),
    },
    "rule": {
        "id": ("string", "Id of the post-call action"),
        "name": ("string", "Name of the post-call action"),
    },
}
