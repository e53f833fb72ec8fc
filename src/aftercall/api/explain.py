"""/v1/sms/explain, /v1/email/explain: would this go, and why not? Nothing is stored, nothing is sent (S5)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftercall.api.by_hand import ByHandForm, Channel, Id, To, call_of, customer, make, rule_of
from aftercall.api.message_shown import said
from aftercall.api.messages import TAG
from aftercall.api.operation import Ask, operation
from aftercall.api.reasons import why_skipped
from aftercall.api.setups import settings_of
from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import Invalid
from aftercall.domain.guard.decision import Decision
from aftercall.domain.guard.explain import explain
from aftercall.domain.message import Encoding, Role
from aftercall.engine.circumstances import decode_message
from aftercall.engine.rehearsal import by_rule
from aftercall.engine.rows import Settings

BY_HAND_ONLY = ("to", "template_id", "text", "category", "sender_id", "connection_id")


class ExplainForm(ByHandForm, kw_only=True, forbid_unknown_fields=True):
    """`rule_id` with `call_id`: what the action would send for this call. Else `to` with what is to be sent.

    `at` asks for another time than now.
    """

    rule_id: Id | None = None
    to: To | None = None
    role: Annotated[Role, Meta(description="Whom `to` stands for; caps are the caller's.")] = "caller"
    at: Annotated[datetime, Meta(tz=True)] | None = None


class DryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one recipient. `decision` is the full record, its outcome `dry_run`."""

    role: Role
    to: str
    would: Literal["send", "defer", "block", "override"] | None
    reason: str | None
    explanation: str
    subject: str | None
    text: str
    html: str | None
    encoding: Encoding | None
    segments: int | None
    cost: str | None
    currency: str | None
    missing: tuple[str, ...]
    decision: Decision


class NotRun(msgspec.Struct, frozen=True):
    """Why the action does not run for the call at all."""

    code: str
    reason: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`skipped`: the action does not run, so there are no messages."""

    at: datetime
    rule_id: str | None
    trigger: str | None
    skipped: NotRun | None
    messages: tuple[DryMessage, ...]


@operation("POST", "/v1/sms/explain", "messages:read", "Would this text go, and why not?", tag=TAG,
           example={"to": "+14085551234", "text": "We will call.", "category": "service_implicit"})  # fmt: skip
async def explain_sms(ask: Ask, data: ExplainForm) -> Explanation:
    """Everything as it would be done, short of doing it: the text, its segments and cost, and every check of the
    guard as of `at`. The call's end counts as now, so an old call makes no message too old.
    """
    return await _explain(ask, data, "sms")


@operation("POST", "/v1/email/explain", "messages:read", "Would this mail go, and why not?", tag=TAG,
           example={"to": "ada@example.com", "subject": "Your call", "text": "We will call you back.",
                    "category": "service_implicit"})  # fmt: skip
async def explain_email(ask: Ask, data: ExplainForm) -> Explanation:
    """As for texts."""
    return await _explain(ask, data, "email")


async def _explain(ask: Ask, form: ExplainForm, channel: Channel) -> Explanation:
    settings, at = await settings_of(ask), form.at or ask.now
    if form.rule_id is not None:
        return await _of_rule(ask, form, form.rule_id, channel, settings, at)
    if form.to is None:
        raise Invalid.field("to", "is required, or rule_id with call_id")
    made = await make(ask, form, channel, settings, to=form.to, role=form.role, rule=None, at=at)
    return Explanation(
        at=at, rule_id=None, trigger=None, skipped=None, messages=await _rehearse(ask, [made], settings, at)
    )


async def _of_rule(
    ask: Ask, form: ExplainForm, rule_id: str, channel: Channel, settings: Settings, at: datetime
) -> Explanation:
    for name in BY_HAND_ONLY:
        if getattr(form, name) is not None:
            raise Invalid.field(name, "may not be given beside rule_id")
    if form.call_id is None:
        raise Invalid.field("call_id", "is required beside rule_id")
    rule = await rule_of(ask, rule_id)
    if rule.channel != channel:
        raise Invalid.field("rule_id", f"this action sends {rule.channel}: ask /v1/{rule.channel}/explain")
    row = await call_of(ask, form.call_id)
    events = [spoken.event for spoken in await ask.app.store.call_events(ask.account_id, row.id)]
    planned = by_rule(rule, row, await customer(ask, row), events, settings.office, at)
    skipped = NotRun(planned.skipped, why_skipped(planned.skipped, "action")) if planned.skipped else None
    messages = await _rehearse(ask, planned.deliveries, settings, at)
    return Explanation(at=at, rule_id=rule.id, trigger=planned.trigger, skipped=skipped, messages=messages)


async def _rehearse(
    ask: Ask, deliveries: Sequence[Delivery], settings: Settings, at: datetime
) -> tuple[DryMessage, ...]:
    return tuple([_dry(d, await ask.app.gate.rehearse(d, settings, at)) for d in deliveries])


def _dry(delivery: Delivery, decision: Decision) -> DryMessage:
    message = decode_message(delivery.body)
    subject, text = said(message)
    made = message.sms or message.email
    return DryMessage(
        role=message.role,
        to=message.to,
        would=decision.would,
        reason=decision.primary_code,
        explanation=explain(decision),
        subject=subject,
        text=text,
        html=message.email.html or None if message.email is not None else None,
        encoding=message.sms.encoding if message.sms is not None else None,
        segments=decision.segments,
        cost=decision.cost_estimate,
        currency=decision.currency if decision.cost_estimate is not None else None,
        missing=made.missing if made is not None else (),
        decision=decision,
    )


OPERATIONS = (explain_sms, explain_email)
