"""The classic body: for each trigger exactly its variables, under names and types receivers know (T1, T4).

Strings are strings even where they hold numbers, and empty where nothing is known; lengths of time are "0".
Objects are objects and arrays arrays, empty when there is nothing in them; an integer that is none is null.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from aftercall.domain import phone
from aftercall.domain.call import AgentLeg, Call, Step
from aftercall.domain.event import Event
from aftercall.domain.fact import Agent, Named
from aftercall.domain.trigger import variables
from aftercall.domain.webhook import Webhook
from aftercall.domain.wire import dumps, moment, tidy, zone

MENUS = frozenset({"ivr", "menu"})
QUEUES = frozenset({"queue", "department"})
ANSWERS = frozenset({"call.agent_answered", "call.session_answered", "call.customer_answered"})
_CALL_STATUS = {  # where the word is not the outcome's
    "answered_by_agent": "answered",
    "session_call_answered": "answered",
    "answered_by_customer": "answered by customer",
}


class View:
    """What a classic variable may look at: the call, the event and how the webhook wants times."""

    def __init__(self, webhook: Webhook, trigger: str, event: Event, call: Call) -> None:
        self.webhook, self.trigger, self.event, self.call = webhook, trigger, event, call
        self.zone = zone(webhook.time_zone)
        self._local: dict[datetime, str] = {}

    def stamp(self, at: datetime | None) -> str:
        if at is None:
            return ""
        if self.webhook.date_format == "default":
            return self.local(at)
        return moment(at, self.webhook.date_format, self.zone)

    def date(self, at: datetime | None) -> str:
        return "" if at is None else self.local(at)[:10]

    def time(self, at: datetime | None) -> str:
        return "" if at is None else self.local(at)[11:]

    def local(self, at: datetime) -> str:
        """`YYYY-MM-DD HH:MM:SS` in the webhook's zone; the same time is asked for again and again."""
        known = self._local.get(at)
        if known is None:
            known = self._local[at] = str(at.astimezone(self.zone))[:19]
        return known

    def agent(self, key: str) -> str:
        """Of the agent the event is about, else of the one who answered."""
        return _member(self.event.details.get("agent") or self.call.agent, key)

    def answered(self, key: str) -> str:
        """Of the agent who answered: a dialled or missed leg is not theirs."""
        return self.agent(key) if self.event.name in ANSWERS else _member(self.call.agent, key)

    def named(self, key: str, *places: str) -> str:
        """`id` or `name` of the menu or department the event is about, else of the call's last one."""
        for place in places:
            told = _member(self.event.details.get(place), key)
            if told:
                return told
        return next((v for place in places if (v := _member(getattr(self.call, place, None), key))), "")

    def flow(self) -> list[dict[str, Any]]:
        return [_step(step, self) for step in self.call.call_flow]


def classic(webhook: Webhook, trigger: str, event: Event, call: Call) -> dict[str, Any]:
    """The body as an ordered dict of JSON values: the trigger's variables, then the webhook's own extras."""
    view = View(webhook, trigger, event, call)
    body: dict[str, Any] = {}
    for name, kind in variables(trigger).items():
        body[name] = value(view, name, kind)
    if not webhook.body:
        return body
    extras = {name: extra for name, extra in webhook.body.items() if name not in body}
    extended: dict[str, Any] = tidy({**body, **extras})
    return extended


def value(view: View, name: str, kind: str = "string") -> Any:
    """One variable, in the type that its trigger declares."""
    shape = SHAPES.get((name, kind))
    return VALUES[name](view) if shape is None else shape(view)


def _number(number: str | None) -> str:
    return phone.digits(number) if number else ""


def _national(number: str | None) -> str:
    return phone.national(number) if number else ""


def _seconds(seconds: int | None) -> str:
    return str(seconds or 0)


def _call_id(view: View) -> str:
    return view.call.source_call_key if view.webhook.call_id_style == "source" else view.event.call_id


def _uuid(view: View) -> str:
    """Of the connection the event is about, where it is about one."""
    return str(view.event.details.get("leg") or view.call.uuid or view.call.source_call_key)


def _called(view: View) -> str:
    call = view.call
    return _number(call.to if call.direction == "outbound" else call.did or call.to)


def _caller_id(view: View) -> str:
    call = view.call
    return _number(call.caller_id or call.did or call.from_ if call.direction == "outbound" else call.from_)


def _direction(view: View) -> str:
    return "click_to_call" if view.call.call_type == "click_to_call" else view.call.direction or ""


def _call_status(view: View) -> str:
    said = _CALL_STATUS.get(view.trigger)
    if said is not None:
        return said
    if view.call.status is None:
        return ""
    return "Answered" if view.call.status == "answered" else "Missed"


def _circle(view: View) -> dict[str, Any]:
    billing = view.call.billing
    return {"operator": billing and billing.operator, "circle": billing and billing.circle}


def _answered_agent(view: View) -> dict[str, Any]:
    agent = view.call.agent
    return {"id": agent.id, "name": agent.name, "number": agent.number} if agent else {}


def _missed_agent(leg: AgentLeg, view: View) -> dict[str, Any]:
    return {
        "id": leg.agent.id,
        "name": leg.agent.name,
        "number": leg.agent.number,
        "reason": leg.reason,
        "rang_at": view.stamp(leg.dialed_at),
        "ring_seconds": leg.ring_seconds,
    }


def _first_missed(view: View) -> Agent | None:
    return next((leg.agent for leg in view.call.missed_agents), None)


def _step(step: Step, view: View) -> dict[str, Any]:
    told = {
        "type": step.type,
        "id": step.id,
        "name": step.name,
        "at": view.stamp(step.at),
        "duration": step.duration_seconds,
        "dialst": step.result,
        "leg": step.leg,
    }
    return {name: item for name, item in told.items() if item is not None}


def _integer(told: str) -> int | None:
    return int(told) if told.isdecimal() and told.isascii() and len(told) <= 15 else None


def _all_names(view: View, kinds: frozenset[str], now: Named | None) -> list[str]:
    """The menus or departments that the call went through, each once, in order."""
    names = [step.name for step in view.call.call_flow if step.type in kinds and step.name]
    if now is not None and now.name:
        names.append(now.name)
    return list(dict.fromkeys(names))


def _lead(view: View) -> str:
    return dumps(tidy(view.call.lead)).decode() if view.call.lead else ""


def _digit(view: View) -> str:
    return str(view.event.details.get("digit") or (view.call.digits[-1].digit if view.call.digits else ""))


def _member(holder: Any, key: str) -> str:
    """A member of a value or of a JSON object, as text."""
    found = holder.get(key) if isinstance(holder, dict) else getattr(holder, key, None)
    return "" if found is None else str(found)


VALUES: dict[str, Callable[[View], Any]] = {
    "uuid": _uuid,
    "call_id": _call_id,
    "call_to_number": _called,
    "caller_id_number": _caller_id,
    "customer_number": lambda v: _national(v.call.customer_number),
    "customer_number_with_prefix": lambda v: _number(v.call.customer_number),
    "customer_no_with_prefix": lambda v: _number(v.call.customer_number),
    "answered_agent": _answered_agent,
    "answered_agent_name": lambda v: v.answered("name"),
    "answered_agent_number": lambda v: v.answered("number"),
    "answer_agent_number": lambda v: v.answered("number"),
    "agent": lambda v: v.agent("name") or v.agent("id"),
    "agent_name": lambda v: v.agent("name"),
    "agent_number": lambda v: v.agent("number"),
    "missed_agent": lambda v: [_missed_agent(leg, v) for leg in v.call.missed_agents],
    "first_missed_agent_number": lambda v: _member(_first_missed(v), "number"),
    "first_missed_agent_follow_me_number": lambda v: _member(_first_missed(v), "follow_me_number"),
    "start_stamp": lambda v: v.stamp(v.call.started_at),
    "start_date": lambda v: v.date(v.call.started_at),
    "start_time": lambda v: v.time(v.call.started_at),
    "answer_stamp": lambda v: v.stamp(v.call.server_answered_at or v.call.connected_at),
    "end_stamp": lambda v: v.stamp(v.call.ended_at),
    "end_date": lambda v: v.date(v.call.ended_at),
    "end_time": lambda v: v.time(v.call.ended_at),
    "date": lambda v: v.stamp(v.event.occurred_at),
    "duration": lambda v: _seconds(v.call.duration_seconds),
    "billsec": lambda v: _seconds(v.call.billable_seconds),
    "outbound_sec": lambda v: _seconds(v.call.outbound_seconds),
    "bridged_duration": lambda v: _seconds(v.call.bridged_seconds),
    "agent_ring_time": lambda v: _seconds(v.call.ring_time_seconds),
    "hangup_cause": lambda v: _member(v.call.hangup, "cause"),
    "digits_dialed": lambda v: [d.digit for d in v.call.digits],
    "digit_pressed": _digit,
    "direction": _direction,
    "call_status": _call_status,
    "call_connected": lambda v: v.call.connected_at is not None,
    "call_flow": View.flow,
    "dept_id": lambda v: v.named("id", "department", "queue"),
    "dept_name": lambda v: v.named("name", "department", "queue"),
    "ivr_id": lambda v: _integer(v.named("id", "ivr")),
    "ivr_name": lambda v: v.named("name", "ivr"),
    "auto_attendant_id": lambda v: v.named("id", "auto_attendant"),
    "auto_attendant_name": lambda v: v.named("name", "auto_attendant"),
    "broadcast_id": lambda v: _member(v.call.broadcast, "id"),
    "broadcast_name": lambda v: _member(v.call.broadcast, "name"),
    "broadcast_lead_fields": _lead,
    "campaign_id": lambda v: _member(v.call.campaign, "id"),
    "campaign_name": lambda v: _member(v.call.campaign, "name"),
    "lead_fields": _lead,
    "disposition": lambda v: v.event.details.get("disposition") or v.call.disposition or "",
    "sub_dispositon": lambda v: v.event.details.get("sub_disposition") or v.call.sub_disposition or "",
    "recording_url": lambda v: v.call.recording_url or "",
    "aws_call_recording_identifier": lambda v: _member(next(iter(v.call.recordings), None), "id"),
    "billing_circle": _circle,
    "telecom_operator": lambda v: _member(v.call.billing, "operator"),
    "telecom_circle": lambda v: _member(v.call.billing, "circle"),
}
# Where a trigger has the same name with another type.
SHAPES: dict[tuple[str, str], Callable[[View], Any]] = {
    ("answered_agent", "string"): lambda v: v.answered("name"),
    ("call_flow", "string"): lambda v: dumps(v.flow()).decode(),
    ("dept_name", "array<string>"): lambda v: _all_names(v, QUEUES, v.call.queue),
    ("ivr_name", "array<string>"): lambda v: _all_names(v, MENUS, v.call.ivr),
}
