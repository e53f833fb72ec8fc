"""/v1/webhooks: set up, test, watch, replay (W1, W2, W9, W12, T5)."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aftercall.api.operation import TRIES, Ask, Listing, PageQuery, operation
from aftercall.api.setups import named, settings_of
from aftercall.api.shown import WebhookCreated, WebhookOut, created, shown
from aftercall.api.target import check_target
from aftercall.domain.errors import Conflict, Invalid, NotFound
from aftercall.domain.webhook import Webhook
from aftercall.engine.resend import Replayed, replay
from aftercall.engine.rows import Health
from aftercall.engine.sample import sample_delivery
from aftercall.engine.setup_form import NewWebhookForm, WebhookForm
from aftercall.engine.setup_webhook import change_webhook, new_webhook

TAG = "Webhooks"
EXAMPLE = {
    "type": "after_call",
    "url": "https://example.com/webhooks/after-call",
    "auth": {"header": "X-Webhook-Token", "secret": "a-long-random-secret"},
    "events": ["answered", "missed", "voicemail"],
    "format": "json",
}


class TestForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    trigger: (
        Annotated[str, Meta(max_length=100, description="One of the webhook's; else its first.")] | None
    ) = None


class TestResult(msgspec.Struct, frozen=True):
    """`message` is Delivered or the exact failure."""

    status: Literal["delivered", "failed"]
    message: str
    delivery_id: str
    event_id: str
    error: str | None
    status_code: int | None
    latency_ms: float
    address: str | None
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...]
    response_body: str


class ReplayForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    since: Annotated[datetime, Meta(tz=True)]
    until: Annotated[datetime, Meta(tz=True)] | None = None
    status: Annotated[
        tuple[Literal["failed", "held"], ...],
        Meta(min_length=1, description="Which deliveries to send again."),
    ] = ("failed", "held")


class RotateForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    overlap_seconds: Annotated[int, Meta(ge=0, le=2_592_000)] = 86_400


class RetiredSecret(msgspec.Struct, frozen=True):
    secret: str
    valid_until: datetime


class Secrets(msgspec.Struct, frozen=True):
    signing_secret: str
    previous: tuple[RetiredSecret, ...]


@operation("POST", "/v1/webhooks", "webhooks:write", "Create a webhook", tag=TAG, status=201, example=EXAMPLE,
           shown_once=("signing_secret",))  # fmt: skip
async def create_webhook(ask: Ask, data: NewWebhookForm) -> WebhookCreated:
    """`signing_secret` is shown here once; GET /v1/webhooks/{webhook_id}/secret reveals it again.

    `notes` holds remarks about how the request was understood.
    """
    webhook, notes = new_webhook(ask.account_id, data, ask.now, _check_url(ask))
    await ask.app.store.add_webhook(webhook)
    ask.changed()
    return created(webhook, ask.now, notes)


@operation("GET", "/v1/webhooks", "webhooks:read", "List webhooks", tag=TAG)
async def list_webhooks(ask: Ask, query: PageQuery) -> Listing[WebhookOut]:
    page = await ask.app.store.list_webhooks(ask.account_id, query.cursor, query.limit)
    now = ask.now
    return Listing(tuple(shown(webhook, now) for webhook in page.items), page.next_cursor)


@operation("GET", "/v1/webhooks/{webhook_id}", "webhooks:read", "Read a webhook", tag=TAG)
async def get_webhook(ask: Ask, webhook_id: str) -> WebhookOut:
    return shown(await find(ask, webhook_id), ask.now)


@operation("PATCH", "/v1/webhooks/{webhook_id}", "webhooks:write", "Change a webhook or rotate its secrets",
           tag=TAG, example={"auth": {"header": "X-Webhook-Token", "secret": "a-new-secret"}})  # fmt: skip
async def change_webhook_(ask: Ask, webhook_id: str, data: WebhookForm) -> WebhookOut:
    """What is left out stays as it is.

    A new `auth.secret`, or `rotate_signing_secret`, is a rotation: the old one stays valid for
    `overlap_seconds` (24 h by default). Pausing or disabling holds what is pending; resuming releases it;
    enabling a disabled webhook releases it unless `release_held` is false.
    """
    before, after, notes = await _change(ask, webhook_id, data)
    await _apply_status(ask, before, after, release=data.release_held is not False)
    return shown(after, ask.now, notes)


@operation("DELETE", "/v1/webhooks/{webhook_id}", "webhooks:write", "Delete a webhook", tag=TAG, status=204)
async def delete_webhook(ask: Ask, webhook_id: str) -> None:
    """What is pending is cancelled; the delivery log stays. 409 while an enabled post-call action reports to it."""
    rules = (await settings_of(ask)).rules
    if users := [(rule.id, rule.name) for rule in rules if rule.webhook_id == webhook_id]:
        raise Conflict(f"This webhook is used by {named(users)}.")
    if not await ask.app.store.delete_webhook(ask.account_id, webhook_id, ask.now):
        raise NotFound("There is no such webhook.")
    ask.changed()


@operation("POST", "/v1/webhooks/{webhook_id}/test", "webhooks:write", "Send a test", tag=TAG)
async def test_webhook(ask: Ask, webhook_id: str, data: TestForm | None) -> TestResult:
    """Sends a signed sample at once and says Delivered or exactly what failed. Never retried."""
    webhook = await find(ask, webhook_id)
    trigger = data.trigger if data is not None else None
    if trigger is not None and trigger not in webhook.triggers:
        raise Invalid.field("trigger", "must be one of the webhook's triggers")
    delivery = sample_delivery(webhook, trigger or webhook.triggers[0], ask.now)
    outcome = (await ask.app.trials.webhook(webhook, delivery)).outcome
    return TestResult(
        status="delivered" if outcome.ok else "failed",
        message="Delivered" if outcome.ok else outcome.detail or str(outcome.error),
        delivery_id=delivery.id,
        event_id=delivery.event_id,
        error=outcome.error,
        status_code=outcome.status_code,
        latency_ms=round(outcome.latency * 1000, 1),
        address=outcome.address,
        request_headers=outcome.request_headers,
        response_headers=outcome.response_headers,
        response_body=outcome.response_body,
    )


@operation(
    "GET", "/v1/webhooks/{webhook_id}/health", "webhooks:read", "How the receiver has been doing", tag=TAG
)
async def webhook_health(ask: Ask, webhook_id: str) -> Health:
    await find(ask, webhook_id)
    return await ask.app.store.health(ask.account_id, webhook_id)


@operation("POST", "/v1/webhooks/{webhook_id}/replay", "deliveries:write", "Send again what has not arrived",
           tag=TAG, example={"since": "2025-08-21T00:00:00Z", "status": ["failed", "held"]})  # fmt: skip
async def replay_webhook(ask: Ask, webhook_id: str, data: ReplayForm) -> Replayed:
    """Everything failed or held since a time, once an event, oldest first.

    What has been delivered meanwhile, or is pending, is left alone, so asking twice sends nothing twice.
    """
    if data.until is not None and data.until <= data.since:
        raise Invalid.field("until", "must be later than since")
    webhook = await find(ask, webhook_id)
    done = await replay(ask.app.store, webhook, data.since, data.until, set(data.status), ask.now)
    ask.app.dispatcher.wake()
    return done


@operation(
    "POST", "/v1/webhooks/{webhook_id}/rotate-secret", "webhooks:write", "Rotate the signing secret", tag=TAG
)
async def rotate_webhook_secret(ask: Ask, webhook_id: str, data: RotateForm | None) -> Secrets:
    """`webhook-signature` carries both signatures until the overlap ends."""
    overlap = (data or RotateForm()).overlap_seconds
    form = WebhookForm(rotate_signing_secret=True, overlap_seconds=overlap)
    return _secrets((await _change(ask, webhook_id, form))[1])


@operation("GET", "/v1/webhooks/{webhook_id}/secret", "webhooks:write", "Reveal the signing secret", tag=TAG)
async def get_webhook_secret(ask: Ask, webhook_id: str) -> Secrets:
    return _secrets(await find(ask, webhook_id))


async def find(ask: Ask, webhook_id: str) -> Webhook:
    webhook = await ask.app.store.get_webhook(ask.account_id, webhook_id)
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


async def _change(ask: Ask, webhook_id: str, form: WebhookForm) -> tuple[Webhook, Webhook, list[str]]:
    """The webhook before and after, and notes."""
    for _ in range(TRIES):
        before = await find(ask, webhook_id)
        after, notes = change_webhook(before, form, ask.now, _check_url(ask))
        if await ask.app.store.update_webhook(after):
            ask.changed()
            return before, after, notes
    raise Conflict("Somebody else is changing this webhook.")


async def _apply_status(ask: Ask, before: Webhook, after: Webhook, *, release: bool) -> None:
    store, account_id = ask.app.store, ask.account_id
    if before.status == after.status:
        return
    if after.status != "enabled":
        await store.hold(account_id, after.id, after.status)
    elif before.status == "paused" or release:
        await store.release(account_id, after.id, ask.now)
    ask.changed()


def _secrets(webhook: Webhook) -> Secrets:
    return Secrets(
        webhook.signing_secret, tuple(RetiredSecret(o.secret, o.until) for o in webhook.old_secrets)
    )


def _check_url(ask: Ask) -> Any:
    config = ask.app.config
    return lambda url: check_target(url, config.dev, config.networks)


OPERATIONS = (
    create_webhook, list_webhooks, get_webhook, change_webhook_, delete_webhook, test_webhook, webhook_health,
    replay_webhook, rotate_webhook_secret, get_webhook_secret,
)  # fmt: skip
