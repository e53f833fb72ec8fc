"""Post-call actions: an event of a call and an account's rules, to messages and summaries (S1, S4). Pure.

The planner's other half: webhooks are in `plan.py`. A rule runs for a call or it does not, and at most ten run;
"both" is one rule and two messages. Whether a message may go is for the guard, when it is about to.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec

from aftercall.domain import phone
from aftercall.domain.call import Call
from aftercall.domain.call_report import ActionResult, webhook_summary
from aftercall.domain.connection import Connection
from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Delivery
from aftercall.domain.emit import Hold
from aftercall.domain.errors import Problem
from aftercall.domain.event import COMPLETED, Event, event_id
from aftercall.domain.message import Email, Message, Sms
from aftercall.domain.message_context import Told
from aftercall.domain.message_defaults import email_summary, sms_summary
from aftercall.domain.message_template import MessageTemplate, render_email, render_sms
from aftercall.domain.payload import encode
from aftercall.domain.plan import Skipped, awaited, deliver, refused
from aftercall.domain.recipients import Addressed, Directory, agent_of, recipients
from aftercall.domain.rule import MAX_ACTIONS, Rule
from aftercall.domain.sender import Sender
from aftercall.domain.sender_choice import choose
from aftercall.domain.trigger import fires, waiting_for
from aftercall.domain.webhook import HoldFor, Webhook
from aftercall.domain.wire import dumps

SUMMARY = "call.actions_finished"  # the event of a webhook that gets the summary of a call
JSON = "application/json"


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What an account writes with."""

    templates: Mapping[str, MessageTemplate] = {}
    senders: Sequence[Sender] = ()
    connections: Mapping[str, Connection] = {}
    webhooks: Mapping[str, Webhook] = {}
    directory: Directory = {}
    country: str | None = None
    zone: str = "UTC"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """The circumstances of an event. `ran` are the rules that have run for this call already; `elsewhere` those that
    had when a record merged into it was still a call of its own.
    """

    call: Call
    source_id: str
    contact: Contact | None = None
    waiting: Sequence[Hold] = ()
    ran: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    new_id: Callable[[], str]


class Acted(msgspec.Struct, frozen=True):
    deliveries: tuple[Delivery, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    holds: tuple[Hold, ...] = ()
    ran: tuple[str, ...] = ()


def act(event: Event, rules: Sequence[Rule], office: Office, setting: Setting) -> Acted:
    """What the rules make of one event, in their order."""
    deliveries: list[Delivery] = []
    skipped: list[Skipped] = []
    holds: list[Hold] = []
    ran = list(setting.ran)
    for rule in rules:
        trigger = trigger_of(rule, event, setting.call)
        if trigger is None:
            continue
        why = turned_away(rule, event, setting, ran)
        if why is not None:
            skipped.append(Skipped(rule.id, why))
            continue
        ran.append(rule.id)
        missing = _awaited(rule, event, setting.call)
        if missing:
            until = event.spoken_at + timedelta(seconds=rule.hold_seconds)
            holds.append(Hold(rule.id, missing, until, event))
            continue
        try:
            deliveries += carry_out(rule, event, trigger, office, setting)
        except Problem as error:  # a template can make more of a call than can be sent
            skipped.append(Skipped(rule.id, error.code))
    return Acted(tuple(deliveries), tuple(skipped), tuple(holds), tuple(ran))


def turned_away(rule: Rule, event: Event, setting: Setting, ran: Sequence[str]) -> str | None:
    """Why a rule that waits for this event does not run; None when it does. `ran` are those that have."""
    why = refused(rule, event, setting.call, setting.waiting, setting.source_id)
    if why is None and setting.call.is_test:
        why = "test_call"  # a sample's number may be somebody's
    if why is None and _has_run(rule, setting, ran):
        why = "duplicate"
    if why is None and len(ran) >= MAX_ACTIONS:
        why = "over_limit"
    return why


def carry_out(
    rule: Rule,
    event: Event,
    trigger: str,
    office: Office,
    setting: Setting,
    results: Sequence[ActionResult] = (),
) -> list[Delivery]:
    """The deliveries of one rule: a message for each recipient, or one summary to a webhook."""
    if rule.channel == "webhook":
        return _report(rule, event, office, setting, results)
    return [
        _message(rule, event, trigger, office, setting, (number, addressed))
        for number, addressed in enumerate(
            recipients(rule, setting.call, setting.contact, office.directory, office.country)
        )
    ]


def _has_run(rule: Rule, setting: Setting, ran: Sequence[str]) -> bool:
    """A call has one summary from a rule. Of a second text the guard tells, when it is about to go."""
    return rule.id in setting.elsewhere or (rule.channel == "webhook" and rule.id in ran)


def undone(rule: Rule, event: Event, trigger: str, why: str, new_id: str) -> Delivery:
    """What becomes of a rule that has waited and can then send nothing: a failed delivery, with the reason."""
    message = Message(role="caller", rule_id=rule.id, expires_at=event.spoken_at)
    return Delivery(
        id=new_id,
        account_id=rule.account_id,
        destination_id=rule.id,
        channel=rule.channel,
        key=f"{event.event_id}:{rule.id}:undone",
        event_id=event.event_id,
        event=event.name,
        trigger=trigger,
        call_id=event.call_id or None,
        body=b"" if rule.channel == "webhook" else dumps(message),
        content_type=JSON,
        created_at=event.spoken_at,
        occurred_at=event.occurred_at,
        status="failed",
        reason=why,
        is_test=event.is_test,
    )


def first_trigger(rule: Rule, event: Event, call: Call) -> str:
    """The trigger under which a rule that waited for more runs in the end."""
    return trigger_of(rule, event, call) or rule.triggers[0]


def trigger_of(rule: Rule, event: Event, call: Call) -> str | None:
    """The first of the rule's triggers that this event sets off."""
    chosen, certain = waiting_for(rule.triggers, event.name)
    return next((t for t in chosen if certain or fires(t, call, event)), None)


def _awaited(rule: Rule, event: Event, call: Call) -> tuple[HoldFor, ...]:
    missing = awaited(rule.hold_for, call) if event.name == COMPLETED else ()
    if rule.channel == "webhook" and rule.include_results and event.name == COMPLETED:
        missing = (*missing, "actions")
    return missing


def _message(
    rule: Rule, event: Event, trigger: str, office: Office, setting: Setting, to: tuple[int, Addressed]
) -> Delivery:
    number, addressed = to
    told = Told(
        account_id=rule.account_id,
        event=event,
        call=setting.call,
        trigger=trigger,
        source_id=setting.source_id,
        recipient=addressed.recipient,
        contact=setting.contact,
        agent=agent_of(setting.call),
        rule_id=rule.id,
        rule_name=rule.name,
        zone=office.zone,
    )
    sms: Sms | None = None
    email: Email | None = None
    sender: Sender | None = None
    if rule.channel == "sms":
        made = render_sms(_template(rule, office), told)
        sender = _sender(rule, office, made)
        sms = (
            made
            if sender is None
            else msgspec.structs.replace(made, sender=sender.value, sender_kind=sender.kind)
        )
    else:
        email = render_email(_template(rule, office), told)
    message = Message(
        role=addressed.recipient.role,
        sms=sms,
        email=email,
        rule_id=rule.id,
        sender_id=sender.id if sender else None,
        given=addressed.given,
        anonymous=addressed.anonymous,
        expires_at=event.spoken_at + timedelta(minutes=rule.max_age_minutes),
    )
    suffix = f":{number}" if addressed.recipient.role == "fixed" else ""
    return Delivery(
        id=setting.new_id(),
        account_id=rule.account_id,
        destination_id=_connection(rule, office, sender) or rule.id,
        channel="sms" if rule.channel == "sms" else "email",
        key=f"{event.event_id}:{rule.id}:{addressed.recipient.role}{suffix}",
        event_id=event.event_id,
        event=event.name,
        trigger=trigger,
        call_id=event.call_id or None,
        body=dumps(message),
        content_type=JSON,
        created_at=event.spoken_at,
        occurred_at=event.occurred_at,
        due_at=event.spoken_at,
        is_test=event.is_test or setting.call.is_test,
    )


def _template(rule: Rule, office: Office) -> MessageTemplate:
    """The rule's; the summary of the call where it names none, or one that is gone."""
    found = office.templates.get(rule.template_id or "")
    if found is not None and found.channel == rule.channel:
        return found
    return sms_summary(rule.account_id) if rule.channel == "sms" else email_summary(rule.account_id)


def _sender(rule: Rule, office: Office, sms: Sms) -> Sender | None:
    if rule.sender_id is not None:
        return next((s for s in office.senders if s.id == rule.sender_id), None)
    country = phone.country(sms.to) if sms.to else office.country
    return choose(office.senders, office.connections, country, sms.category)


def _connection(rule: Rule, office: Office, sender: Sender | None) -> str | None:
    """The way the message goes; an account without senders uses its provider's own default."""
    if sender is not None:
        return sender.connection_id if sender.connection_id in office.connections else None
    if rule.channel == "sms" and office.senders:
        return None
    chosen = rule.connection_id
    fitting = [c.id for c in office.connections.values() if c.channel == rule.channel]
    return chosen if chosen in fitting else min(fitting, default=None) if chosen is None else None


def _report(
    rule: Rule, event: Event, office: Office, setting: Setting, results: Sequence[ActionResult]
) -> list[Delivery]:
    webhook = office.webhooks.get(rule.webhook_id or "")
    if webhook is None:
        return []
    told = msgspec.structs.replace(event, name=SUMMARY, event_id=event_id(event.call_id, SUMMARY, rule.id))
    body = webhook_summary(
        webhook, told, setting.call, contact=setting.contact, actions=results, source_id=setting.source_id
    )
    key = f"{told.event_id}:{rule.id}"
    return [deliver(webhook, told, SUMMARY, encode(webhook, body), key, setting.new_id())]
