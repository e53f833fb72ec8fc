"""A call as a row, and back. The columns the call log filters by are derived from the record here."""

from typing import Any

import msgspec

from aftercall.domain.call import Call
from aftercall.domain.emit import Speech
from aftercall.engine.rows import CallRow
from aftercall.store.schema import calls
from aftercall.store.statement import Rows
from aftercall.store.values import clean, document, micros, micros_or_none, moment, moment_or_none, searchable

c = calls.c
# What a `CallRow` is read from, in the order `call_row` takes it.
CALL_COLUMNS = (
    c.id, c.account_id, c.source_id, c.call_key, c.generation, c.version, c.facts, c.record, c.speech, c.fold,
    c.due_at, c.created_at, c.updated_at,
)  # fmt: skip

_decode_call = msgspec.json.Decoder(Call).decode
_decode_speech = msgspec.json.Decoder(Speech).decode


def call_row(row: Any) -> CallRow:
    return CallRow(
        id=row[0],
        account_id=row[1],
        source_id=row[2],
        call_key=row[3],
        generation=row[4],
        version=row[5],
        facts=row[6],
        call=_decode_call(row[7]),
        speech=_decode_speech(row[8]),
        fold=row[9],
        due_at=moment_or_none(row[10]),
        created_at=moment(row[11]),
        updated_at=moment(row[12]),
    )


def call_values(row: CallRow) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    call = row.call
    return (
        row.id,
        row.account_id,
        row.source_id,
        row.call_key,
        row.generation,
        row.version,
        row.facts,
        micros_or_none(row.due_at),
        micros(row.created_at),
        micros(row.updated_at),
        micros(call.started_at or row.created_at),
        call.direction,
        call.call_type,
        call.status,
        clean(call.did) if call.did else None,
        call.duration_seconds,
        reversed_digits(call.customer_number),
        searchable((call.queue.id, call.queue.name)) if call.queue else None,
        _agents(call),
        searchable(call.tags) if call.tags else None,
        document(row.speech),
        document(call),
        row.fold,
    )


def call_rows(rows: Rows) -> list[CallRow]:
    return [call_row(row) for row in rows]


def reversed_digits(number: str | None) -> str | None:
    if not number:
        return None
    digits = number[1:] if number[0] == "+" else number
    if not (digits.isascii() and digits.isdecimal()):
        digits = "".join([d for d in digits if d in "0123456789"])
    return digits[::-1] or None


def _agents(call: Call) -> str | None:
    """Everybody who was asked to speak for us, by every name."""
    if call.agent is None and not call.agents:
        return None
    names: dict[str | None, None] = {}
    for agent in (call.agent, *[leg.agent for leg in call.agents]):
        if agent is not None:
            names[agent.id] = names[agent.name] = names[agent.number] = None
    return searchable(names)
