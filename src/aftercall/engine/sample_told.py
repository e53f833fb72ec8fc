"""What a message would be told for a call that is over: a real one, or a sample (S2). For previews."""

from datetime import datetime

from aftercall.domain.call import Call
from aftercall.domain.contact import Contact
from aftercall.domain.event import COMPLETED
from aftercall.domain.message_context import Recipient, Told, completion
from aftercall.domain.recipients import recipients
from aftercall.domain.rule import Rule
from aftercall.engine.rows import CallRow, Settings
from aftercall.engine.sample import sample_call

SAMPLE_ID = "cl_sample"


def told_of(row: CallRow, rule: Rule, contact: Contact | None, settings: Settings, now: datetime) -> Told:
    """For the first recipient of a rule."""
    return _told(row.id, row.source_id, row.call, rule, contact, settings, now)


def told_of_sample(rule: Rule, settings: Settings, now: datetime) -> Told:
    """Likewise for a call that never was."""
    contact = Contact(
        id="ct_sample",
        account_id=rule.account_id,
        number="+14085551234",
        name="Ada Lovelace",
        email="ada@example.com",
        created_at=now,
        updated_at=now,
    )
    return _told(SAMPLE_ID, "src_test", sample_call(COMPLETED, now), rule, contact, settings, now)


def _told(
    call_id: str,
    source_id: str,
    call: Call,
    rule: Rule,
    contact: Contact | None,
    settings: Settings,
    now: datetime,
) -> Told:
    addressed = next(recipients(rule, call, contact, settings.directory, settings.account.country), None)
    return Told(
        account_id=rule.account_id,
        event=completion(call_id, call, now),
        call=call,
        source_id=source_id,
        recipient=addressed.recipient if addressed is not None else Recipient(role="fixed"),
        contact=contact,
        rule_id=rule.id,
        rule_name=rule.name,
        zone=settings.account.time_zone,
    )
