"""What a message's template sees: the shared roots of a call, and whom the message is about and for (S2, S4)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from aftercall.domain import phone, roots
from aftercall.domain.call import Call
from aftercall.domain.contact import Contact
from aftercall.domain.event import COMPLETED, Event, event_id
from aftercall.domain.fact import Agent
from aftercall.domain.message import Role
from aftercall.domain.paths import MESSAGE_ROOTS, Variable
from aftercall.domain.summary import label, summary, title
from aftercall.domain.template import Lazy, Schema
from aftercall.domain.wire import tidy

SCHEMA: Schema = {**{root: frozenset(members) for root, members in MESSAGE_ROOTS.items()}, "vars": None}
KINDS = {
    **dict.fromkeys(SCHEMA, "object"),
    **{f"{root}.{name}": kind for root, of in MESSAGE_ROOTS.items() for name, (kind, _) in of.items()},
}


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a message is for. `address` is E.164 or a mail address, empty where there is none."""

    role: Role = "caller"
    address: str = ""
    name: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a message is made of. `contact` is the outside party's; `agent` goes before the call's own.

    `zone` is the account's, for templates that have none of their own.
    """

    account_id: str
    event: Event
    call: Call
    trigger: str = "call.completed"
    source_id: str | None = None
    recipient: Recipient = Recipient()
    contact: Contact | None = None
    agent: Agent | None = None
    rule_id: str = ""
    rule_name: str = ""
    attached: bool = False  # the transcript goes beside the message, not in it
    zone: str = "UTC"


class Context(dict[str, Any]):
    """The roots of a message's paths, each made when first asked for."""

    def __init__(self, told: Told) -> None:
        super().__init__(
            account={"id": told.account_id},
            source={"id": told.source_id},
            rule={"id": told.rule_id or None, "name": told.rule_name or None},
            recipient={
                "role": told.recipient.role,
                "name": told.recipient.name or None,  # an empty text would be true in a condition
                "address": told.recipient.address or None,
            },
        )
        self._told = told

    def __missing__(self, root: str) -> Any:
        made = self[root] = MAKERS[root](self._told)
        return made


def completion(call_id: str, call: Call, now: datetime) -> Event:
    """The event that a preview or a test is made for, where the call's own is not at hand."""
    return Event(
        event_id=event_id(call_id, COMPLETED, ""),
        name=COMPLETED,
        call_id=call_id,
        occurred_at=call.ended_at or now,
        received_at=now,
        spoken_at=now,
        sequence=0,
        is_test=call.is_test,
    )


def variables() -> list[Variable]:
    """Everything a message may name, in the order to show it."""
    listed = [
        Variable(f"{root}.{name}", kind, meaning)
        for root, members in MESSAGE_ROOTS.items()
        for name, (kind, meaning) in members.items()
    ]
    listed.append(Variable("vars", "object", "Variables extracted by analysis, each under its name"))
    return listed


def _call(told: Told) -> Lazy:
    plain = roots.call(told)
    own: dict[str, Callable[[], Any]] = {
        "summary": lambda: summary(told.call),
        "title": lambda: title(told.call, told.contact),
        "transcript_text": lambda: plain["transcript_text"] or None,
        "recording_url": lambda: link(told.call.recording_url),
    }
    if told.attached:
        own["transcript_text"] = lambda: "The transcript is attached."
        own["transcript"] = lambda: {k: v for k, v in plain["transcript"].items() if k != "turns"}
    return Lazy(MESSAGE_ROOTS["call"], lambda name: own[name]() if name in own else plain[name])


def _customer(told: Told) -> dict[str, Any]:
    number = told.call.customer_number
    return {
        **roots.customer(told),
        "label": label(told.call, told.contact),
        "phone_type": phone.phone_type(number) if number else None,
    }


def _contact(told: Told) -> dict[str, Any]:
    contact = told.contact
    if contact is None:
        return {}
    return {
        "name": contact.name or None,
        "number": contact.number,
        "email": contact.email,
        "time_zone": contact.time_zone,
        "tags": tidy(contact.tags),
        "details": tidy(contact.details),
    }


def _agent(told: Told) -> Any:
    return roots.agent(told) if told.agent is None else tidy(told.agent)


def link(url: str | None) -> str | None:
    """An address that a browser may be sent to: a source could tell `javascript:` as well."""
    return url if url is not None and url.startswith(("https://", "http://")) else None


MAKERS: dict[str, Callable[[Told], Any]] = {
    "event": roots.event,
    "call": _call,
    "customer": _customer,
    "contact": _contact,
    "agent": _agent,
    "vars": roots.variables,
}
