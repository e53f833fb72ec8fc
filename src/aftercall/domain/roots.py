"""What templates see of a call: the roots that every kind of template has, made when first asked for (T6, S2)."""

from collections.abc import Callable
from typing import Any, Protocol

from aftercall.domain import phone
from aftercall.domain.call import Call
from aftercall.domain.event import Event
from aftercall.domain.paths import CALL
from aftercall.domain.template import Lazy
from aftercall.domain.wire import tidy


class Seen(Protocol):
    """The event that a template is filled for, and its call as it was then."""

    @property
    def event(self) -> Event: ...
    @property
    def call(self) -> Call: ...
    @property
    def trigger(self) -> str: ...


def event(seen: Seen) -> dict[str, Any]:
    told = seen.event
    return {
        "name": told.name,
        "trigger": seen.trigger,
        "id": told.event_id,
        "occurred_at": tidy(told.occurred_at),
        "received_at": tidy(told.received_at),
        "sequence": told.sequence,
        "revision": told.revision,
        "late": told.late,
        "is_test": told.is_test,
        "details": tidy(told.details),
    }


def call(seen: Seen) -> Lazy:
    def make(name: str) -> Any:
        derived = DERIVED.get(name)
        return derived(seen) if derived else tidy(getattr(seen.call, "from_" if name == "from" else name))

    return Lazy(CALL, make)


def _summary(seen: Seen) -> str | None:
    return None if seen.call.analysis is None else seen.call.analysis.summary


def transcript_text(call: Call) -> str | None:
    """The whole transcript, one line a turn."""
    if call.transcript is None:
        return None
    return "\n".join([f"{turn.role}: {turn.text}" for turn in call.transcript.turns])


DERIVED: dict[str, Callable[[Seen], Any]] = {
    "id": lambda s: s.event.call_id,
    "call_id": lambda s: s.event.call_id,
    "is_test": lambda s: s.event.is_test or s.call.is_test,
    "summary": _summary,
    "transcript_text": lambda s: transcript_text(s.call),
}


def customer(seen: Seen) -> dict[str, Any]:
    told = seen.call
    number = told.customer_number
    name = told.to_name if told.direction == "outbound" else told.from_name
    return {
        "phone": number,
        "number": number,
        "national": phone.national(number) if number else None,
        "country": phone.country(number) if number else None,
        "name": name or (told.contact.name if told.contact else None),
    }


def agent(seen: Seen) -> Any:
    return tidy(seen.event.details.get("agent") or seen.call.agent or {})


def variables(seen: Seen) -> dict[str, Any]:
    """`status` and `summary` are always there once a call is analysed (V1)."""
    analysis = seen.call.analysis
    if analysis is None:
        return {}
    predefined = {"status": analysis.success, "summary": analysis.summary}
    return {**predefined, **tidy(analysis.variables)}
