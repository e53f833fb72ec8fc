"""A delivery as a row, and back; likewise its attempts and what is remembered of a lane."""

from typing import Any

import msgspec

from aftercall.domain.breaker import LaneState
from aftercall.domain.delivery import Attempt, Delivery
from aftercall.store.schema import deliveries
from aftercall.store.statement import Rows
from aftercall.store.values import document, micros, micros_or_none, moment, moment_or_none

c = deliveries.c
# What a `Delivery` is read from, in the order `delivery` takes it.
DELIVERY_COLUMNS = (
    c.id, c.account_id, c.destination_id, c.key, c.event_id, c.event, c.trigger, c.call_id, c.status, c.reason,
    c.attempts, c.due_at, c.created_at, c.occurred_at, c.resend_of, c.is_test, c.content_type, c.query, c.body,
    c.channel, c.started,
)  # fmt: skip

decode_attempt = msgspec.json.Decoder(Attempt).decode
decode_lane = msgspec.json.Decoder(LaneState).decode


def delivery(row: Any) -> Delivery:
    return Delivery(
        id=row[0],
        account_id=row[1],
        destination_id=row[2],
        key=row[3],
        event_id=row[4],
        event=row[5],
        trigger=row[6],
        call_id=row[7],
        status=row[8],
        reason=row[9],
        attempts=row[10],
        due_at=moment_or_none(row[11]),
        created_at=moment(row[12]),
        occurred_at=moment(row[13]),
        resend_of=row[14],
        is_test=bool(row[15]),
        content_type=row[16],
        query=row[17],
        body=row[18],
        channel=row[19],
        started=row[20],
    )


def delivery_rows(rows: Rows) -> list[Delivery]:
    return [delivery(row) for row in rows]


def delivery_values(row: Delivery, owner: str | None) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    return (
        row.account_id,
        row.id,
        row.destination_id,
        row.channel,
        row.key,
        row.event_id,
        row.event,
        row.trigger,
        row.call_id,
        row.status,
        row.reason,
        row.attempts,
        row.started,
        micros_or_none(row.due_at),
        owner,
        micros(row.created_at),
        micros(row.occurred_at),
        row.resend_of,
        row.is_test,
        row.content_type,
        row.query,
        row.body,
    )


def attempt_values(account_id: str, row: Attempt) -> tuple[Any, ...]:
    outcome = row.outcome
    return (
        row.delivery_id,
        row.number,
        account_id,
        micros(row.started_at),
        int(outcome.latency * 1_000_000),
        outcome.ok,
        document(row),
    )


def lane_values(row: LaneState) -> tuple[Any, ...]:
    return row.account_id, row.destination_id, document(row)
