"""What comes back about messages: results of attempts, receipts in any order, texts that people send (S6).

A receipt finds its message by the provider's id or by our reference. One that comes before the submit's own answer
is recorded waits, and is applied with it.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import bindparam, case, delete, literal_column, select, update
from sqlalchemy.sql.elements import ColumnElement

from aftercall.domain.clean import line
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Delivery, DeliveryStatus
from aftercall.domain.message import Receipt, Text
from aftercall.domain.progress import Progress, fold
from aftercall.engine.ids import new_id
from aftercall.engine.message_rows import Reported, StoredReceipt, StoredText
from aftercall.engine.rows import Finished, Page, bucket_of
from aftercall.engine.suppressing import provider_says
from aftercall.store.delivery_rows import DELIVERY_COLUMNS, delivery_rows
from aftercall.store.link import Link
from aftercall.store.messages import wake_calls
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import deliveries, messages, provider_ids, receipts, texts
from aftercall.store.statement import Insert, Many, Query, types, within
from aftercall.store.suppressions import suppress
from aftercall.store.values import document, micros, micros_or_none, moment

d, m, p, r, x = deliveries.c, messages.c, provider_ids.c, receipts.c, texts.c

OPEN: tuple[DeliveryStatus, ...] = (
    "sent",
    "unknown",
    "undelivered",
    "failed",
)  # what a receipt may still change
REPLIES_WITHIN = 30 * 86_400 * 1_000_000  # microseconds after a message in which a text counts as its answer
_OPEN: list[ColumnElement[str]] = [literal_column(f"'{status}'") for status in OPEN]
NOTHING: ColumnElement[Any] = literal_column("NULL")

_ADD_IDS = Insert(
    provider_ids, conflict="replace"
)  # some providers count anew: an id is its latest message's
_SUBMITTED = Many(
    types(m.delivery_id, m.account_id, m.submitted_at, m.progress),
    lambda new: (
        update(messages)
        .where(m.delivery_id == new["delivery_id"], within(m.account_id, new["account_id"]))
        .values(
            submitted_at=new["submitted_at"],
            # What receipts have said already stays: those of a message that was in doubt.
            progress=case((m.progress == literal_column("'{}'"), new["progress"]), else_=m.progress),
        )
    ),
)
_KEEP = Insert(receipts, conflict="keep")
_EARLY = Query(
    select(r.digest, r.document)
    .where(
        within(r.connection_id, bindparam("connection_id")),
        within(r.account_id, bindparam("account_id")),
        r.provider_id == bindparam("provider_id"),
        r.delivery_id.is_(None),
    )
    .order_by(r.received_at)
)
_EARLY_BY_REFERENCE = Query(
    select(r.digest, r.document)
    .where(
        r.reference == bindparam("reference"),
        r.delivery_id.is_(None),
        within(r.connection_id, bindparam("connection_id")),
        within(r.account_id, bindparam("account_id")),
    )
    .order_by(r.received_at)
)
_FOUND = Query(
    update(receipts)
    .where(r.connection_id == bindparam("of_connection"), r.digest == bindparam("with_digest"))
    .values(delivery_id=bindparam("found"))
)
_BY_PROVIDER = Query(
    select(p.delivery_id).where(
        p.connection_id == bindparam("connection_id"),
        p.provider_id == bindparam("provider_id"),
        p.account_id == bindparam("account_id"),
    )
)
_STATE = Query(
    select(m.progress, m.address, d.status, d.call_id, d.destination_id, d.key)
    .select_from(messages.join(deliveries, (d.account_id == m.account_id) & (d.id == m.delivery_id)))
    .where(within(m.account_id, bindparam("account_id")), m.delivery_id == bindparam("id"))
    .with_for_update()
)
_PROGRESS = Query(
    update(messages)
    .where(within(m.account_id, bindparam("of_account")), m.delivery_id == bindparam("with_id"))
    .values(progress=bindparam("new_progress"))
)
_STATUS = Query(
    update(deliveries)
    .where(d.account_id == bindparam("of_account"), d.id == bindparam("with_id"), d.status.in_(_OPEN))
    .values(status=bindparam("new_status"), reason=bindparam("new_reason"), due_at=NOTHING)
)
_TAKEN = Query(
    update(messages)
    .where(
        within(m.account_id, bindparam("of_account")),
        m.delivery_id == bindparam("with_id"),
        m.submitted_at.is_(None),
    )
    .values(submitted_at=bindparam("at"))
)
_OF_DELIVERY = Query(
    select(r.document, r.received_at)
    .where(r.delivery_id == bindparam("id"), within(r.account_id, bindparam("account_id")))
    .order_by(r.received_at)
)
_DROP_EARLY = Query(delete(receipts).where(r.received_at < bindparam("before"), r.delivery_id.is_(None)))
_ADD_TEXT = Insert(texts, conflict="keep")
_KNOWN_TEXT = Query(
    select(x.document).where(x.connection_id == bindparam("connection_id"), x.digest == bindparam("digest"))
)
_LATEST = Query(
    select(m.delivery_id)
    .where(
        within(m.account_id, bindparam("account_id")),
        m.address == bindparam("address"),
        m.created_at >= bindparam("since"),
        m.submitted_at.is_not(None),
    )
    .order_by(m.created_at.desc())
    .limit(literal_column("1"))
)
_REPLIED = Query(
    update(messages)
    .where(
        within(m.account_id, bindparam("of_account")),
        m.delivery_id == bindparam("with_id"),
        m.replied_at.is_(None),
    )
    .values(replied_at=bindparam("at"))
)
_OPTED_OUT = Query(
    update(messages)
    .where(
        within(m.account_id, bindparam("of_account")),
        m.delivery_id == bindparam("with_id"),
        m.opted_out_at.is_(None),
    )
    .values(opted_out_at=bindparam("at"))
)
_DOUBTS = Query(
    select(*DELIVERY_COLUMNS)
    .select_from(messages.join(deliveries, (d.account_id == m.account_id) & (d.id == m.delivery_id)))
    .where(m.look_up_at <= bindparam("now"))
    .order_by(m.look_up_at)
    .limit(bindparam("limit"))
)
_LOOK_UP = Many(
    types(m.delivery_id, m.account_id, m.look_up_at),
    lambda new: (
        update(messages)
        .where(m.delivery_id == new["delivery_id"], within(m.account_id, new["account_id"]))
        .values(look_up_at=new["look_up_at"])
    ),
)
_RESOLVE = Query(
    update(deliveries)
    .where(
        d.account_id == bindparam("of_account"),
        d.id == bindparam("with_id"),
        d.status == literal_column("'unknown'"),
    )
    .values(status=bindparam("new_status"), reason=bindparam("new_reason"), due_at=bindparam("new_due"))
)

_decode_progress = msgspec.json.Decoder(Progress).decode
_decode_receipt = msgspec.json.Decoder(Receipt).decode
_decode_text = msgspec.json.Decoder(StoredText).decode


class SqlReceipts(Part):
    async def take_receipts(
        self, connection: Connection, told: Sequence[Receipt], now: datetime
    ) -> list[Reported]:
        """Keep the receipts of one connection and move their messages on; those that were new."""
        return await self._database.write(_take, connection, told, now)

    async def take_text(self, text: StoredText, *, stopped: bool) -> tuple[StoredText, bool]:
        """Keep a text that came in: as stored, with the message it answers, and whether it is new."""
        return await self._database.write(_take_text, text, stopped)

    async def list_texts(
        self, account_id: str, address: str | None, cursor: str | None, limit: int
    ) -> Page[StoredText]:
        """Newest first."""
        query = select(x.document, x.id).where(x.account_id == account_id)
        if address is not None:
            query = query.where(x.address == address)
        if cursor is not None:
            query = query.where(x.id < read_cursor(cursor, tuple[str])[0])
        rows = await self._database.read(Link.all, query.order_by(x.id.desc()).limit(limit + 1))
        return page(rows, limit, lambda row: _decode_text(row[0]), lambda row: (row[1],))

    async def message_receipts(self, account_id: str, delivery_id: str) -> list[StoredReceipt]:
        """In the order they came."""
        rows = await self._database.read(Link.rows, _OF_DELIVERY, account_id=account_id, id=delivery_id)
        return [StoredReceipt(receipt=_decode_receipt(told), received_at=moment(at)) for told, at in rows]

    async def drop_early_receipts(self, before: datetime) -> int:
        """Those that no message has claimed."""
        return await self._database.write(Link.run, _DROP_EARLY, before=micros(before))

    async def doubts(self, now: datetime, buckets: Sequence[int] | None, limit: int) -> list[Delivery]:
        """Messages that may have been taken and whose provider is to be asked now."""
        rows = delivery_rows(await self._database.read(Link.rows, _DOUBTS, now=micros(now), limit=limit))
        return [row for row in rows if buckets is None or bucket_of(row.destination_id) in buckets]

    async def resolve(self, doubt: Delivery, ids: Sequence[str], now: datetime) -> bool:
        """A message in doubt as it is from now on; False when a receipt was faster."""
        return await self._database.write(_resolve, doubt, ids, now)


def lock_receipts(link: Link, finished: Sequence[Finished]) -> None:
    """A receipt and the answer it belongs to must not pass each other, each unseen by the other's transaction."""
    link.lock({f.delivery.destination_id for f in finished if f.delivery.channel == "sms"})


def messages_recorded(link: Link, finished: Sequence[Finished]) -> None:
    """The message's side of recorded attempts; receipts that were waiting for it are applied."""
    done = [f for f in finished if f.delivery.channel != "webhook"]
    if not done:
        return
    taken = [f for f in done if f.attempt.outcome.ok]
    _add_ids(link, [(f.delivery, id_) for f in taken for id_ in f.attempt.outcome.provider_ids])
    link.many(_SUBMITTED, [_submitted(f) for f in taken])
    link.many(_LOOK_UP, [_look_up(f.delivery) for f in done])
    for f in done:
        if f.delivery.status in OPEN:
            _apply_early(link, f.delivery, f.attempt.outcome.provider_ids, f.attempt.started_at)
    settled = [f.delivery for f in done if f.delivery.status != "pending"]
    wake_calls(link, settled, min(f.attempt.started_at for f in done))


def _look_up(row: Delivery) -> tuple[Any, ...]:
    """When the provider is asked what became of it: only of one that is in doubt."""
    at = micros_or_none(row.due_at) if row.status == "unknown" else None
    return row.id, row.account_id, at


def _submitted(f: Finished) -> tuple[Any, ...]:
    outcome = f.attempt.outcome
    progress = Progress(
        ids=tuple(dict.fromkeys(outcome.provider_ids)),
        segments=outcome.segments,
        price=outcome.price,
        currency=outcome.currency,
    )
    return f.delivery.id, f.delivery.account_id, micros(f.attempt.started_at), document(progress)


def _add_ids(link: Link, named: Sequence[tuple[Delivery, str]]) -> None:
    rows = {(delivery.destination_id, line(id_), delivery.account_id): delivery.id for delivery, id_ in named}
    link.many(_ADD_IDS, [(*key, id_) for key, id_ in rows.items()])


def _apply_early(link: Link, delivery: Delivery, ids: Sequence[str], now: datetime) -> None:
    account_id, connection_id = delivery.account_id, delivery.destination_id
    of = {"connection_id": connection_id, "account_id": account_id}
    early: dict[str, str] = dict(link.rows(_EARLY_BY_REFERENCE, **of, reference=delivery.id))
    for id_ in ids:
        early |= dict(link.rows(_EARLY, **of, provider_id=line(id_)))
    for digest, told in early.items():
        link.run(_FOUND, of_connection=connection_id, with_digest=digest, found=delivery.id)
        _apply(link, account_id, connection_id, delivery.id, _decode_receipt(told), now)


def _take(link: Link, connection: Connection, told: Sequence[Receipt], now: datetime) -> list[Reported]:
    link.lock([connection.id])
    new: list[Reported] = []
    for receipt in told:
        digest = _digest(receipt)
        delivery_id = _find(link, connection, receipt)
        row = (
            connection.id, digest, connection.account_id, None, _known_as(receipt.provider_id),
            _known_as(receipt.reference), micros(now), document(receipt),
        )  # fmt: skip
        if not link.many(_KEEP, [row]):
            continue
        reported = None
        if delivery_id is not None:
            reported = _apply(link, connection.account_id, connection.id, delivery_id, receipt, now)
        if reported is not None:
            link.run(_FOUND, of_connection=connection.id, with_digest=digest, found=delivery_id)
        new.append(reported or Reported(receipt=receipt))
    return new


def _find(link: Link, connection: Connection, receipt: Receipt) -> str | None:
    """By our reference, if it is one, else by the provider's id."""
    reference, provider_id = _known_as(receipt.reference), _known_as(receipt.provider_id)
    if reference is not None and reference.startswith("dl_"):
        return reference
    if provider_id is None:
        return None
    given = {"connection_id": connection.id, "account_id": connection.account_id}
    rows = link.rows(_BY_PROVIDER, **given, provider_id=provider_id)
    return rows[0][0] if rows else None


def _known_as(told: str | None) -> str | None:
    """As it is kept in a column: short, and without what PostgreSQL does not take."""
    return line(told) or None if told is not None else None


def _apply(
    link: Link, account_id: str, connection_id: str, delivery_id: str, receipt: Receipt, now: datetime
) -> Reported | None:
    """None where there is no such message, or its submit has no result yet.

    Whoever wants no more is suppressed in the same transaction: the receipt is not told again.
    """
    rows = link.rows(_STATE, account_id=account_id, id=delivery_id)
    if not rows or rows[0][4] != connection_id or rows[0][2] in ("pending", "held"):
        return None
    told, address, status, call_id, _, _ = rows[0]
    before = _decode_progress(told)
    after = fold(before, receipt)
    of = {"of_account": account_id, "with_id": delivery_id}
    if after != before:
        link.run(_PROGRESS, **of, new_progress=document(after))
    if receipt.suppress and address:
        reason = receipt.provider_code or receipt.provider_status
        suppress(link, [provider_says(account_id, "sms", address, reason, delivery_id, now)])
    changed: DeliveryStatus | None = None
    if receipt.reference is not None and receipt.provider_id is not None:
        # A submit without an answer has no id yet: the receipts that follow may name no other.
        link.many(_ADD_IDS, [(connection_id, line(receipt.provider_id), account_id, delivery_id)])
    if status in OPEN and status != after.status:
        link.run(_STATUS, **of, new_status=after.status, new_reason=after.reason)
        link.run(_TAKEN, **of, at=micros(now))
        link.many(_LOOK_UP, [(delivery_id, account_id, None)])
        changed = after.status
    return Reported(
        receipt=receipt, delivery_id=delivery_id, address=address, status=changed, call_id=call_id
    )


def _digest(said: Receipt | Text) -> str:
    return blake2b(msgspec.msgpack.encode(said, order="sorted"), digest_size=16).hexdigest()


def _take_text(link: Link, text: StoredText, stopped: bool) -> tuple[StoredText, bool]:  # noqa: FBT001
    digest = _digest(text.text)
    at = micros(text.received_at)
    given = {"account_id": text.account_id, "address": text.text.from_, "since": at - REPLIES_WITHIN}
    latest = link.rows(_LATEST, **given)
    found = latest[0][0] if latest else None
    kept = msgspec.structs.replace(text, id=new_id("txt"), delivery_id=found)
    row = (kept.account_id, kept.id, kept.connection_id, digest, kept.text.from_, at, found, document(kept))
    if not link.many(_ADD_TEXT, [row]):
        known = link.rows(_KNOWN_TEXT, connection_id=kept.connection_id, digest=digest)
        return _decode_text(known[0][0]), False
    if found is not None:
        link.run(_REPLIED, of_account=text.account_id, with_id=found, at=at)
        if stopped:
            link.run(_OPTED_OUT, of_account=text.account_id, with_id=found, at=at)
    return kept, True


def _resolve(link: Link, doubt: Delivery, ids: Sequence[str], now: datetime) -> bool:
    link.lock([doubt.destination_id])
    of = {"of_account": doubt.account_id, "with_id": doubt.id}
    due = None if doubt.due_at is None else micros(doubt.due_at)
    if not link.run(_RESOLVE, **of, new_status=doubt.status, new_reason=doubt.reason, new_due=due):
        return False
    link.many(_LOOK_UP, [_look_up(doubt)])
    if doubt.status == "sent":
        _add_ids(link, [(doubt, id_) for id_ in ids])
        link.many(_SUBMITTED, [(doubt.id, doubt.account_id, micros(now), document(Progress(ids=tuple(ids))))])
        _apply_early(link, doubt, ids, now)
        wake_calls(link, [doubt], now)
    return True
