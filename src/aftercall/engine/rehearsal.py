"""Messages that no event asked for: what a rule would send for a stored call, and those made by hand (S5, S8).

They are planned exactly as the real ones are (`domain/actions.py`); whoever asks decides what becomes of them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from aftercall.domain.actions import Office, Setting, carry_out, trigger_of, turned_away
from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Delivery
from aftercall.domain.event import COMPLETED, Event
from aftercall.domain.message import Category, Message, Role
from aftercall.domain.message_context import completion
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.phone import E164, normalise
from aftercall.domain.rule import Rule
from aftercall.domain.segments import measure
from aftercall.domain.wire import dumps
from aftercall.engine.circumstances import decode_message
from aftercall.engine.ids import new_id, ulid
from aftercall.engine.joined import told_by
from aftercall.engine.rows import CallRow
from aftercall.engine.sample import sample_call

DRY = "dl_dry_run"  # in the place of a delivery's id
BY_HAND = "by_hand"  # in the place of a rule's or template's
MARK = "[Test] "


class Planned(msgspec.Struct, frozen=True):
    """`skipped`: why the rule does not run, in the words of `Skipped.why`; `no_trigger`: nothing set it off."""

    trigger: str | None
    skipped: str | None
    deliveries: tuple[Delivery, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A message somebody wants to see or try. `to` is as it was written."""

    template: MessageTemplate
    to: str
    role: Role = "fixed"
    sender_id: str | None = None
    connection_id: str | None = None
    rule: Rule | None = None  # whose message it stands for


def by_rule(
    rule: Rule, row: CallRow, contact: Contact | None, events: Iterable[Event], office: Office, now: datetime
) -> Planned:
    """What a rule would send for a call if what sets it off happened now. Raises Problem."""
    setting = _setting(row, contact)
    found = next(((e, t) for e in events if (t := trigger_of(rule, e, row.call)) is not None), None)
    if found is None:
        return Planned(None, "no_trigger")
    event, trigger = found
    ran = [id_ for id_ in row.speech.acted if id_ != rule.id]
    why = turned_away(rule, event, setting, ran)
    if why is not None:
        return Planned(trigger, why)
    event = msgspec.structs.replace(event, spoken_at=now)
    return Planned(trigger, None, tuple(carry_out(rule, event, trigger, office, setting)))


def by_hand(
    wanted: Wanted, row: CallRow | None, contact: Contact | None, office: Office, now: datetime
) -> Delivery:
    """One message about a call, or about a sample call. Raises Problem."""
    template, account_id = wanted.template, wanted.template.account_id
    if wanted.connection_id is not None:
        office = _only(office, wanted.connection_id)
    office = msgspec.structs.replace(office, templates={**office.templates, template.id: template})
    rule = Rule(
        id=BY_HAND,
        account_id=account_id,
        name=wanted.rule.name if wanted.rule is not None else "",
        channel=template.channel,
        recipients="fixed",
        to=(_address(template.channel, wanted.to, office.country),),
        template_id=template.id,
        sender_id=wanted.sender_id,
        connection_id=wanted.connection_id,
        created_at=now,
        updated_at=now,
    )
    if row is None:
        call = sample_call(COMPLETED, now)
        setting = Setting(call=call, source_id="src_test", contact=contact, new_id=lambda: DRY)
        event = completion("cl_sample", call, now)
    else:
        setting, event = _setting(row, contact), completion(row.id, row.call, now)
    (made,) = carry_out(rule, event, COMPLETED, office, setting)
    message = msgspec.structs.replace(
        decode_message(made.body),
        role=wanted.role,
        rule_id=wanted.rule.id if wanted.rule is not None else None,
        given=wanted.to,
    )
    message = _without_stand_in(message)
    call_id = row.id if row is not None else None
    return msgspec.structs.replace(made, body=dumps(message), call_id=call_id, is_test=False)


def as_test(delivery: Delivery) -> tuple[Delivery, bool]:
    """The message as a test: marked, of no call, due to nobody but who sends it now; and whether it is marked.

    A text that must be the one registered in India (DLT) cannot be: the operators would reject it.
    """
    message = decode_message(delivery.body)
    marks = message.sms is None or message.sms.dlt is None
    if marks:
        message = _marked(message)
    event_id = f"evt_test_{ulid()}"
    test = msgspec.structs.replace(
        delivery,
        id=new_id("dl"),
        event_id=event_id,
        key=f"{event_id}:{delivery.destination_id}",
        call_id=None,
        body=dumps(message),
        due_at=None,
        is_test=True,
    )
    return test, marks


def template_by_hand(
    account_id: str,
    channel: Literal["sms", "email"],
    category: Category,
    text: str,
    subject: str,
    now: datetime,
) -> MessageTemplate:
    return MessageTemplate(
        id=BY_HAND,
        account_id=account_id,
        name=BY_HAND,
        channel=channel,
        category=category,
        text=text,
        subject=subject,
        created_at=now,
        updated_at=now,
    )


def _setting(row: CallRow, contact: Contact | None) -> Setting:
    source_id = told_by(row.call, row.source_id)
    return Setting(call=row.call, source_id=source_id, contact=contact, new_id=lambda: DRY)


def _only(office: Office, connection_id: str) -> Office:
    """One connection and its own senders."""
    found = office.connections.get(connection_id)
    return msgspec.structs.replace(
        office,
        connections={connection_id: found} if found is not None else {},
        senders=[sender for sender in office.senders if sender.connection_id == connection_id],
    )


def _address(channel: str, given: str, country: str | None) -> str:
    """Empty where nothing can be sent to what was written: why, the guard says."""
    if channel == "email":
        return given.strip()
    read = normalise(given, country).e164
    return read if read is not None and E164.fullmatch(read) else ""


def _without_stand_in(message: Message) -> Message:
    if message.template_id != BY_HAND:
        return message
    if message.sms is not None:
        return msgspec.structs.replace(message, sms=msgspec.structs.replace(message.sms, template_id=None))
    mail = message.email and msgspec.structs.replace(message.email, template_id=None)
    return msgspec.structs.replace(message, email=mail)


def _marked(message: Message) -> Message:
    if message.sms is not None:
        text = MARK + message.sms.text
        measured = measure(text)
        sms = msgspec.structs.replace(
            message.sms, text=text, encoding=measured.encoding, segments=measured.segments
        )
        return msgspec.structs.replace(message, sms=sms)
    mail = message.email
    if mail is not None:
        mail = msgspec.structs.replace(mail, subject=MARK + mail.subject, text=MARK + mail.text)
    return msgspec.structs.replace(message, email=mail)
