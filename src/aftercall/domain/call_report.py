"""The summary of a call by webhook: everything known of it, and what became of its other post-call actions (S4).

It is the standard body, flat as ever, with the fields of `OWN` beside it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.domain import phone
from aftercall.domain.call import AgentLeg, Call
from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Channel, DeliveryStatus
from aftercall.domain.event import Event
from aftercall.domain.message import Role
from aftercall.domain.standard import standard
from aftercall.domain.summary import label, summary, title
from aftercall.domain.webhook import Webhook
from aftercall.domain.wire import dumps, tidy

TRANSCRIPT_BUDGET = 150_000  # bytes of JSON: a body may have 256 KB, all else takes a few
OWN = (
    "summary", "title", "caller", "contact", "phone_type", "transcript_turns", "transcript_complete", "moments",
    "actions",
)  # fmt: skip
# Events whose time no field of the call keeps.
_HEARD = {"call.held": "held", "call.resumed": "resumed", "call.ringing": "ringing"}

Moment = tuple[datetime, str, dict[str, Any]]


class Reached(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of an action for one recipient. `deferred`: it goes later, at `deferred_until`."""

    role: Role
    to: str = ""  # masked before it is told
    status: DeliveryStatus | Literal["deferred"]
    reason: str | None = None
    deferred_until: datetime | None = None
    provider: str | None = None
    provider_id: str | None = None
    segments: int | None = None


class ActionResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one of the call's other actions. `skipped`: why it sent nothing at all."""

    rule_id: str
    name: str = ""
    channel: Channel
    skipped: str | None = None
    recipients: tuple[Reached, ...] = ()


def webhook_summary(
    webhook: Webhook,
    event: Event,
    call: Call,
    *,
    contact: Contact | None = None,
    actions: Sequence[ActionResult] = (),
    events: Sequence[Event] = (),
    source_id: str | None = None,
) -> dict[str, Any]:
    """The body, ready for `payload.encode`. `events` are those spoken of the call so far: holds are told by them."""
    number = call.customer_number
    turns, complete = _turns(call)
    own = {
        "summary": summary(call),
        "title": title(call, contact),
        "caller": label(call, contact),
        "contact": contact and {"id": contact.id, "name": contact.name or None, "number": contact.number},
        "phone_type": phone.phone_type(number) if number else None,
        "transcript_turns": turns,
        "transcript_complete": complete,
        "moments": moments(call, events),
        "actions": [_told(action) for action in actions],
    }
    body: dict[str, Any] = tidy({**msgspec.to_builtins(standard(webhook, event, call, source_id)), **own})
    return body


def moments(call: Call, events: Sequence[Event] = ()) -> list[dict[str, Any]]:
    """When what happened in the call, in order: each with its `event` and `at`, and what it was about."""
    found = sorted(_moments(call, events), key=lambda moment: moment[0])
    return [{"event": name, "at": at, **about} for at, name, about in found]


def _moments(call: Call, events: Sequence[Event]) -> Iterator[Moment]:
    for name, at in (
        ("started", call.started_at),
        ("picked_up", call.server_answered_at),
        ("customer_answered", call.customer_answered_at),
        ("connected", call.connected_at),
        ("ended", call.ended_at),
    ):
        if at is not None:
            yield at, name, {}
    for leg in call.agents:
        yield from _agent(leg)
    for step in call.call_flow:
        if step.type not in ("agent", "customer"):  # told by their own times
            name = "transferred" if step.type == "transfer" else step.type
            yield step.at, name, {"id": step.id, "name": step.name, "result": step.result}
    for event in events:
        if event.name in _HEARD:
            yield event.occurred_at, _HEARD[event.name], {}


def _agent(leg: AgentLeg) -> Iterator[Moment]:
    about = {"agent": {"id": leg.agent.id, "name": leg.agent.name}}
    ended = leg.ended_at if leg.missed else None
    for name, at in (("ringing", leg.dialed_at), ("answered", leg.answered_at), ("missed", ended)):
        if at is not None:
            yield at, f"agent_{name}", about


def _turns(call: Call) -> tuple[list[dict[str, Any]], bool]:
    """The transcript, as much of it as fits, and whether that is all."""
    made: list[dict[str, Any]] = []
    left = TRANSCRIPT_BUDGET
    for turn in call.transcript.turns if call.transcript else ():
        told = tidy(turn)
        left -= len(dumps(told)) + 1
        if left < 0:
            return made, False
        made.append(told)
    return made, True


def _told(action: ActionResult) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(action, builtin_types=(datetime,))
    told["recipients"] = [
        {**msgspec.to_builtins(r, builtin_types=(datetime,)), "to": masked(r.to)} for r in action.recipients
    ]
    return told


def masked(address: str) -> str:
    """A number or mail address for who may not see it."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}***@{domain}" if at else phone.mask(address)
