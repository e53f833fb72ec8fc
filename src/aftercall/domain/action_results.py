"""What has become of a call's actions, for the webhook that tells of them (S4). Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from aftercall.domain.call_report import ActionResult, Reached
from aftercall.domain.delivery import Delivery, DeliveryStatus
from aftercall.domain.message import Message
from aftercall.domain.rule import Rule

_decode = msgspec.json.Decoder(Message).decode


def rule_of(delivery: Delivery) -> str | None:
    """The rule a delivery was planned by: its key names it after the event."""
    named = delivery.key.split(":", 2)[1:2]
    return named[0] if named and named[0].startswith("rl_") else None


def in_progress(deliveries: Iterable[Delivery]) -> bool:
    """Whether any is still to be tried, and soon: one that the guard has put off is as good as settled."""
    return any(_state(d) == "pending" for d in deliveries if d.channel != "webhook" and d.resend_of is None)


def results(
    rules: Mapping[str, Rule], deliveries: Sequence[Delivery], waiting: Collection[str], over: Sequence[str]
) -> list[ActionResult]:
    """One for each rule that ran, waits or was over the limit, in the order the rules run."""
    found = []
    for rule in rules.values():
        own = [d for d in deliveries if rule_of(d) == rule.id and d.resend_of is None]
        skipped = "over_limit" if rule.id in over else "waiting" if rule.id in waiting and not own else None
        if own or skipped:
            found.append(
                ActionResult(
                    rule_id=rule.id,
                    name=rule.name,
                    channel=rule.channel,
                    skipped=skipped,
                    recipients=tuple(_reached(d) for d in own),
                )
            )
    return found


def _reached(delivery: Delivery) -> Reached:
    state = _state(delivery)
    if delivery.channel == "webhook":
        return Reached(role="fixed", status=state, reason=delivery.reason)
    message = _decode(delivery.body)
    return Reached(
        role=message.role,
        to=message.to,
        status=state,
        reason=delivery.reason,
        deferred_until=delivery.due_at if state == "deferred" else None,
        segments=message.sms.segments if message.sms else None,
    )


def _state(delivery: Delivery) -> DeliveryStatus | Literal["deferred"]:
    return "deferred" if delivery.status == "pending" and delivery.reason else delivery.status
