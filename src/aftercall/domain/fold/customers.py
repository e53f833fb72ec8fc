"""Legs to the customer, of calls we place: dialled, answered, missed. A leg's first outcome is its outcome."""

from datetime import datetime

from aftercall.domain.call import Step
from aftercall.domain.causes import reason_of
from aftercall.domain.fact import Fact, Reason
from aftercall.domain.fold.story import CustomerLeg, Story


def dialed(story: Story, fact: Fact) -> None:
    story.customer_dialed = True
    key = fact.leg or "customer"
    if key not in story.customers:
        _add(story, key, fact, fact.occurred_at)
        story.customer_dialed_at = story.customer_dialed_at or fact.occurred_at


def answered(story: Story, fact: Fact) -> None:
    key, leg = _unsettled(story, fact)
    if leg is None:
        return
    leg.answered = True
    if fact.data.reason == "machine":
        story.machine = True
    _step(story, leg, fact.occurred_at, "machine" if story.machine else "answered")
    story.customer_answered_at = story.customer_answered_at or fact.occurred_at
    story.customer_legs_on.append(key)
    story.customer_on.open(key, fact.occurred_at)
    if story.agents_on.legs:
        story.both_on.open(story.agents_on.legs[-1], fact.occurred_at)
    story.tell("call.customer_answered", fact.occurred_at, key, {"leg": key, "reason": fact.data.reason})


def missed(story: Story, fact: Fact) -> None:
    key, leg = _unsettled(story, fact)
    if leg is None:
        return
    leg.missed = True
    reason: Reason = fact.data.reason or reason_of(fact.data.hangup) or "no_answer"
    if reason == "machine":
        story.machine = True
    story.customer_reason = reason
    story.customer_left_at = fact.occurred_at
    _step(story, leg, fact.occurred_at, "missed")
    story.tell("call.customer_missed", fact.occurred_at, key, {"leg": key, "reason": reason})


def _unsettled(story: Story, fact: Fact) -> tuple[str, CustomerLeg | None]:
    """The customer's leg if it has no outcome yet."""
    story.customer_dialed = True
    key = fact.leg or "customer"
    leg = story.customers.get(key)
    if leg is None:
        leg = _add(story, key, fact, None)
    return key, None if leg.answered or leg.missed else leg


def _add(story: Story, key: str, fact: Fact, dialed_at: datetime | None) -> CustomerLeg:
    leg = CustomerLeg(len(story.steps), dialed_at)
    story.customers[key] = leg
    story.steps.append(Step("customer", fact.occurred_at, fact.data.to, fact.data.to_name, leg=fact.leg))
    return leg


def _step(story: Story, leg: CustomerLeg, at: datetime, result: str) -> None:
    if leg.step < 0:
        return  # listed no more
    old = story.steps[leg.step]
    ring = None if leg.dialed_at is None else max(int((at - leg.dialed_at).total_seconds()), 0)
    story.steps[leg.step] = Step("customer", old.at, old.id, old.name, ring, result, old.leg)
