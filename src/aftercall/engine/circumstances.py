"""What the guard has to know about a message, looked up when it is about to go (S5)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Delivery
from aftercall.domain.dlt_match import match
from aftercall.domain.guard.intent import Intent, Known
from aftercall.domain.guard.policy import Cap
from aftercall.domain.message import Message, Sms
from aftercall.domain.sender import Sender
from aftercall.engine.messaging import Traits
from aftercall.engine.ports import Store
from aftercall.engine.rows import Settings

REMEMBERED = timedelta(days=31)  # caps are counted over no more
PUT_OFF = 100  # messages to one recipient that may wait at once and still be counted

decode_message = msgspec.json.Decoder(Message).decode


def intent_of(delivery: Delivery, message: Message, *, dry_run: bool = False) -> Intent:
    return Intent(
        delivery_id=delivery.id,
        account_id=delivery.account_id,
        call_id=delivery.call_id,
        rule_id=message.rule_id,
        role=message.role,
        sms=message.sms,
        email=message.email,
        raw=message.given,
        anonymous=message.anonymous,
        created_at=delivery.created_at,
        max_age=message.expires_at - delivery.created_at,
        is_test=delivery.is_test,
        dry_run=dry_run,
        override=message.override,
        answers=message.answers,
    )


def sender_of(settings: Settings, message: Message) -> Sender | None:
    """The account's, by its id; a text that names none may still come from one of them."""
    for sender in settings.senders:
        if sender.id == message.sender_id:
            return sender
    return None


async def circumstances(
    store: Store,
    settings: Settings,
    delivery: Delivery,
    message: Message,
    traits: Traits | None,
    now: datetime,
) -> Known:
    """Everything that is known now. `traits` are those of the connection's provider."""
    account, address = settings.account, message.to.casefold() if message.email else message.to
    sender = sender_of(settings, message)
    connection = settings.connections.get(delivery.destination_id)
    zone = ZoneInfo(account.time_zone)
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # To count what a sender has sent takes longer with every text of the day: only where it has a cap.
    counted = sender.value if sender is not None and sender.daily_cap is not None else None
    lately = await store.lately(
        delivery, address, message.rule_id, counted, now - REMEMBERED, today, _looked_back(settings, message)
    )
    suppressed = await store.find_suppressions(account.id, [address]) if address else {}
    contacts = await store.find_contacts(account.id, [address]) if address and settings.has_contacts else {}
    rule_enabled = None
    if message.rule_id is not None:
        rule_enabled = any(rule.id == message.rule_id for rule in settings.rules)
    return Known(
        contact=contacts.get(address),
        suppressions=tuple(suppressed.get(address, ())),
        recent=lately.recent,
        sent_today=lately.sent_today,
        duplicate_of=lately.duplicate_of,
        sender=sender or _default_sender(settings, connection, message),
        connection=connection,
        rule_enabled=rule_enabled,
        account_country=account.country,
        account_zone=account.time_zone,
        dlt_route=traits is not None and traits.domestic == "IN",
        dlt_problem=_dlt_problem(settings, message.sms) if message.sms is not None else None,
        longest=traits.longest if traits is not None else None,
    )


def _looked_back(settings: Settings, message: Message) -> int:
    """How many of the recipient's last messages the caps need: a supervisor may get hundreds a day, and has none.

    The last are those that were planned last: one that was put off may have gone after them.
    """
    caps = [
        rule.most
        for policy in settings.policies
        for rule in policy.rules
        if isinstance(rule, Cap) and rule.enabled and (not rule.roles or message.role in rule.roles)
    ]
    return max(caps) + PUT_OFF if caps else 0


def _default_sender(settings: Settings, connection: Connection | None, message: Message) -> Sender | None:
    """An account that has set up no senders leaves the choice to its provider."""
    if connection is None or message.sms is None or settings.senders:
        return None
    return Sender(
        id="",
        account_id=connection.account_id,
        connection_id=connection.id,
        value="",
        kind="pool",
        created_at=connection.created_at,
        updated_at=connection.updated_at,
    )


def _dlt_problem(settings: Settings, sms: Sms) -> tuple[str, str] | None:
    template = settings.templates.get(sms.template_id or "")
    if template is None or template.dlt is None:
        return None
    found = match(template.dlt, sms.text)
    return None if found.problem is None else (found.problem, found.sentence)
