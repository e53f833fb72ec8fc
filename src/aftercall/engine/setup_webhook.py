"""Setting up a webhook: what may be asked for, what it becomes, and which rules it keeps (W1-W8, T1-T6)."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from aftercall.domain import custom
from aftercall.domain.errors import Invalid
from aftercall.domain.filter import outcomes
from aftercall.domain.standard import RESERVED
from aftercall.domain.webhook import Filters, Webhook
from aftercall.engine.ids import new_id
from aftercall.engine.setup import check_schedule, check_texts, check_zone
from aftercall.engine.setup_choice import read_filters, read_trigger
from aftercall.engine.setup_form import WebhookForm
from aftercall.engine.setup_secrets import new_secret, read_headers, read_secrets

AFTER_CALL_TRIGGERS = ("call.completed", "call.updated")
FORMATS = {"json": "standard", "standard": "standard", "classic": "classic", "custom": "custom"}


PLAIN = (
    "name", "description", "url", "status", "template", "method", "content_type", "call_id_style", "notes_alias",
    "date_format", "rate_limit", "max_in_flight", "timeout_seconds", "fail_fast", "hold_seconds",
)  # fmt: skip
CheckUrl = Callable[[str], None]


def new_webhook(
    account_id: str, form: WebhookForm, now: datetime, check_url: CheckUrl
) -> tuple[Webhook, list[str]]:
    """The webhook asked for, and notes for whoever asked. Raises Invalid."""
    blank = Webhook(
        id=new_id("wb"),
        account_id=account_id,
        url="",
        triggers=(),
        signing_secret=new_secret(),
        created_at=now,
        updated_at=now,
        version=0,
    )
    return change_webhook(blank, form, now, check_url)


def change_webhook(
    webhook: Webhook, form: WebhookForm, now: datetime, check_url: CheckUrl
) -> tuple[Webhook, list[str]]:
    """The webhook with what the form sets, one version on, and notes. Raises Invalid; changes nothing half."""
    notes: list[str] = []
    set_ = _set(form, webhook, notes)
    if form.url is not UNSET:
        check_url(form.url)
    set_["triggers"] = _triggers(form, webhook, set_.get("hold_for", webhook.hold_for))
    set_ |= read_secrets(form, webhook, now)
    changed = msgspec.structs.replace(webhook, **set_, updated_at=now, version=webhook.version + 1)
    _check_whole(changed)
    return changed, notes


def _set(  # one line a field
    form: WebhookForm, webhook: Webhook, notes: list[str]
) -> dict[str, Any]:
    """The fields that stand for themselves."""
    set_: dict[str, Any] = {n: v for n in PLAIN if (v := getattr(form, n)) is not UNSET}
    if form.events is not UNSET:
        set_["events"], note = outcomes(form.events)
        notes += [note] if note else []
    if form.format is not UNSET:
        set_["format"] = FORMATS[form.format]
    if form.filters is not UNSET:
        set_["filters"] = read_filters(form.filters or Filters())
    if form.headers is not UNSET:
        set_["headers"] = read_headers(form.headers or {}, webhook.headers)
    if form.body is not UNSET:
        set_["body"] = form.body or {}
    if form.time_zone is not UNSET:
        set_["time_zone"] = check_zone(form.time_zone)
    if form.retry_schedule is not UNSET:
        set_["retry_schedule"] = check_schedule(form.retry_schedule)
    if form.hold_for is not UNSET:
        set_["hold_for"] = tuple(dict.fromkeys(form.hold_for))
    if form.status is not UNSET:
        set_["status_reason"] = None
    return set_


def kind_of(webhook: Webhook) -> Literal["after_call", "call_event"]:
    return "after_call" if set(webhook.triggers) <= set(AFTER_CALL_TRIGGERS) else "call_event"


def _triggers(form: WebhookForm, webhook: Webhook, hold_for: Iterable[str]) -> tuple[str, ...]:
    asked: list[str] = []
    if form.trigger is not UNSET:
        asked.append(form.trigger)
    if form.triggers is not UNSET:
        asked += form.triggers
    chosen = tuple(dict.fromkeys(read_trigger(name) for name in asked))
    if form.type == "call_event" and not chosen and kind_of(webhook) != "call_event":
        raise Invalid.field("triggers", "is required for type call_event; GET /v1/triggers lists them")
    if form.type == "after_call" and not set(chosen) <= set(AFTER_CALL_TRIGGERS):
        raise Invalid.field("triggers", f"type after_call knows {' and '.join(AFTER_CALL_TRIGGERS)} only")
    if chosen:
        return chosen
    if form.triggers is not UNSET:
        raise Invalid.field("triggers", "choose at least one")
    if webhook.triggers and not (form.type == "after_call" and kind_of(webhook) != "after_call"):
        return webhook.triggers
    # Who waits for wrap-up, analysis or recording wants one message, not revisions.
    return AFTER_CALL_TRIGGERS[:1] if tuple(hold_for) else AFTER_CALL_TRIGGERS


def _check_whole(webhook: Webhook) -> None:
    """Rules that concern more than one field."""
    check_texts(name=webhook.name, description=webhook.description)
    if webhook.format == "custom":
        if webhook.template is None:
            raise Invalid.field("template", "is required for format custom")
        custom.check(webhook.template, webhook.time_zone)
    if webhook.format == "standard" and (taken := RESERVED.intersection(webhook.body)):
        raise Invalid.field(f"body.{min(taken)}", "is a name the standard body uses itself")
    low = {name.casefold() for name in webhook.headers}
    proof = {"header": webhook.auth.header or "", "basic": "authorization", "bearer": "authorization"}
    if proof.get(webhook.auth.type, "").casefold() in low - {""}:
        raise Invalid.field("headers", "the header of `auth` is set there")
