"""Setting up post-call actions: what they become, and which rules they keep (S1, S4)."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from aftercall.domain.crowd import Crowd, most
from aftercall.domain.errors import Conflict, Invalid
from aftercall.domain.filter import outcomes
from aftercall.domain.phone import normalise
from aftercall.domain.rule import MAX_ACTIONS, Rule
from aftercall.domain.trigger import NOTICES
from aftercall.domain.webhook import Filters
from aftercall.engine.ids import new_id
from aftercall.engine.rows import Settings
from aftercall.engine.setup import check_texts
from aftercall.engine.setup_choice import read_filters, read_trigger
from aftercall.engine.setup_rule_form import RuleForm

MAX_RULES = 200  # of an account, enabled or not
PLAIN = (
    "name", "status", "position", "hold_seconds", "recipients", "template_id", "sender_id", "connection_id",
    "webhook_id", "include_results", "max_age_minutes",
)  # fmt: skip
# What goes with which channel only.
OWN: dict[str, tuple[str, ...]] = {
    "recipients": ("sms", "email"), "to": ("sms", "email"), "template_id": ("sms", "email"),
    "connection_id": ("sms", "email"), "max_age_minutes": ("sms", "email"), "sender_id": ("sms",),
    "webhook_id": ("webhook",), "include_results": ("webhook",),
}  # fmt: skip
Mailbox = Callable[[str], str]  # the address as mail servers take it; raises ValueError


def new_rule(
    account_id: str,
    form: RuleForm,
    channel: Literal["sms", "email", "webhook"],
    settings: Settings,
    mailbox: Mailbox,
    now: datetime,
) -> tuple[Rule, list[str]]:
    """The action asked for, and notes for whoever asked. Raises Invalid."""
    if channel != "webhook" and form.recipients is UNSET:
        raise Invalid.field("recipients", "is required: caller, user, both or fixed")
    if channel == "webhook" and form.webhook_id is UNSET:
        raise Invalid.field("webhook_id", "is required for channel webhook")
    blank = Rule(id=new_id("rl"), account_id=account_id, channel=channel, created_at=now, updated_at=now)
    return change_rule(blank, form, settings, mailbox)


def change_rule(rule: Rule, form: RuleForm, settings: Settings, mailbox: Mailbox) -> tuple[Rule, list[str]]:
    """The action with what the form sets, and notes. Raises Invalid; changes nothing half."""
    notes: list[str] = []
    for name, channels in OWN.items():
        if getattr(form, name) not in (UNSET, None, []) and rule.channel not in channels:
            raise Invalid.field(name, f"goes with channel {' and '.join(channels)} only")
    set_: dict[str, Any] = {n: v for n in PLAIN if (v := getattr(form, n)) is not UNSET}
    if form.events is not UNSET:
        set_["events"], note = outcomes(form.events)
        notes += [note] if note else []
    if form.triggers is not UNSET:
        set_["triggers"] = _triggers(form.triggers)
    if form.filters is not UNSET:
        set_["filters"] = read_filters(form.filters or Filters())
    if form.hold_for is not UNSET:
        set_["hold_for"] = tuple(dict.fromkeys(form.hold_for))
    if form.to is UNSET and set_.get("recipients", "fixed") != "fixed":
        set_["to"] = ()
    elif form.to is not UNSET:
        set_["to"] = _addresses(rule.channel, form.to, settings.account.country, mailbox)
    check_texts(name=set_.get("name"))
    changed = msgspec.structs.replace(rule, **set_)
    _check_recipients(changed)
    # Only what is set now: what an action names may have been deleted since, and can still be switched off.
    _check_named(changed, settings, {name for name in set_ if set_[name] is not None})
    return changed, notes + _notes(changed, settings)


def check_crowd(rules: Iterable[Rule], changed: Rule) -> None:
    """Raise Conflict where one call could run more actions than run for a call (S1, document 001)."""
    found = most(rules, through=changed.id, floor=MAX_ACTIONS)
    if found is not None:
        others = [rule_id for rule_id in found.rules if rule_id != changed.id]
        raise Conflict(
            f"With this action {found.count} would run for one call ({_told(found)}), but at most {MAX_ACTIONS} do. "
            f"Tell it apart by a filter, or disable one of {', '.join(others[:20])}."
        )


def chooses_anew(before: Rule, after: Rule) -> bool:
    """Whether it may run for other calls than before."""
    chosen = [(rule.status, rule.events, rule.filters, rule.triggers) for rule in (before, after)]
    return after.status == "enabled" and chosen[0] != chosen[1]


def _triggers(asked: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(map(read_trigger, asked)))
    if not chosen:
        raise Invalid.field("triggers", "choose at least one")
    if not NOTICES.keys().isdisjoint(chosen):
        raise Invalid.field("triggers", "must be about calls: notices go to webhooks")
    return chosen


def _addresses(channel: str, asked: Iterable[str], country: str | None, mailbox: Mailbox) -> tuple[str, ...]:
    made = []
    for number, given in enumerate(asked):
        field = f"to[{number}]"
        if channel == "email":
            try:
                made.append(mailbox(given))
            except ValueError as wrong:
                raise Invalid.field(field, str(wrong)) from None
            continue
        e164 = normalise(given, country).e164
        if e164 is None:
            raise Invalid.field(field, "must be a phone number, best in E.164 form such as +14085551234")
        made.append(e164)
    return tuple(dict.fromkeys(made))


def _check_recipients(rule: Rule) -> None:
    if rule.recipients == "fixed" and not rule.to and rule.channel != "webhook":
        raise Invalid.field("to", "is required for recipients fixed")
    if rule.recipients != "fixed" and rule.to:
        raise Invalid.field("to", "goes with recipients fixed only")


def _check_named(rule: Rule, settings: Settings, given: set[str]) -> None:
    """What the action names is there, and of its channel."""
    templates, connections = settings.templates, settings.connections
    known: dict[str, tuple[Any, str]] = {
        "template_id": (templates.get(rule.template_id or ""), "template"),
        "connection_id": (connections.get(rule.connection_id or ""), "connection"),
        "sender_id": (next((s for s in settings.senders if s.id == rule.sender_id), None), "sender"),
        "webhook_id": (next((w for w in settings.webhooks if w.id == rule.webhook_id), None), "webhook"),
    }
    for field, (found, what) in known.items():
        if field not in given:
            continue
        if found is None:
            raise Invalid.field(field, f"there is no such {what}")
        if getattr(found, "channel", rule.channel) != rule.channel:
            raise Invalid.field(field, f"is a {what} for {found.channel}")


def _notes(rule: Rule, settings: Settings) -> list[str]:
    notes: list[str] = []
    if rule.channel == "webhook":
        return notes
    fitting = [one for one in settings.connections.values() if one.channel == rule.channel]
    if not fitting:
        notes.append(
            f"There is no connection for {rule.channel} yet: messages are blocked until there is one."
        )
    if len(rule.triggers) > 1:
        notes.append("It sends a message at each of its triggers.")
    return notes


def _told(crowd: Crowd) -> str:
    return ", ".join(f"{name} {value}" for name, value in crowd.example.items()) or "any call"
