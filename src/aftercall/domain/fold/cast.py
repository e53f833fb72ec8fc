"""Who took part in a call, and the steps it went through: agents' legs as they stand now or stood at the end."""

from aftercall.domain.call import AgentLeg, Step
from aftercall.domain.fact import Agent, Reason, Status
from aftercall.domain.fold import agents, outcome
from aftercall.domain.fold.seconds import whole
from aftercall.domain.fold.story import Story


def cast(
    story: Story, status: Status | None, reason: Reason | None
) -> tuple[Agent | None, tuple[AgentLeg, ...]]:
    """Who spoke for the business, and every agent's part in the call.

    A record's `agent` answered the call. If nobody did, that agent was rung and has missed it; unless we placed
    the call, then the agent placed it, or was on the line before the customer (except `agent_no_answer`).
    """
    outgoing = outcome.direction_of(story) == "outbound"
    agent = story.agent
    if agent is None and outgoing and story.call_type in {None, "direct"}:
        agent = story.caller_agent
    legs = list(story.legs)
    if story.ended_at is not None and story.ringing:
        missed_for = reason or outcome.leg_reason(story)
        for key, i in story.ringing.items():
            legs[i] = agents.still_ringing(story, key, story.ended_at, missed_for)
    named = story.said.agent
    if named is None:
        return agent, tuple(legs)
    if status == "answered" or (outgoing and reason != "agent_no_answer"):
        return named, _with_answer(story, legs, named, status)
    if story.leg_of.get(agents.name_of(named)) is None:
        rang, why = _rang(story), reason or "no_answer"
        legs.append(AgentLeg(named, ended_at=story.ended_at, missed=True, reason=why, ring_seconds=rang))
    return agent, tuple(legs)


def _with_answer(
    story: Story, legs: list[AgentLeg], named: Agent, status: Status | None
) -> tuple[AgentLeg, ...]:
    """The finished call says that this agent answered; a leg of theirs without an outcome did so."""
    key = story.leg_of.get(agents.name_of(named))
    if status != "answered":
        return tuple(legs)
    if key is None:
        legs.append(AgentLeg(named, answered_at=story.said.connected_at, ring_seconds=_rang(story)))
    elif key in story.ringing:
        i = story.ringing[key]
        old = story.legs[i]
        at = story.said.connected_at or story.talk.first
        legs[i] = AgentLeg(agents.fuller(old.agent, named), old.leg, old.dialed_at, at)
    return tuple(legs)


def _rang(story: Story) -> int | None:
    return None if story.said.ring_time_seconds is None else max(story.said.ring_time_seconds, 0)


def flow(story: Story, legs: tuple[AgentLeg, ...]) -> tuple[Step, ...]:
    """The steps in order; those that were under way when the call ended, ended with it."""
    end = story.ended_at
    if end is None or not (story.ringing or story.where):
        return tuple(story.steps)
    steps = list(story.steps)
    if story.where and story.where_step >= 0:
        old = steps[story.where_step]
        steps[story.where_step] = Step(old.type, old.at, old.id, old.name, whole(None, end - old.at))
    for i in story.ringing.values():
        leg, n = legs[i], story.leg_steps[i]
        if n < 0:
            continue
        old = steps[n]
        result = "missed" if leg.missed else "answered" if leg.answered_at else "answered_elsewhere"
        steps[n] = Step(old.type, old.at, old.id, old.name, leg.ring_seconds, result, old.leg)
    return tuple(steps)
