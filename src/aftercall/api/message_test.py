"""/v1/messages/test: one text or mail to a chosen recipient, at once, marked as a test (S8)."""

from typing import Literal

import msgspec

from aftercall.api.by_hand import ByHandForm, Channel, Id, To, make, rule_of
from aftercall.api.deliveries import AttemptOut, attempt_shown
from aftercall.api.message_shown import said
from aftercall.api.messages import TAG
from aftercall.api.operation import Ask, operation
from aftercall.api.setups import settings_of
from aftercall.domain.delivery import Attempt, Delivery
from aftercall.domain.errors import Invalid
from aftercall.domain.guard.decision import Decision
from aftercall.domain.guard.explain import explain, reason_in_words, stopping
from aftercall.domain.rule import Rule
from aftercall.engine.circumstances import decode_message
from aftercall.engine.rehearsal import as_test
from aftercall.engine.rows import Settings

TEXT = "This is a test of AfterCall."
SUBJECT = "A test of AfterCall"


class MessageTestForm(ByHandForm, kw_only=True, forbid_unknown_fields=True):
    """What is sent: the template of `template_id` or `rule_id`, a `text`, or for `connection_id` alone a sentence."""

    to: To
    rule_id: Id | None = None


class MessageTestResult(msgspec.Struct, frozen=True, kw_only=True):
    """`message` says Sent, or exactly why not. `unknown`: it may have been sent; it is not repeated.

    `marked` is false for a text that must be the one registered in India (DLT).
    """

    status: Literal["sent", "blocked", "failed", "unknown"]
    message: str
    message_id: str
    channel: Literal["sms", "email"]
    subject: str | None
    text: str
    marked: bool
    error: str | None
    explanation: str
    decision: Decision
    attempt: AttemptOut | None


@operation("POST", "/v1/messages/test", "messages:write", "Send a test message", tag=TAG,
           example={"to": "+14085551234", "template_id": "tpl_1"})  # fmt: skip
async def test_message(ask: Ask, data: MessageTestForm) -> MessageTestResult:
    """Sent at once, with `[Test]` in front, and never retried. It counts in no cap, statistics or bill. The guard is
    asked all the same: whoever has opted out is not written to, and at night nobody is.
    """
    settings = await settings_of(ask)
    rule = await rule_of(ask, data.rule_id) if data.rule_id is not None else None
    channel = _channel(data, rule, settings)
    if rule is None and data.template_id is None and data.text is None:
        subject = SUBJECT if channel == "email" else ""
        data = msgspec.structs.replace(
            data, text=TEXT, subject=subject, category=data.category or "transactional"
        )
    made = await make(ask, data, channel, settings, to=data.to, role="fixed", rule=rule, at=ask.now)
    test, marked = as_test(made)
    done, decision, attempt = await ask.app.trials.message(test, settings)
    return _result(done, decision, attempt, marked=marked)


def _channel(form: MessageTestForm, rule: Rule | None, settings: Settings) -> Channel:
    if rule is not None:
        return "email" if rule.channel == "email" else "sms"
    if form.template_id is not None:
        template = settings.templates.get(form.template_id)
        if template is None:
            raise Invalid.field("template_id", "there is no such template")
        return template.channel
    if form.connection_id is not None:
        connection = settings.connections.get(form.connection_id)
        if connection is None:
            raise Invalid.field("connection_id", "there is no such connection")
        return connection.channel
    return "email" if "@" in form.to else "sms"


def _result(
    done: Delivery, decision: Decision, attempt: Attempt | None, *, marked: bool
) -> MessageTestResult:
    message = decode_message(done.body)
    subject, text = said(message)
    return MessageTestResult(
        status=_status(done),
        message=_told(done, decision, attempt),
        message_id=done.id,
        channel="email" if done.channel == "email" else "sms",
        subject=subject,
        text=text,
        marked=marked,
        error=done.reason,
        explanation=explain(decision),
        decision=decision,
        attempt=attempt_shown(attempt) if attempt is not None else None,
    )


def _status(done: Delivery) -> Literal["sent", "blocked", "failed", "unknown"]:
    match done.status:
        case "sent" | "delivered":
            return "sent"
        case "unknown":
            return "unknown"
        case "blocked":
            return "blocked"
        case _:
            return "failed"


def _told(done: Delivery, decision: Decision, attempt: Attempt | None) -> str:
    if attempt is None:
        found = stopping(decision)
        what = (
            "A test does not wait" if decision.outcome == "defer" else found.hint if found is not None else ""
        )
        return f"Not sent: {reason_in_words(decision)}" + (f". {what}." if what else "")
    if attempt.outcome.ok:
        return "Sent"
    return attempt.outcome.detail or f"Not sent: {done.reason}"


OPERATIONS = (test_message,)
