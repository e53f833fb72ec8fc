"""What a story lists is limited, so that a fact of a very long call costs no more than one of a short call.

Of its legs, steps and the like a call keeps the first and the latest; its sums, counts and events are of all. It
depends on the facts alone: a call folded on is shortened where one folded as a whole is.
"""

from bisect import bisect_left
from typing import Any

from aftercall.domain.fold.board import Board
from aftercall.domain.fold.story import Story

MOST = 200  # entries of a list
FIRST = 50  # of these stay for good
LEFT = 150  # entries when it has been shortened: the first, and the latest
DIGITS = 500  # keys; the first, because a string of digits with a hole in it is another string


def shorten(story: Story) -> None:
    """Called after each fact."""
    if story.heard <= MOST:
        return
    if len(story.steps) > MOST:
        _steps(story)
    if len(story.legs) > MOST:
        _legs(story)
    if len(story.digits) > DIGITS:
        del story.digits[DIGITS:]
        story.shortened = True
    _members(story)
    _legs_on(story)
    if len(story.told) > MOST:
        _told(story)
    if story.board is not None and len(story.board.legs) > MOST:
        _board(story.board)


def _members(story: Story) -> None:
    for listed in (story.customers, story.recordings):
        if len(listed) > MOST:
            _drop(listed, list(listed)[FIRST : len(listed) - LEFT + FIRST])
            story.shortened = True
    for added in (story.custom_fields, story.tags):
        if len(added) > MOST:
            _drop(added, list(added)[MOST:])
            story.shortened = True


def _legs_on(story: Story) -> None:
    for span in (story.talk, story.agents_on, story.customer_on, story.both_on, story.held):
        del span.legs[MOST:]
    del story.connect_legs[MOST:], story.customer_legs_on[MOST:]


def _places(count: int) -> list[int]:
    """The places in a list of `count` that stay."""
    return [*range(FIRST), *range(count - LEFT + FIRST, count)]


def _steps(story: Story) -> None:
    kept = _places(len(story.steps))
    now = {old: new for new, old in enumerate(kept)}
    story.steps = [story.steps[i] for i in kept]
    story.leg_steps = [now.get(i, -1) for i in story.leg_steps]
    story.where_step = now.get(story.where_step, -1)
    for customer in story.customers.values():
        customer.step = now.get(customer.step, -1)
    story.shortened = True


def _legs(story: Story) -> None:
    """A leg that is forgotten while it rings begins anew with its outcome."""
    kept = _places(len(story.legs))
    now = {old: new for new, old in enumerate(kept)}
    for key in [key for key, i in story.leg_at.items() if i not in now]:
        if story.legs[story.leg_at[key]].leg is None and key.rpartition("#")[0] not in story.visits:
            story.visits.setdefault(key, 1)  # an agent's next leg is still the next one
        for known in (story.leg_at, story.ringing, story.told_missed):
            known.pop(key, None)
    story.leg_at = {key: now[i] for key, i in story.leg_at.items()}
    story.ringing = {key: now[i] for key, i in story.ringing.items()}
    story.leg_of = {agent: key for agent, key in story.leg_of.items() if key in story.leg_at}
    story.legs = [story.legs[i] for i in kept]
    story.leg_steps = [story.leg_steps[i] for i in kept]
    story.answers_at = bisect_left(kept, story.answers_at)
    story.shortened = True


def _told(story: Story) -> None:
    """Events that are told once in a call are remembered; of those once a recording or session, the latest."""
    several = [key for key in story.told if not key.endswith("|")]
    _drop(story.told, several[: len(several) - LEFT + FIRST])


def _board(board: Board) -> None:
    """Legs that are gone and long past."""
    past = [
        key for key, leg in board.legs.items() if leg.gone and key != board.root and key not in board.talking
    ]
    _drop(board.legs, past[: max(len(board.legs) - LEFT, 0)])
    present = {leg.bridge for leg in board.legs.values()}
    _drop(board.holding, [bridge for bridge in board.holding if bridge not in present])


def _drop(listed: dict[str, Any], keys: list[str]) -> None:
    for key in keys:
        del listed[key]
