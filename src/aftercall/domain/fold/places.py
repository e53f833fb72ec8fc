"""Menus and queues: where the customer waits, how long, and the how-manyeth time."""

from datetime import datetime, timedelta
from typing import Literal

from aftercall.domain.call import Step
from aftercall.domain.fact import Named
from aftercall.domain.fold.story import Story

Place = Literal["menu", "queue"]


def enter(story: Story, place: Place, step: str, what: Named | None, at: datetime) -> None:
    leave(story, at)
    story.where = story.waited_in = place
    story.where_since, story.where_step = at, len(story.steps)
    if place == "menu":
        story.been_in_menu = True
    else:
        story.been_in_queue = True
    story.steps.append(Step(step, at, what.id if what else None, what.name if what else None))


def leave(story: Story, at: datetime) -> None:
    if story.where is None:
        return
    story.menu_seconds, story.queue_seconds = spent(story, at)
    if story.where_step >= 0:
        old = story.steps[story.where_step]
        stay = max(at - old.at, timedelta(0))
        story.steps[story.where_step] = Step(old.type, old.at, old.id, old.name, int(stay.total_seconds()))
    story.where = story.where_since = None


def spent(story: Story, at: datetime) -> tuple[float, float]:
    """Seconds in menus and queues if the call had ended at `at`."""
    menu, queue = story.menu_seconds, story.queue_seconds
    if story.where_since is not None:
        stay = max((at - story.where_since).total_seconds(), 0.0)
        menu, queue = (menu + stay, queue) if story.where == "menu" else (menu, queue + stay)
    return menu, queue


def visit(story: Story, kind: str, what: Named | None) -> str:
    """The discriminator of entering a menu or queue: which, and the how-manyeth time."""
    id_ = (what.id or what.name or "") if what else ""
    key = f"{kind}:{id_}"
    story.visits[key] = number = story.visits.get(key, 0) + 1
    return f"{id_}:{number}"
