"""The standard body: the fields of a finished call flat at the top level, for every event (W4).

`Body` is the contract: its order is the order sent; what has no default is always there, null when unknown.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from aftercall.domain.call import AgentLeg, Call, Link
from aftercall.domain.event import UPDATED, Event
from aftercall.domain.fact import Agent, Analysis, Billing, Hangup, Named, Transcript
from aftercall.domain.webhook import Webhook
from aftercall.domain.wire import tidy


class Pair(msgspec.Struct, frozen=True):
    """What is always an object: both members null when nothing is known."""

    id: str | None = None
    name: str | None = None


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent's part in the call."""

    id: str | None
    name: str | None
    number: str | None = None
    kind: str = "human"
    outcome: str | None = None
    dialed_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    ring_seconds: int | None = None


class Cleared(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the call was cleared."""

    cause: str | None = None
    cause_code: int | None = None
    sip_code: int | None = None
    sip_reason: str | None = None
    by: str | None = None


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the transcript is, never its words: those may be long."""

    status: str
    id: str | None = None
    language: str | None = None
    url: str | None = None
    turns: int = 0


class Findings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What analysis found."""

    status: str
    variables: dict[str, Any]
    id: str | None = None
    summary: str | None = None
    success: bool | None = None
    sentiment: str | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    event: str
    event_id: str
    occurred_at: datetime
    call_id: str
    parent_call_id: str | None
    direction: str | None
    from_: str | None = msgspec.field(name="from")
    to: str | None
    status: str | None
    reason: str | None
    queue: Pair
    agent: Pair
    started_at: datetime | None
    connected_at: datetime | None
    ended_at: datetime | None
    duration_seconds: int | None
    talk_time_seconds: int | None
    wrap_up_seconds: int | None
    recording_url: str | None
    notes: str | None
    custom_fields: dict[str, Any]
    # So far the fields of the contract; these stand beside them.
    wrap_up_notes: str | msgspec.UnsetType | None = msgspec.UNSET
    revision: int
    sequence: int
    final: bool
    is_test: bool
    late: bool = False
    account_id: str
    source_id: str | None = None
    source_call_key: str
    call_type: str
    changes: list[dict[str, Any]] = []
    details: dict[str, Any] = {}
    did: str | None = None
    customer_number: str | None = None
    contact: Pair | None = None
    from_name: str | None = None
    to_name: str | None = None
    from_presentation: str | None = None
    caller_id: str | None = None
    ivr: Pair | None = None
    auto_attendant: Pair | None = None
    campaign: Pair | None = None
    broadcast: Pair | None = None
    lead: dict[str, Any] | None = None
    agents: list[Part] = []
    missed_agents: list[Part] = []
    server_answered_at: datetime | None = None
    customer_answered_at: datetime | None = None
    billable_seconds: int | None = None
    bridged_seconds: int | None = None
    ring_time_seconds: int | None = None
    wait_seconds: int | None = None
    ivr_seconds: int | None = None
    hold_seconds: int | None = None
    outbound_seconds: int | None = None
    hangup: Cleared | None = None
    digits: str | None = None
    disposition: str | None = None
    sub_disposition: str | None = None
    disposition_at: datetime | None = None
    disposition_by: str | None = None
    tags: tuple[str, ...] = ()
    transcript: Words | None = None
    analysis: Findings | None = None
    billing: dict[str, Any] | None = None
    data_quality: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    merged_into: str | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is about the account's set-up, not about a call."""

    event: str
    event_id: str
    occurred_at: datetime
    is_test: bool
    account_id: str
    details: dict[str, Any]


RESERVED = frozenset(Body.__struct_encode_fields__)  # what a webhook's extra body values may not be called
CONTRACT = Body.__struct_encode_fields__[: Body.__struct_encode_fields__.index("wrap_up_notes")]
_NOTHING = Pair()


def standard(webhook: Webhook, event: Event, call: Call | None, source_id: str | None = None) -> Any:
    """The body, ready to be encoded: a Body or Notice, as a dict where the webhook adds values of its own."""
    body = _notice(webhook, event) if call is None else _body(webhook, event, call, source_id)
    if not webhook.body:
        return body
    extras = {name: value for name, value in webhook.body.items() if name not in RESERVED}
    return tidy({**msgspec.to_builtins(body), **extras})


def _notice(webhook: Webhook, event: Event) -> Notice:
    return Notice(
        event=event.name,
        event_id=event.event_id,
        occurred_at=_second(event.occurred_at),
        is_test=event.is_test,
        account_id=webhook.account_id,
        details=tidy(event.details),
    )


def _body(webhook: Webhook, event: Event, call: Call, source_id: str | None) -> Body:
    changes, details = _particulars(event)
    return Body(
        event=event.name,
        event_id=event.event_id,
        occurred_at=_second(event.occurred_at),
        call_id=event.call_id,
        parent_call_id=call.parent_call_id,
        direction=call.direction,
        from_=call.from_,
        to=call.to,
        status=call.status,
        reason=call.reason,
        queue=Pair(call.queue.id, call.queue.name) if call.queue else _NOTHING,
        agent=Pair(call.agent.id, call.agent.name) if call.agent else _NOTHING,
        started_at=call.started_at and _second(call.started_at),
        connected_at=call.connected_at and _second(call.connected_at),
        ended_at=call.ended_at and _second(call.ended_at),
        duration_seconds=call.duration_seconds,
        talk_time_seconds=call.talk_time_seconds,
        wrap_up_seconds=call.wrap_up_seconds,
        recording_url=call.recording_url,
        notes=call.notes,
        custom_fields=call.custom_fields and tidy(call.custom_fields),
        wrap_up_notes=call.notes if webhook.notes_alias else msgspec.UNSET,
        revision=event.revision,
        sequence=event.sequence,
        final=event.revision > 0,  # what is said before completion may still change
        is_test=event.is_test or call.is_test,
        late=event.late,
        account_id=webhook.account_id,
        source_id=source_id,
        source_call_key=call.source_call_key,
        call_type=call.call_type,
        changes=changes,
        details=details,
        did=call.did,
        customer_number=call.customer_number,
        contact=_pair(call.contact),
        from_name=call.from_name,
        to_name=call.to_name,
        from_presentation=call.from_presentation,
        caller_id=call.caller_id,
        ivr=_pair(call.ivr),
        auto_attendant=_pair(call.auto_attendant),
        campaign=_pair(call.campaign),
        broadcast=_pair(call.broadcast),
        lead=call.lead and tidy(call.lead),
        agents=[_part(leg) for leg in call.agents],
        missed_agents=[_missed(leg) for leg in call.agents if leg.missed],
        server_answered_at=call.server_answered_at and _second(call.server_answered_at),
        customer_answered_at=call.customer_answered_at and _second(call.customer_answered_at),
        billable_seconds=call.billable_seconds,
        bridged_seconds=call.bridged_seconds,
        ring_time_seconds=call.ring_time_seconds,
        wait_seconds=call.wait_seconds,
        ivr_seconds=call.ivr_seconds,
        hold_seconds=call.hold_seconds,
        outbound_seconds=call.outbound_seconds,
        hangup=None if call.hangup is None else _cleared(call.hangup),
        digits="".join([d.digit for d in call.digits]) if call.digits else None,
        disposition=call.disposition,
        sub_disposition=call.sub_disposition,
        disposition_at=call.disposition_at and _second(call.disposition_at),
        disposition_by=call.disposition_by,
        tags=call.tags,
        transcript=None if call.transcript is None else _words(call.transcript),
        analysis=None if call.analysis is None else _findings(call.analysis),
        billing=None if call.billing is None else _billing(call.billing),
        data_quality=call.data_quality,
        links=call.links,
        merged_into=call.merged_into,
    )


def _particulars(event: Event) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What is particular to the event; the changes of a revision stand on their own."""
    details = event.details
    if not details:
        return [], {}
    if event.name != UPDATED:
        return [], tidy(details)
    rest = {name: value for name, value in details.items() if name != "changes"}
    return tidy(details.get("changes", [])), tidy(rest)


def _second(at: datetime) -> datetime:
    """The whole second, in UTC, which is written with `Z`: strict parsers read nothing else."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    if not at.microsecond:
        return at
    # Twice as fast as replace(), and there are a dozen times in a body.
    return datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, tzinfo=UTC)


def _pair(named: Named | None) -> Pair | None:
    return None if named is None else Pair(named.id, named.name)


def _part(leg: AgentLeg) -> Part:
    agent: Agent = leg.agent
    return Part(
        agent.id,
        agent.name,
        agent.number,
        agent.kind,
        "answered" if leg.answered_at else "missed" if leg.missed else None,
        leg.dialed_at and _second(leg.dialed_at),
        leg.answered_at and _second(leg.answered_at),
        leg.ended_at and _second(leg.ended_at),
        leg.reason,
        leg.ring_seconds,
    )


def _missed(leg: AgentLeg) -> Part:
    agent = leg.agent
    return Part(
        agent.id, agent.name, agent.number, agent.kind, reason=leg.reason, ring_seconds=leg.ring_seconds
    )


def _cleared(hangup: Hangup) -> Cleared:
    return Cleared(hangup.cause, hangup.cause_code, hangup.sip_code, hangup.sip_reason, hangup.by)


def _words(told: Transcript) -> Words:
    return Words(told.status, told.id, told.language, told.url, len(told.turns))


def _findings(told: Analysis) -> Findings:
    return Findings(told.status, tidy(told.variables), told.id, told.summary, told.success, told.sentiment)


def _billing(told: Billing) -> dict[str, Any]:
    billing: dict[str, Any] = tidy(told)
    return billing
