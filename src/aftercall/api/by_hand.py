"""What a message made by hand is made of: a stored template or a text, a call or a sample, sender and connection.

For dry runs and test sends.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask
from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import Invalid
from aftercall.domain.message import Category, Role
from aftercall.domain.message_defaults import email_summary, sms_summary
from aftercall.domain.message_template import MAX_SMS, MAX_SUBJECT, MessageTemplate
from aftercall.domain.phone import normalise
from aftercall.domain.rule import Rule
from aftercall.engine.rehearsal import Wanted, by_hand, template_by_hand
from aftercall.engine.rows import CallRow, Settings

Channel: TypeAlias = Literal["sms", "email"]
Id = Annotated[str, Meta(max_length=200)]
Words = Annotated[str, Meta(min_length=1, max_length=MAX_SMS, description="May have placeholders.")]
Subject = Annotated[str, Meta(max_length=MAX_SUBJECT)]
To = Annotated[str, Meta(min_length=1, max_length=254, description="A number or mail address.")]


class ByHandForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`template_id`, or `text` with a `category`. Placeholders are those of `call_id`, else of a sample call."""

    template_id: Id | None = None
    text: Words | None = None
    subject: Subject = ""
    category: Category | None = None
    sender_id: Id | None = None
    connection_id: Id | None = None
    call_id: Id | None = None


async def call_of(ask: Ask, call_id: str) -> CallRow:
    ask.need("calls:read")
    row = await ask.app.store.get_call(ask.account_id, call_id)
    if row is None:
        raise Invalid.field("call_id", "there is no such call")
    return row


async def rule_of(ask: Ask, rule_id: str) -> Rule:
    """Enabled or not. Raises Invalid, also for one that writes to no people."""
    rule = await ask.app.store.get_setup(Rule, ask.account_id, rule_id)
    if rule is None:
        raise Invalid.field("rule_id", "there is no such action")
    if rule.channel == "webhook":
        raise Invalid.field("rule_id", "this action calls a webhook; test the webhook itself")
    return rule


async def customer(ask: Ask, row: CallRow) -> Contact | None:
    number = row.call.customer_number
    found = await ask.app.store.find_contacts(ask.account_id, [number]) if number else {}
    return found.get(number or "")


async def make(
    ask: Ask,
    form: ByHandForm,
    channel: Channel,
    settings: Settings,
    *,
    to: str,
    role: Role,
    rule: Rule | None,
    at: datetime,
) -> Delivery:
    """Raises Invalid, and what a template raises that makes too much of a call."""
    wanted = Wanted(
        template=_template(ask, form, channel, settings, rule, at),
        to=to,
        role=role,
        sender_id=form.sender_id or (rule.sender_id if rule is not None else None),
        connection_id=form.connection_id or (rule.connection_id if rule is not None else None),
        rule=rule,
    )
    _check(wanted, channel, settings)
    row = await call_of(ask, form.call_id) if form.call_id is not None else None
    if row is not None:
        contact = await customer(ask, row)
    else:
        number = normalise(to, settings.account.country).e164 if channel == "sms" else None
        known = await ask.app.store.find_contacts(ask.account_id, [number]) if number else {}
        contact = known.get(number or "")
    return by_hand(wanted, row, contact, settings.office, at)


def _template(
    ask: Ask, form: ByHandForm, channel: Channel, settings: Settings, rule: Rule | None, now: datetime
) -> MessageTemplate:
    chosen = form.template_id or (rule.template_id if rule is not None and form.text is None else None)
    if form.template_id is not None and form.text is not None:
        raise Invalid.field("text", "may not be given beside template_id")
    if chosen is not None:
        found = settings.templates.get(chosen)
        if found is None:
            raise Invalid.field("template_id", "there is no such template")
        if found.channel != channel:
            raise Invalid.field("template_id", f"is not a template of {channel}")
        return found
    if form.text is not None:
        if form.category is None:
            raise Invalid.field("category", "is required beside text")
        return template_by_hand(ask.account_id, channel, form.category, form.text, form.subject, now)
    if rule is not None:
        return sms_summary(ask.account_id) if channel == "sms" else email_summary(ask.account_id)
    raise Invalid.field("text", "is required, or template_id")


def _check(wanted: Wanted, channel: Channel, settings: Settings) -> None:
    connection = settings.connections.get(wanted.connection_id or "")
    if wanted.connection_id is not None and (connection is None or connection.channel != channel):
        raise Invalid.field("connection_id", f"is not a connection for {channel}")
    if wanted.sender_id is None:
        return
    sender = next((s for s in settings.senders if s.id == wanted.sender_id), None)
    if sender is None or channel != "sms":
        raise Invalid.field(
            "sender_id", "there is no such sender" if channel == "sms" else "is for texts only"
        )
    if connection is not None and sender.connection_id != connection.id:
        raise Invalid.field("sender_id", "belongs to another connection")
