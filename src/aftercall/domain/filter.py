"""Filters: which calls a webhook wants (W3, T3). Says why not, in short stable codes."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Protocol

from aftercall.domain.call import Call
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Agent, Named, Status
from aftercall.domain.webhook import STATUSES, Filters

NOTHING = Filters()
_NUMBER = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)


class Choosy(Protocol):
    """Who wants some calls and not others: a webhook, a rule."""

    @property
    def id(self) -> str: ...
    @property
    def events(self) -> tuple[Status, ...]: ...
    @property
    def filters(self) -> Filters: ...


def refusal(webhook: Choosy, call: Call, ours: tuple[str, str] | None = None) -> str | None:
    """None when the webhook or rule wants the call, else the first filter that does not.

    Codes: `outcome:<status>`, `direction:<direction>`, `call_type:<type>`, `number`, `queue`, `agent`, `tag`,
    `min_duration`, `max_duration`. Outcome and durations are asked once the call has ended; all else
    at every event, so a call not yet in a queue is refused by a queue filter. Sources are the planner's.
    `ours` is what `own_number` says of the call, where several webhooks are asked.
    """
    if call.status is not None and call.status not in webhook.events:
        return f"outcome:{call.status}"
    wanted = webhook.filters
    if wanted is NOTHING:
        return None
    if wanted.directions and call.direction not in wanted.directions:
        return f"direction:{call.direction or 'unknown'}"
    if wanted.call_types and call.call_type not in wanted.call_types:
        return f"call_type:{call.call_type}"
    if wanted.numbers:
        number, digits = ours or own_number(call)
        if number not in wanted.numbers and digits not in _all_digits(wanted.numbers):
            return "number"
    if wanted.queues and not _queue_among(call.queue, wanted.queues):
        return "queue"
    if wanted.agents and not _agent_among(call, wanted.agents):
        return "agent"
    if wanted.tags and _folded(wanted.tags).isdisjoint([tag.casefold() for tag in call.tags]):
        return "tag"
    return _duration_refusal(wanted, call)


def outcomes(chosen: Iterable[str]) -> tuple[tuple[Status, ...], str | None]:
    """The outcomes meant by what a person or client wrote, and a note to return to them, if any.

    API strings and the choices of the form (`Missed/Abandoned`) are understood. `missed` without `abandoned`
    means both, as lists written for the three-way choice have it; `missed_only` means what it says.
    Nothing chosen is no restriction. Raises Invalid.
    """
    found: set[Status] = set()
    words = [re.sub(r"[\s/_-]+", "_", word.strip().casefold()) for word in chosen]
    for word in words:
        meant = SPELLINGS.get(word)
        if meant is None:
            raise Invalid.field("events", f"choose from {', '.join(STATUSES)}", "another string")
        found.update(meant)
    note = None
    if "missed" in words and "abandoned" not in found:
        found.add("abandoned")
        note = "`missed` includes abandoned calls; write `missed_only` to leave them out."
    return tuple(s for s in STATUSES if s in found) or STATUSES, note


SPELLINGS: dict[str, tuple[Status, ...]] = {
    "answered": ("answered",),
    "missed": ("missed",),
    "missed_only": ("missed",),
    "abandoned": ("abandoned",),
    "missed_abandoned": ("missed", "abandoned"),
    "missed_or_abandoned": ("missed", "abandoned"),
    "missed_and_abandoned": ("missed", "abandoned"),
    "voicemail": ("voicemail",),
    "voice_mail": ("voicemail",),
    "all": STATUSES,
}


def number_key(number: str) -> str:
    """The same for all ways to write a number that a filter takes for one."""
    return _digits(number) or number


def name_key(name: str) -> str:
    """The same for all ways to write a name."""
    return name.strip().casefold()


def own_number(call: Call) -> tuple[str, str]:
    """The number of ours that the call came to, or was made with, and its digits; empty where there is none."""
    number = call.did
    if not number:
        number = (call.caller_id or call.from_) if call.direction == "outbound" else call.to
    return number or "", _digits(number)


def _queue_among(queue: Named | None, queues: tuple[str, ...]) -> bool:
    if queue is None:
        return False
    names = _folded(queues)
    return _named(queue.id, names) or _named(queue.name, names)


def _agent_among(call: Call, agents: tuple[str, ...]) -> bool:
    """Any agent with a part in the call counts, or nobody could ask for the calls an agent missed."""
    names, numbers = _folded(agents), _all_digits(agents)
    for agent in _agents(call):
        if _named(agent.id, names) or _named(agent.name, names) or _named(agent.number, names):
            return True
        if numbers and not numbers.isdisjoint((_digits(agent.number), _digits(agent.follow_me_number))):
            return True
    return False


def _named(known: str | None, names: frozenset[str]) -> bool:
    return known is not None and known.casefold() in names


def _agents(call: Call) -> Iterator[Agent]:
    if call.agent is not None:
        yield call.agent
    for leg in call.agents:
        yield leg.agent


def _duration_refusal(wanted: Filters, call: Call) -> str | None:
    if call.status is None:
        return None
    seconds = call.duration_seconds or 0
    if wanted.min_duration_seconds is not None and seconds < wanted.min_duration_seconds:
        return "min_duration"
    if wanted.max_duration_seconds is not None and seconds > wanted.max_duration_seconds:
        return "max_duration"
    return None


@lru_cache(maxsize=4096)
def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(name_key, words))


@lru_cache(maxsize=4096)
def _all_digits(numbers: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_digits(number) for number in numbers) - {""}


@lru_cache(maxsize=4096)
def _digits(number: str | None) -> str:
    """The digits of a number however it is written; empty for what is no number."""
    if not number or not _NUMBER.fullmatch(number):
        return ""
    return re.sub(r"\D", "", number).removeprefix("00")
