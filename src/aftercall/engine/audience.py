"""Who gets what is said of a call: webhooks and rules, and those among them that wait for more (H7, S1)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from aftercall.domain.action_results import in_progress, results
from aftercall.domain.actions import Setting, act, carry_out, first_trigger, undone
from aftercall.domain.call import Call
from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Delivery
from aftercall.domain.emit import Hold, Speech
from aftercall.domain.errors import Problem
from aftercall.domain.event import UPDATED, Event
from aftercall.domain.payload import Rendered
from aftercall.domain.plan import Skipped, address, awaited, deliver, plan
from aftercall.domain.rule import Rule
from aftercall.domain.webhook import Webhook
from aftercall.engine.ids import new_id
from aftercall.engine.rows import Settings

OVER = "over_limit"
NOTHING = Rendered(b"", "application/json")


class Audience:
    """For one look at one call. `sent` is what the call's rules have sent so far, as far as somebody waits for it."""

    def __init__(
        self,
        account: Settings,
        call: Call,
        source_id: str,
        contact: Contact | None,
        speech: Speech,
        sent: Sequence[Delivery],
    ) -> None:
        self._account, self._call, self._source_id, self._contact = account, call, source_id, contact
        self._speech, self._sent = speech, sent
        self.deliveries: list[Delivery] = []
        self.holds: list[Hold] = []
        self.acted, self.over = speech.acted, speech.over

    @property
    def speech(self) -> Speech:
        """The call's, with what has become of its audience."""
        before = self._speech
        if not (self.holds or before.holds) and self.acted is before.acted and self.over is before.over:
            return before
        return msgspec.structs.replace(
            self._speech, holds=tuple(self.holds), acted=self.acted, over=self.over
        )

    def tell(self, event: Event) -> tuple[Skipped, ...]:
        """Plan one event; who chose it and does not get it."""
        account = self._account
        planned = plan(
            event, self._call, account.listening(event.name), self.holds, self._source_id, _delivery_id
        )
        self.deliveries.extend(planned.deliveries)
        self.holds.extend(planned.holds)
        rules = account.acting(event.name)
        if not rules or not event.call_id:
            return planned.skipped
        acted = act(event, rules, account.office, self._setting())
        self.deliveries.extend(acted.deliveries)
        self.holds.extend(acted.holds)
        self.acted, self.over = (
            acted.ran,
            (*self.over, *(s.subscriber_id for s in acted.skipped if s.why == OVER)),
        )
        return (*planned.skipped, *acted.skipped)

    def release(self, now: datetime) -> None:
        """Those who waited get their message when what they waited for is there, or time is up."""
        for hold in self._speech.holds:
            self._release(hold, now)

    def report(self, now: datetime) -> None:
        """Those who wait for the call's actions get theirs at once when there is nothing to wait for."""
        if not self.holds:
            return
        waiting, self.holds = self.holds, []
        for hold in waiting:
            if hold.awaiting == ("actions",) and hold not in self._speech.holds:
                self._release(hold, now, waiting)
            else:
                self.holds.append(hold)

    def _release(self, hold: Hold, now: datetime, others: Sequence[Hold] = ()) -> None:
        account = self._account
        webhook = next((w for w in account.webhooks if w.id == hold.subscriber_id), None)
        rule = next((r for r in account.rules if r.id == hold.subscriber_id), None)
        if webhook is None and rule is None:
            return
        if now < hold.until and self._still_missing(hold, others or self._speech.holds):
            self.holds.append(hold)
            return
        event = msgspec.structs.replace(hold.event, revision=self._speech.revision, spoken_at=now)
        if webhook is not None:
            self._to_webhook(webhook, event)
        elif rule is not None:
            self._to_rule(rule, event, others)

    def _still_missing(self, hold: Hold, others: Sequence[Hold]) -> bool:
        if awaited(tuple(what for what in hold.awaiting if what != "actions"), self._call):
            return True
        if "actions" not in hold.awaiting:
            return False
        reports = {rule.id for rule in self._account.rules if rule.channel == "webhook"}
        waiting = any(h.subscriber_id in self.acted and h.subscriber_id not in reports for h in others)
        return waiting or in_progress([*self._sent, *self.deliveries])

    def _to_webhook(self, webhook: Webhook, event: Event) -> None:
        triggers = [trigger for trigger in webhook.triggers if trigger != UPDATED]
        try:
            made = address(event, self._call, webhook, triggers, self._source_id, _delivery_id)
        except Problem as error:  # the call has grown beyond what can be sent
            nothing = deliver(
                webhook, event, triggers[0], NOTHING, f"{event.event_id}:{webhook.id}", _delivery_id()
            )
            made = [msgspec.structs.replace(nothing, status="failed", reason=error.code, due_at=None)]
        self.deliveries.extend(made)

    def _to_rule(self, rule: Rule, event: Event, others: Sequence[Hold]) -> None:
        account = self._account
        told = []
        if rule.include_results:
            rules = {r.id: r for r in account.rules if r.id != rule.id}
            holds = [h.subscriber_id for h in (*others, *self.holds)]
            told = results(rules, [*self._sent, *self.deliveries], holds, self.over)
        trigger = first_trigger(rule, event, self._call)
        try:
            self.deliveries.extend(carry_out(rule, event, trigger, account.office, self._setting(), told))
        except Problem as error:  # the call has grown beyond what can be sent
            self.deliveries.append(undone(rule, event, trigger, error.code, _delivery_id()))

    def _setting(self) -> Setting:
        return Setting(
            call=self._call,
            source_id=self._source_id,
            contact=self._contact,
            waiting=self.holds,
            ran=self.acted,
            elsewhere=self._speech.elsewhere,
            new_id=_delivery_id,
        )


def _delivery_id() -> str:
    return new_id("dl")
