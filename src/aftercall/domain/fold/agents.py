"""Agents' legs of a call: dialled, answered, missed, or answered elsewhere. A leg's first outcome is its outcome."""

from datetime import datetime

from aftercall.domain.call import AgentLeg, Step
from aftercall.domain.causes import answered_elsewhere, reason_of
from aftercall.domain.fact import Agent, Fact, Named, Reason
from aftercall.domain.fold.story import Story, plain


def name_of(agent: Agent | None) -> str:
    """What tells an agent from others, for sources that do not name legs."""
    return (agent.id or agent.number or agent.name or "") if agent else ""


def dialed(story: Story, fact: Fact) -> None:
    key = _key(story, fact, dialing=True)
    if key in story.leg_at:
        return
    agent = fact.data.agent or Agent()
    _add(story, key, AgentLeg(agent, fact.leg, fact.occurred_at), fact.occurred_at)
    story.ringing[key] = story.leg_at[key]
    details = {"agent": plain(agent), "leg": key, "queue": plain(fact.data.queue or _queue(story))}
    story.tell("call.agent_dialed", fact.occurred_at, key, details)


def answered(story: Story, fact: Fact) -> None:
    key = _key(story, fact)
    if not _open(story, key, fact):
        return
    leg = take_up(story, key, fact.occurred_at, fact.data.agent, fact.data.ring_time_seconds)
    details = {"agent": plain(leg.agent), "leg": key, "ring_time_seconds": leg.ring_seconds}
    story.tell("call.agent_answered", fact.occurred_at, key, details)


def take_up(
    story: Story, key: str, at: datetime, agent: Agent | None = None, ring_seconds: int | None = None
) -> AgentLeg:
    """The leg's agent is on the line from now on."""
    i = story.leg_at[key]
    old = story.legs[i]
    agent = fuller(old.agent, agent)
    ring = _ring(old, at, ring_seconds)
    leg = AgentLeg(agent, old.leg, old.dialed_at, answered_at=at, ring_seconds=ring)
    story.legs[i] = leg
    story.ringing.pop(key, None)
    _step(story, i, leg, "answered")
    story.agent = story.agent or agent
    story.answers, story.answers_at, story.answered_at = story.answers + 1, len(story.legs), at
    if ring is not None:
        story.ring_seconds = ring
    story.agents_on.open(key, at)
    if story.customer_legs_on:
        story.both_on.open(key, at)
    return leg


def missed(story: Story, fact: Fact) -> None:
    key = _key(story, fact)
    if not _open(story, key, fact):
        return
    i = story.leg_at[key]
    old = story.legs[i]
    story.ringing.pop(key, None)
    ring = _ring(old, fact.occurred_at, fact.data.ring_time_seconds)
    agent = fuller(old.agent, fact.data.agent)
    if answered_elsewhere(fact.data.hangup):
        leg = AgentLeg(agent, old.leg, old.dialed_at, ended_at=fact.occurred_at, ring_seconds=ring)
        story.legs[i] = leg
        _step(story, i, leg, "answered_elsewhere")
        return
    reason: Reason = fact.data.reason or reason_of(fact.data.hangup) or "no_answer"
    leg = AgentLeg(agent, old.leg, old.dialed_at, None, fact.occurred_at, True, reason, ring)
    story.legs[i] = leg
    _step(story, i, leg, "missed")
    story.missed_reason = reason
    if ring is not None:
        story.ring_seconds = ring
    if key not in story.told_missed:
        tell_missed(story, key, leg, fact.occurred_at)


def tell_missed(story: Story, key: str, leg: AgentLeg, at: datetime) -> None:
    story.told_missed[key] = True
    details = {"agent": plain(leg.agent), "leg": key, "reason": leg.reason}
    details["ring_time_seconds"] = leg.ring_seconds
    story.tell("call.agent_missed", at, key, details)


def still_ringing(story: Story, key: str, end: datetime, reason: Reason) -> AgentLeg:
    """What becomes of a leg nobody gave an outcome, if the call ends: answered elsewhere, else missed."""
    i = story.ringing[key]
    old, taken_at = story.legs[i], story.answered_at
    if taken_at is not None and i < story.answers_at:
        ring = _ring(old, taken_at, None)
        return AgentLeg(old.agent, old.leg, old.dialed_at, ended_at=taken_at, ring_seconds=ring)
    ring = _ring(old, end, None)
    return AgentLeg(old.agent, old.leg, old.dialed_at, None, end, True, reason, ring)


def who_is_connected(story: Story, fact: Fact) -> None:
    """A conversation implies that its agent answered: the one it names, else the only one who is rung."""
    named = fact.data.agent
    if named is not None:
        key = story.leg_of.get(name_of(named), "")
        if key in story.ringing:
            take_up(story, key, fact.occurred_at, named)
        elif key not in story.leg_at and name_of(named) != name_of(story.caller_agent):
            key = _key(story, fact)
            if key in story.leg_at:  # the leg is another agent's: the source names legs by the customer's
                key = _unused(story, name_of(named))
            _add(story, key, AgentLeg(named, fact.leg), fact.occurred_at)
            take_up(story, key, fact.occurred_at)
    elif story.agent is None and len(story.ringing) == 1:
        take_up(story, next(iter(story.ringing)), fact.occurred_at)


def fuller(old: Agent, new: Agent | None) -> Agent:
    """Both descriptions of one agent in one; the first word counts."""
    if new is None or new == old:
        return old
    return Agent(
        old.id or new.id,
        old.name or new.name,
        old.number or new.number,
        old.follow_me_number or new.follow_me_number,
        "ai" if "ai" in {old.kind, new.kind} else "human",
    )


def _key(story: Story, fact: Fact, *, dialing: bool = False) -> str:
    """Which leg an agent's fact is about. Sources that name no legs mean the agent's last one.

    Dialling an agent again whose leg has had its outcome makes another leg: "101", then "101#2".
    """
    agent = name_of(fact.data.agent)
    last = story.leg_of.get(agent)
    if fact.leg:
        unnamed = last is not None and last in story.ringing and story.legs[story.leg_at[last]].leg is None
        return fact.leg if fact.leg in story.leg_at or last is None or not unnamed else last
    if last is not None and (not dialing or last in story.ringing):
        return last
    if not agent and not dialing and len(story.ringing) == 1:
        return next(iter(story.ringing))
    return _unused(story, agent)


def _unused(story: Story, agent: str) -> str:
    key = agent or "agent"
    if key not in story.leg_at and key not in story.visits:
        return key
    story.visits[key] = number = story.visits.get(key, 1) + 1
    return f"{key}#{number}"


def _open(story: Story, key: str, fact: Fact) -> bool:
    """Whether the leg has no outcome yet; one that was never dialled begins here."""
    if key in story.leg_at:
        return key in story.ringing
    _add(story, key, AgentLeg(fact.data.agent or Agent(), fact.leg), fact.occurred_at)
    return True


def _add(story: Story, key: str, leg: AgentLeg, at: datetime) -> None:
    story.leg_at[key] = len(story.legs)
    story.leg_of[name_of(leg.agent)] = key
    story.legs.append(leg)
    story.leg_steps.append(len(story.steps))
    story.steps.append(Step("agent", at, leg.agent.id or leg.agent.number, leg.agent.name, leg=leg.leg))


def _step(story: Story, i: int, leg: AgentLeg, result: str) -> None:
    n, agent = story.leg_steps[i], leg.agent
    if n < 0:
        return  # listed no more
    at, id_ = story.steps[n].at, agent.id or agent.number
    story.steps[n] = Step("agent", at, id_, agent.name, leg.ring_seconds, result, leg.leg)


def _ring(leg: AgentLeg, until: datetime, told: int | None) -> int | None:
    if told is not None:
        return max(told, 0)
    return None if leg.dialed_at is None else max(int((until - leg.dialed_at).total_seconds()), 0)


def _queue(story: Story) -> Named | None:
    return story.queue if story.where == "queue" else None
