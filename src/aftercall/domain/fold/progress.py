"""What facts of a call in progress do to its story: start, menus, queues, keys, conversation, voicemail."""

from collections.abc import Callable
from datetime import datetime

from aftercall.domain.call import Digit, Step
from aftercall.domain.fact import Fact, Kind
from aftercall.domain.fold import agents, customers, places
from aftercall.domain.fold.story import Story, plain

# A transfer that was refused leaves the two where they were; every other end of a transfer parts them.
REFUSED = frozenset({"failed", "rejected"})
DIGITS_SO_FAR = 64  # keys an event repeats; all of them are in the call


def received(story: Story, fact: Fact) -> None:
    _started(story, fact)
    story.implied_direction = story.implied_direction or "inbound"
    story.tell_once("call.received", fact.occurred_at)


def initiated(story: Story, fact: Fact) -> None:
    _started(story, fact)
    story.implied_direction = story.implied_direction or "outbound"
    story.caller_agent = story.caller_agent or fact.data.agent
    story.tell_once("call.initiated", fact.occurred_at)


def ringing(story: Story, fact: Fact) -> None:
    story.ringing_at = story.ringing_at or fact.occurred_at
    story.tell_once("call.ringing", fact.occurred_at, "", {"leg": fact.leg})


def server_answered(story: Story, fact: Fact) -> None:
    at = fact.data.answered_at or fact.occurred_at
    if story.server_answered_at is None or at < story.server_answered_at:
        story.server_answered_at = at


def ivr_answered(story: Story, fact: Fact) -> None:
    server_answered(story, fact)
    story.ivr = fact.data.ivr or story.ivr
    places.enter(story, "menu", "ivr", fact.data.ivr, fact.occurred_at)
    visit = places.visit(story, "ivr", fact.data.ivr)
    story.tell("call.ivr_answered", fact.occurred_at, visit, {"ivr": plain(fact.data.ivr)})


def auto_attendant_entered(story: Story, fact: Fact) -> None:
    attendant = fact.data.auto_attendant
    story.auto_attendant = attendant or story.auto_attendant
    places.enter(story, "menu", "auto_attendant", attendant, fact.occurred_at)
    details = {"auto_attendant": plain(attendant)}
    story.tell("call.auto_attendant_entered", fact.occurred_at, places.visit(story, "aa", attendant), details)


def department_entered(story: Story, fact: Fact) -> None:
    _part(story, fact.occurred_at)
    queue = fact.data.queue
    story.queue = queue or story.queue
    places.enter(story, "queue", "queue", queue, fact.occurred_at)
    said = plain(queue)
    details = {"queue": said, "department": said, "position": fact.data.position}
    story.tell("call.department_entered", fact.occurred_at, places.visit(story, "queue", queue), details)


def dtmf(story: Story, fact: Fact) -> None:
    at = fact.occurred_at
    ivr = fact.data.ivr or (story.ivr if story.where == "menu" else None)
    keys = (fact.data.digit,) if fact.data.digit is not None else fact.data.digits
    for n, key in enumerate(keys):
        story.digits.append(Digit(key, at, ivr.id if ivr else None))
        story.digits_so_far = (story.digits_so_far + key)[-DIGITS_SO_FAR:]
        details = {"digit": key, "digits_so_far": story.digits_so_far, "ivr": plain(ivr)}
        story.tell("call.dtmf", at, _digit_time(story, fact, n), details)


def agent_dialed(story: Story, fact: Fact) -> None:
    if story.where == "menu":
        places.leave(story, fact.occurred_at)
    agents.dialed(story, fact)


def agent_answered(story: Story, fact: Fact) -> None:
    places.leave(story, fact.occurred_at)
    agents.answered(story, fact)


def connected(story: Story, fact: Fact) -> None:
    """Opens the conversation, or joins a leg to it. What two facts say of one leg and time is told once."""
    at, leg = fact.occurred_at, _leg(fact)
    places.leave(story, at)
    agents.who_is_connected(story, fact)
    if story.caller_leg is None:
        story.caller_leg = fact.leg
    seen = at == story.connects_at and leg in story.connect_legs
    if not story.talk.open(leg, at) or seen:
        return
    if at != story.connects_at:
        story.connects_at, story.connect_legs = at, []
    story.connect_legs.append(leg)
    story.connects += 1
    agent = fact.data.agent or story.agent or story.caller_agent
    story.tell("call.connected", at, str(story.connects), {"agent": plain(agent), "leg": fact.leg})


def disconnected(story: Story, fact: Fact) -> None:
    """A leg leaves the conversation; without a leg, all do."""
    at, leg = fact.occurred_at, _leg(fact)
    story.talk.close(leg, at)
    story.agents_on.close(leg, at)
    if leg in story.customer_legs_on:
        story.customer_legs_on.remove(leg)
        story.customer_on.close(leg, at)
    if not (leg and story.customer_legs_on and story.agents_on.legs):
        story.both_on.close("", at)
    if not story.talk.legs:
        story.held.close("", at)


def held(story: Story, fact: Fact) -> None:
    if story.held.open(_leg(fact), fact.occurred_at):
        story.holds += 1
        story.tell("call.held", fact.occurred_at, str(story.holds), {"leg": fact.leg})


def resumed(story: Story, fact: Fact) -> None:
    if story.held.close(_leg(fact), fact.occurred_at):
        story.resumes += 1
        story.tell("call.resumed", fact.occurred_at, str(story.resumes), {"leg": fact.leg})


def transferred(story: Story, fact: Fact) -> None:
    """Parts customer and agent, except when attended: then the conversation goes on with another."""
    at, transfer = fact.occurred_at, fact.data.transfer
    story.transfers += 1
    if transfer is None or (transfer.kind != "attended" and transfer.result not in REFUSED):
        _part(story, at)
        places.leave(story, at)
    kind, to, result = (transfer.kind, transfer.to, transfer.result) if transfer else ("blind", None, None)
    story.steps.append(Step("transfer", at, to, kind, result=result, leg=fact.leg))
    details = {"transfer": plain(transfer) or {}}
    details["transfer"]["kind"] = kind
    story.tell("call.transferred", at, str(story.transfers), details)


def session_answered(story: Story, fact: Fact) -> None:
    session = fact.leg or fact.data.uuid or fact.natural_id
    details = {"session": session, "agent": plain(fact.data.agent)}
    story.tell_once("call.session_answered", fact.occurred_at, session, details)


def voicemail_started(story: Story, fact: Fact) -> None:
    server_answered(story, fact)
    _voicemail(story, fact)
    story.voicemails += 1
    details = {"voicemail": plain(fact.data.voicemail)}
    story.tell("call.voicemail_started", fact.occurred_at, str(story.voicemails), details)


def voicemail_left(story: Story, fact: Fact) -> None:
    if story.voicemail_at is None:
        _voicemail(story, fact)
    story.voicemails_left += 1
    details = {"voicemail": plain(fact.data.voicemail)}
    story.tell("call.voicemail_left", fact.occurred_at, str(story.voicemails_left), details)


def _started(story: Story, fact: Fact) -> None:
    if story.start_at is None or fact.occurred_at < story.start_at:
        story.start_at = fact.occurred_at
    if not story.caller_leg_is_first and fact.leg:
        story.caller_leg, story.caller_leg_is_first = fact.leg, True


def _leg(fact: Fact) -> str:
    return fact.leg or agents.name_of(fact.data.agent)


def _part(story: Story, at: datetime) -> None:
    """The customer hears the agent no more. They stay on the line; who comes next opens another stretch."""
    for span in (story.talk, story.agents_on, story.customer_on, story.both_on, story.held):
        if span.since is not None:
            span.close("", at)


def _voicemail(story: Story, fact: Fact) -> None:
    at = fact.occurred_at
    _part(story, at)
    places.leave(story, at)
    story.voicemail_at = story.voicemail_at or at
    box = fact.data.voicemail.box if fact.data.voicemail else None
    story.steps.append(Step("voicemail", at, box))


def _digit_time(story: Story, fact: Fact, n: int) -> str:
    """The discriminator of a key: the source's number or the time, and which of those at that time."""
    if fact.seq is not None:
        return f"{fact.seq}#{n + 1}" if n else str(fact.seq)
    at, count = fact.occurred_at, 1
    if story.digit_times is not None and story.digit_times[0] == at:
        count = story.digit_times[1] + 1
    story.digit_times = (at, count)
    return f"{at.isoformat()}#{count}" if count > 1 else at.isoformat()


LIVE: dict[Kind, Callable[[Story, Fact], None]] = {
    Kind.RECEIVED: received,
    Kind.INITIATED: initiated,
    Kind.RINGING: ringing,
    Kind.ANSWERED: server_answered,
    Kind.IVR_ANSWERED: ivr_answered,
    Kind.AUTO_ATTENDANT_ENTERED: auto_attendant_entered,
    Kind.DEPARTMENT_ENTERED: department_entered,
    Kind.DTMF: dtmf,
    Kind.AGENT_DIALED: agent_dialed,
    Kind.AGENT_MISSED: agents.missed,
    Kind.AGENT_ANSWERED: agent_answered,
    Kind.CUSTOMER_DIALED: customers.dialed,
    Kind.CUSTOMER_ANSWERED: customers.answered,
    Kind.CUSTOMER_MISSED: customers.missed,
    Kind.CONNECTED: connected,
    Kind.DISCONNECTED: disconnected,
    Kind.HELD: held,
    Kind.RESUMED: resumed,
    Kind.TRANSFERRED: transferred,
    Kind.SESSION_ANSWERED: session_answered,
    Kind.VOICEMAIL_STARTED: voicemail_started,
    Kind.VOICEMAIL_LEFT: voicemail_left,
}


def live(story: Story, fact: Fact) -> None:
    """Add a fact of a call in progress."""
    at = fact.occurred_at
    if story.first_at is None or at < story.first_at:
        story.first_at = at
    if story.last_live_at is None or at > story.last_live_at:
        story.last_live_at = at
    if fact.data.answered_at is not None:
        server_answered(story, fact)
    LIVE[fact.kind](story, fact)
