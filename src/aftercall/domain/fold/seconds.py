"""The seconds of a call: from when to when they are counted. The source's own count wins; none is negative."""

from datetime import datetime, timedelta

from aftercall.domain.call import AgentLeg
from aftercall.domain.fold import outcome
from aftercall.domain.fold.places import spent
from aftercall.domain.fold.story import Story

SECOND = timedelta(seconds=1)


def whole(said: int | None, reckoned: timedelta) -> int:
    """Whole seconds, cut off: the source's own value where it gives one. Never negative (H12)."""
    return max(reckoned // SECOND if said is None else said, 0)


def billable(story: Story, since: datetime | None, end: datetime) -> int:
    """What the source bills, else from the first answer, each second begun.

    A switch's accounting counts only where part of the call was not seen: its rows are not calls.
    """
    if story.said.billable_seconds is not None:
        return max(story.said.billable_seconds, 0)
    seen = 0 if since is None else max(-(-(end - since) // SECOND), 0)
    return max(seen, story.accounted_seconds or 0) if "gap" in story.flags else seen


def ring(story: Story, agents: tuple[AgentLeg, ...], connected_at: datetime | None) -> int | None:
    """How long the last agent was rung; without agents' legs, how long the call rang."""
    if story.said.ring_time_seconds is not None:
        return max(story.said.ring_time_seconds, 0)
    if story.ringing and story.ended_at is not None:
        rung = [agents[i].ring_seconds for i in story.ringing.values() if agents[i].missed]
        return rung[-1] if rung else story.ring_seconds
    if story.legs or story.ringing_at is None or story.ended_at is None:
        return story.ring_seconds
    return whole(None, (connected_at or story.ended_at) - story.ringing_at)


def places(story: Story) -> tuple[int | None, int | None]:
    """Seconds in queues and menus; of a call in progress, those that are over."""
    said, end = story.said, story.ended_at
    menu, queue = spent(story, end) if end is not None else (story.menu_seconds, story.queue_seconds)
    wait = said.wait_seconds if said.wait_seconds is not None else int(queue) if story.been_in_queue else None
    in_menus = said.ivr_seconds if said.ivr_seconds is not None else int(menu) if story.been_in_menu else None
    return (None if wait is None else max(wait, 0)), (None if in_menus is None else max(in_menus, 0))


def hold(story: Story, duration: int | None) -> int | None:
    if story.said.hold_seconds is not None:
        return max(story.said.hold_seconds, 0)
    if story.ended_at is None or duration is None or story.held.first is None:
        return None
    return min(whole(None, story.held.until(story.ended_at)), duration)


def outbound(story: Story, duration: int | None) -> int | None:
    """How long the leg to the customer lasted, of a call we placed."""
    if story.said.outbound_seconds is not None:
        return max(story.said.outbound_seconds, 0)
    if story.ended_at is None or duration is None or outcome.direction_of(story) != "outbound":
        return None
    if story.customer_dialed_at is not None:
        left = story.customer_left_at if story.customer_answered_at is None else None
        return min(whole(None, (left or story.ended_at) - story.customer_dialed_at), duration)
    two_legged = story.legs and story.call_type in outcome.OUTGOING and not story.customer_dialed
    return 0 if two_legged else duration


def wrap_up(story: Story) -> int | None:
    if story.wrap_up_seconds is not None:
        return max(story.wrap_up_seconds, 0)
    if story.wrapped_up_at is None or story.ended_at is None:
        return None
    return whole(None, story.wrapped_up_at - story.ended_at)
