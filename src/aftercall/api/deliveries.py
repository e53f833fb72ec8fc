"""/v1/deliveries: the delivery log, with every attempt; resend and cancel (W10)."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask, Listing, operation
from aftercall.api.resending import ResendForm, send_again
from aftercall.domain.delivery import Attempt, Channel, Delivery, DeliveryStatus
from aftercall.domain.errors import Conflict, NotFound
from aftercall.engine.rows import DeliveryQuery

TAG = "Deliveries"
Moment = Annotated[datetime, Meta(tz=True)]
State = DeliveryStatus
Id = Annotated[str, Meta(max_length=200)]


class DeliveriesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    webhook_id: Id | None = None
    connection_id: Id | None = None
    channel: Channel | None = None
    call_id: Id | None = None
    event_id: Id | None = None
    event: Id | None = None
    status: tuple[State, ...] = ()
    since: Moment | None = None
    until: Moment | None = None
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class DeliveryOut(msgspec.Struct, frozen=True, kw_only=True):
    """`next_attempt_at` is set while it is pending; `reason` says why it was held, failed or cancelled."""

    id: str
    channel: Channel
    webhook_id: str | None
    connection_id: str | None
    event_id: str
    event: str
    trigger: str
    call_id: str | None
    status: State
    reason: str | None
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    occurred_at: datetime
    resend_of: str | None
    is_test: bool
    content_type: str
    body_bytes: int


class AttemptOut(msgspec.Struct, frozen=True, kw_only=True):
    """Secrets in the request's headers are masked."""

    number: int
    started_at: datetime
    ok: bool
    error: str | None
    detail: str
    status_code: int | None
    latency_ms: float
    address: str | None
    request_url: str
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...]
    response_body: str
    next_attempt_at: datetime | None
    manual: bool


class DeliveryDetail(DeliveryOut, frozen=True, kw_only=True):
    body: str
    query: str
    attempt_log: tuple[AttemptOut, ...]


@operation("GET", "/v1/deliveries", "deliveries:read", "List deliveries, newest first", tag=TAG)
async def list_deliveries(ask: Ask, query: DeliveriesQuery) -> Listing[DeliveryOut]:
    asked = msgspec.structs.asdict(query)
    asked["destination_id"] = asked.pop("webhook_id") or asked["connection_id"]
    del asked["connection_id"]
    page = await ask.app.store.list_deliveries(ask.account_id, DeliveryQuery(**asked))
    return Listing(tuple(shown(d) for d in page.items), page.next_cursor)


@operation(
    "GET", "/v1/deliveries/{delivery_id}", "deliveries:read", "Read a delivery and its attempts", tag=TAG
)
async def get_delivery(ask: Ask, delivery_id: str) -> DeliveryDetail:
    delivery = await find_delivery(ask, delivery_id)
    attempts = await ask.app.store.delivery_attempts(ask.account_id, delivery_id)
    return DeliveryDetail(
        **_fields(delivery),
        body=delivery.body.decode("utf-8", "replace"),
        query=delivery.query,
        attempt_log=tuple(attempt_shown(attempt) for attempt in attempts),
    )


@operation("POST", "/v1/deliveries/{delivery_id}/resend", "deliveries:write", "Send a delivery again",
           tag=TAG, status=201)  # fmt: skip
async def resend_delivery(ask: Ask, delivery_id: str, data: ResendForm | None) -> DeliveryOut:
    """A delivery of its own with the same event id and body. The first one's schedule goes on as it was.

    A text or mail (scope `messages:write`) is sent again only with `"confirm": true`: it may arrive twice.
    """
    delivery = await find_delivery(ask, delivery_id)
    if delivery.channel != "webhook":
        ask.need("messages:write")
    return shown(await send_again(ask, delivery, data or ResendForm()))


@operation("POST", "/v1/deliveries/{delivery_id}/cancel", "deliveries:write", "Cancel a delivery", tag=TAG)
async def cancel_delivery(ask: Ask, delivery_id: str) -> DeliveryOut:
    """Only what is pending or held, and not being sent at this moment, can be cancelled."""
    return await cancel(ask, await find_delivery(ask, delivery_id))


async def cancel(ask: Ask, delivery: Delivery) -> DeliveryOut:
    if not await ask.app.dispatcher.cancel(delivery):
        raise Conflict("Only a pending or held delivery that is not being sent can be cancelled.")
    return shown(await find_delivery(ask, delivery.id))


async def find_delivery(ask: Ask, delivery_id: str) -> Delivery:
    delivery = await ask.app.store.get_delivery(ask.account_id, delivery_id)
    if delivery is None:
        raise NotFound("There is no such delivery.")
    return delivery


def shown(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(**_fields(delivery))


def _fields(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "channel": delivery.channel,
        "webhook_id": delivery.destination_id if delivery.channel == "webhook" else None,
        "connection_id": delivery.destination_id if delivery.destination_id.startswith("cn_") else None,
        "event_id": delivery.event_id,
        "event": delivery.event,
        "trigger": delivery.trigger,
        "call_id": delivery.call_id,
        "status": delivery.status,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.due_at if delivery.status == "pending" else None,
        "created_at": delivery.created_at,
        "occurred_at": delivery.occurred_at,
        "resend_of": delivery.resend_of,
        "is_test": delivery.is_test,
        "content_type": delivery.content_type,
        "body_bytes": len(delivery.body),
    }


def attempt_shown(attempt: Attempt) -> AttemptOut:
    outcome = attempt.outcome
    return AttemptOut(
        number=attempt.number,
        started_at=attempt.started_at,
        ok=outcome.ok,
        error=outcome.error,
        detail=outcome.detail,
        status_code=outcome.status_code,
        latency_ms=round(outcome.latency * 1000, 3),
        address=outcome.address,
        request_url=outcome.request_url,
        request_headers=outcome.request_headers,
        response_headers=outcome.response_headers,
        response_body=outcome.response_body,
        next_attempt_at=attempt.next_at,
        manual=attempt.manual,
    )


OPERATIONS = (list_deliveries, get_delivery, resend_delivery, cancel_delivery)
