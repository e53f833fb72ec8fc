"""What a call was, in words: the summary every call has (S4), by analysis or else made from its facts."""

from aftercall.domain.call import Call
from aftercall.domain.clean import line, lines
from aftercall.domain.contact import Contact
from aftercall.domain.template_filters import duration

_REASONS = {
    "no_answer": "nobody answered",
    "agent_no_answer": "no agent answered",
    "busy": "the line was busy",
    "rejected": "the call was rejected",
    "caller_cancelled": "the caller hung up first",
    "caller_hangup_in_queue": "the caller hung up in the queue",
    "caller_hangup_in_ivr": "the caller hung up in the menu",
    "queue_timeout": "the wait in the queue was too long",
    "queue_full": "the queue was full",
    "no_agents": "no agent was there",
    "closed_hours": "outside opening hours",
    "unavailable": "the number could not be reached",
    "congestion": "the network was congested",
    "invalid_number": "the number does not exist",
    "blocked": "the number is blocked",
    "failed": "the call failed",
    "timeout": "it rang too long",
    "machine": "a machine answered",
    "lost": "the end of the call is not known",
    "pbx_restart": "the telephone system restarted",
}
_OUTCOMES = {"answered": "Answered", "missed": "Missed", "abandoned": "Abandoned", "voicemail": "Voicemail"}


def summary(call: Call) -> str:
    """The analysis' summary; without one, a few sentences of outcome, agent, duration, disposition and notes."""
    told = call.analysis.summary if call.analysis is not None else None
    if told is not None and (words := lines(told).strip()):
        return words
    return " ".join(part for part in (_outcome(call), _disposition(call), _notes(call)) if part)


def title(call: Call, contact: Contact | None = None) -> str:
    """What happened, in a few words: `Missed call from Ana, +14085551234`."""
    outcome = f"{_OUTCOMES[call.status]} call" if call.status else "Call"
    if call.status == "voicemail":
        outcome = "Voicemail"
    return f"{outcome} {'to' if call.direction == 'outbound' else 'from'} {label(call, contact)}"


def label(call: Call, contact: Contact | None = None) -> str:
    """The outside party: the contact's name where the number is saved, and the caller ID."""
    number = call.customer_number or "withheld number"
    name = line(contact.name, 80) if contact is not None else ""
    return line(f"{name}, {number}" if name else number, 120)


def _outcome(call: Call) -> str:
    where = _named(call)
    if call.status is None:
        return "The call has ended." if call.ended_at else "The call is going on."
    if call.status == "answered":
        agent = call.agent.name or call.agent.number or call.agent.id if call.agent else None
        by = f" by {line(agent, 80)}" if agent else ""
        return f"Answered{by}{where}{_lasted(call)}."
    if call.status == "voicemail":
        return f"The caller left a voicemail{where}{_lasted(call)}."
    reason = _REASONS.get(call.reason or "", "")
    waited = f" after {duration(call.wait_seconds)} of waiting" if call.wait_seconds else ""
    return f"{_OUTCOMES[call.status]}{where}{waited}{': ' if reason else ''}{reason}."


def _named(call: Call) -> str:
    name = call.queue.name or call.queue.id if call.queue else None
    return f" ({line(name, 80)})" if name else ""


def _lasted(call: Call) -> str:
    """The conversation where its length is known, else the whole call."""
    seconds = call.talk_time_seconds or call.duration_seconds
    return "" if seconds is None else f", {duration(seconds)}"


def _disposition(call: Call) -> str:
    said = [line(word, 80) for word in (call.disposition, call.sub_disposition) if word]
    return f"Disposition: {' / '.join(said)}." if said else ""


def _notes(call: Call) -> str:
    words = lines(call.notes or "").strip()
    if not words:
        return ""
    return f"Notes: {words}" if words[-1] in ".!?…" else f"Notes: {words}."
