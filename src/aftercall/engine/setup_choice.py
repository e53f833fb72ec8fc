"""Which calls and which moments: what webhooks and post-call actions choose by, and the rules for it (W3, T3, S1)."""

from aftercall.domain.errors import Invalid
from aftercall.domain.trigger import NAMES, TRIGGERS
from aftercall.domain.webhook import Filters

TITLES = {trigger.title.casefold(): name for name, trigger in TRIGGERS.items()}


def read_trigger(name: str) -> str:
    """The trigger of this name or title."""
    known = name if name in NAMES else TITLES.get(name.strip().casefold())
    if known is None:
        raise Invalid.field("triggers", "must be names that GET /v1/triggers lists", "another string")
    return known


def read_filters(filters: Filters) -> Filters:
    """The filters, if a call can pass them."""
    low, high = filters.min_duration_seconds, filters.max_duration_seconds
    for name, value in (("min_duration_seconds", low), ("max_duration_seconds", high)):
        if value is not None and not 0 <= value <= 86_400 * 366:
            raise Invalid.field(f"filters.{name}", "must be a number of seconds that is not negative")
    if low is not None and high is not None and low > high:
        raise Invalid.field("filters.max_duration_seconds", "must not be less than min_duration_seconds")
    for name in ("numbers", "queues", "agents", "tags", "sources"):
        words: tuple[str, ...] = getattr(filters, name)
        if len(words) > 1000 or any(not 0 < len(word) <= 200 for word in words):
            raise Invalid.field(f"filters.{name}", "at most 1000 entries of 1 to 200 characters each")
    return filters
