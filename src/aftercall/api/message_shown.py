"""How messages are shown: what was sent to whom, what the guard said, what became of it (S5, S6)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from aftercall.api.deliveries import AttemptOut, attempt_shown
from aftercall.api.reasons import MESSAGES
from aftercall.domain.delivery import Attempt, Delivery, DeliveryStatus
from aftercall.domain.guard.decision import Decision
from aftercall.domain.guard.explain import explain, in_short, reason_in_words, stopping
from aftercall.domain.message import Category, Encoding, Message, Override, Role
from aftercall.domain.progress import Part, Progress
from aftercall.engine.circumstances import decode_message
from aftercall.engine.message_rows import MessageRow, StoredReceipt

decode_decision = msgspec.json.Decoder(Decision).decode
FAILING = ("failed", "undelivered", "unknown", "held")


class MessageOut(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is the delivery's; `reason` its code, `why` the same in words, `hint` what to do about it.

    A message that waits for its time is `pending`, with a reason and `next_attempt_at`. `price` is the provider's.
    """

    id: str
    channel: Literal["sms", "email"]
    status: DeliveryStatus
    reason: str | None
    why: str
    hint: str
    to: str
    role: Role
    sender: str | None
    subject: str | None
    text: str
    category: Category
    segments: int | None
    call_id: str | None
    rule_id: str | None
    template_id: str | None
    connection_id: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    submitted_at: datetime | None
    replied_at: datetime | None
    opted_out_at: datetime | None
    deferred: bool
    attempts: int
    provider_ids: tuple[str, ...]
    price: str | None
    currency: str | None
    resend_of: str | None
    is_test: bool


class ReceiptOut(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is the provider's time, `received_at` ours."""

    received_at: datetime
    at: datetime | None
    status: str
    provider_id: str | None
    provider_status: str
    provider_code: str | None
    error: str | None
    detail: str
    price: str | None
    currency: str | None


class PartOut(Part, frozen=True, kw_only=True, omit_defaults=False):
    """What is known of one segment, or of the whole where `provider_id` is null."""

    provider_id: str | None


class MessageDetail(MessageOut, frozen=True, kw_only=True):
    """`decision` is null while the guard has not been asked, `explanation` says it in words."""

    html: str | None
    encoding: Encoding | None
    attachments: tuple[str, ...]
    expires_at: datetime
    override: Override | None
    answers: str | None
    attempt_log: tuple[AttemptOut, ...]
    decision: Decision | None
    explanation: str | None
    receipts: tuple[ReceiptOut, ...]
    parts: tuple[PartOut, ...]


class DecisionOut(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is one line, `explanation` everything that is worth knowing."""

    message_id: str
    status: DeliveryStatus
    text: str
    explanation: str
    decision: Decision


def shown(row: MessageRow) -> MessageOut:
    return MessageOut(**_fields(row.delivery, row))


def detailed(
    delivery: Delivery,
    row: MessageRow | None,
    attempts: Sequence[Attempt],
    receipts: Sequence[StoredReceipt],
) -> MessageDetail:
    message = decode_message(delivery.body)
    decision = decode_decision(row.decision) if row is not None else None
    fields = _fields(delivery, row)
    last = attempts[-1].outcome if attempts else None
    if last is not None and not last.ok and last.detail and delivery.status in FAILING:
        fields["why"] = last.detail
    return MessageDetail(
        **fields,
        html=message.email.html or None if message.email is not None else None,
        encoding=message.sms.encoding if message.sms is not None else None,
        attachments=tuple(a.name for a in message.email.attachments) if message.email is not None else (),
        expires_at=message.expires_at,
        override=message.override,
        answers=message.answers,
        attempt_log=tuple(attempt_shown(attempt) for attempt in attempts),
        decision=decision,
        explanation=explain(decision) if decision is not None else None,
        receipts=tuple(_receipt(receipt) for receipt in receipts),
        parts=tuple(_parts(row.progress)) if row is not None else (),
    )


def decided(row: MessageRow) -> DecisionOut:
    decision = decode_decision(row.decision)
    return DecisionOut(
        message_id=row.delivery.id,
        status=row.delivery.status,
        text=in_short(decision),
        explanation=explain(decision),
        decision=decision,
    )


def said(message: Message) -> tuple[str | None, str]:
    """Subject and text."""
    if message.sms is not None:
        return None, message.sms.text
    return (message.email.subject, message.email.text) if message.email is not None else (None, "")


def _fields(delivery: Delivery, row: MessageRow | None) -> dict[str, Any]:
    message = decode_message(delivery.body)
    subject, text = said(message)
    why, hint = _why(delivery, row)
    made = message.sms or message.email
    progress = row.progress if row is not None else Progress()
    return {
        "id": delivery.id,
        "channel": delivery.channel,
        "status": delivery.status,
        "reason": delivery.reason,
        "why": why,
        "hint": hint,
        "to": message.to,
        "role": message.role,
        "sender": message.sms.sender or None
        if message.sms is not None
        else message.email and message.email.from_,
        "subject": subject,
        "text": text,
        "category": made.category if made is not None else "conversational",
        "segments": (progress.segments or message.sms.segments) if message.sms is not None else None,
        "call_id": delivery.call_id,
        "rule_id": message.rule_id,
        "template_id": message.template_id,
        "connection_id": delivery.destination_id if delivery.destination_id.startswith("cn_") else None,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.due_at if delivery.status == "pending" else None,
        "submitted_at": row.submitted_at if row is not None else None,
        "replied_at": row.replied_at if row is not None else None,
        "opted_out_at": row.opted_out_at if row is not None else None,
        "deferred": row.deferred if row is not None else False,
        "attempts": delivery.attempts,
        "provider_ids": progress.ids,
        "price": progress.price,
        "currency": progress.currency,
        "resend_of": delivery.resend_of,
        "is_test": delivery.is_test,
    }


def _why(delivery: Delivery, row: MessageRow | None) -> tuple[str, str]:
    """Why it is where it is, and what to do: the guard's words where it stopped it, else the provider's."""
    if delivery.reason is None:
        return "", ""
    if row is not None and delivery.status in ("blocked", "pending"):
        decision = decode_decision(row.decision)
        found = stopping(decision)
        if found is not None and found.reason == delivery.reason:
            return reason_in_words(decision), found.hint
    told, hint = MESSAGES.get(delivery.reason, (delivery.reason.replace("_", " "), ""))
    if row is not None:
        details = (part.detail for part in row.progress.parts.values() if part.detail)
        told = next(details, told) if delivery.status == "undelivered" else told
    return told, hint


def _receipt(stored: StoredReceipt) -> ReceiptOut:
    told = stored.receipt
    return ReceiptOut(
        received_at=stored.received_at,
        at=told.at,
        status=told.status,
        provider_id=told.provider_id,
        provider_status=told.provider_status,
        provider_code=told.provider_code,
        error=told.error,
        detail=told.detail,
        price=told.price,
        currency=told.currency,
    )


def _parts(progress: Progress) -> list[PartOut]:
    return [
        PartOut(**msgspec.structs.asdict(part), provider_id=id_ or None)
        for id_, part in progress.parts.items()
    ]
