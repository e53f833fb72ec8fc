"""The gate: whether a message may go now, and the commit of that before any of its bytes leave (S5, promise 12).

Decisions are committed in groups, as results are: a batch is whatever queued while the last commit ran.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from weakref import WeakValueDictionary

import msgspec

from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import Unavailable
from aftercall.domain.guard.decision import Decision
from aftercall.domain.guard.evaluate import evaluate
from aftercall.domain.guard.intent import Known
from aftercall.domain.message import Message
from aftercall.engine.circumstances import circumstances, decode_message, intent_of
from aftercall.engine.message_rows import Decided
from aftercall.engine.messaging import Traits
from aftercall.engine.notices import Notices
from aftercall.engine.ports import Clock, Store
from aftercall.engine.rows import Settings

log = logging.getLogger(__name__)

TOLD = {"block": "message.blocked", "defer": "message.deferred"}


class Gate:
    """`traits` are the providers', by the type of a connection; `owner` names this node's incarnation."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        traits: Mapping[str, Traits],
        notices: Notices,
        owner: Callable[[], str],
    ) -> None:
        self._store, self._clock, self._traits, self._owner = store, clock, traits, owner
        self._notices = notices
        self._asked: list[tuple[Decided, asyncio.Future[bool]]] = []
        self._committing: asyncio.Task[None] | None = None
        # Two messages to one person are decided one after the other, or both would be the only one of the day.
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def admit(self, delivery: Delivery, settings: Settings) -> tuple[Delivery, Decision] | None:
        """The delivery with its attempt begun, and the decision; None when it does not go now. Raises Unavailable."""
        after, decision, goes = await self.decide(delivery, settings)
        if goes:
            return after, decision
        await self._tell(after, decision)
        return None

    async def rehearse(self, delivery: Delivery, settings: Settings, at: datetime) -> Decision:
        """What would be decided about a message at that time. Nothing is stored, nothing goes."""
        message = decode_message(delivery.body)
        known = await self._circumstances(delivery, settings, message, at)
        return evaluate(intent_of(delivery, message, dry_run=True), known, settings.policies, at)

    async def decide(self, delivery: Delivery, settings: Settings) -> tuple[Delivery, Decision, bool]:
        """The delivery as it is from now on, the decision, and whether it goes. Raises Unavailable."""
        message = decode_message(delivery.body)
        person = message.to or delivery.id  # messages to nobody do not wait for each other
        turn = self._turns.setdefault((delivery.account_id, person), asyncio.Lock())
        async with turn:
            decision = await self._evaluate(delivery, settings, message)
            after = _after(delivery, decision)
            row = Decided(
                delivery=after,
                message=message,
                connection_id=delivery.destination_id
                if delivery.destination_id in settings.connections
                else None,
                sender=(message.sms.sender or None) if message.sms is not None else None,
                segments=message.sms.segments if message.sms is not None else 1,
                decision=decision,
                goes=decision.goes,
                deferred=decision.outcome == "defer" or delivery.put_off,
            )
            return after, decision, await self._commit(row)

    async def _tell(self, delivery: Delivery, decision: Decision) -> None:
        name = TOLD.get(decision.outcome)
        if name is None or not await self._notices.heard(delivery.account_id, name):
            return
        details = {
            "delivery_id": delivery.id,
            "call_id": delivery.call_id,
            "rule_id": decision.rule_id,
            "to": decision.to_masked,
            "reason": decision.primary_code,
            "until": decision.defer_until,
        }
        await self._notices.tell(delivery.account_id, name, details)

    async def _evaluate(self, delivery: Delivery, settings: Settings, message: Message) -> Decision:
        now = self._clock.now()
        known = await self._circumstances(delivery, settings, message, now)
        return evaluate(intent_of(delivery, message), known, settings.policies, now)

    async def _circumstances(
        self, delivery: Delivery, settings: Settings, message: Message, now: datetime
    ) -> Known:
        connection = settings.connections.get(delivery.destination_id)
        traits = self._traits.get(connection.type) if connection is not None else None
        return await circumstances(self._store, settings, delivery, message, traits, now)

    async def _commit(self, row: Decided) -> bool:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked.append((row, future))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all(), name="gate")
        return await future

    async def _commit_all(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                going = await self._store.decide([row for row, _ in asked], self._owner(), self._clock.now())
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("decisions_failed")
                for _, future in asked:
                    if not future.done():
                        future.set_exception(Unavailable(retry_after=1))
                continue
            for row, future in asked:
                if not future.done():
                    future.set_result(row.delivery.id in going)


def _after(delivery: Delivery, decision: Decision) -> Delivery:
    """What the decision makes of the delivery. A test goes now or not at all."""
    if decision.goes:
        # A test is due to nobody until its attempt begins; should that be cut short, somebody has to find it.
        due = delivery.due_at or delivery.created_at
        return msgspec.structs.replace(delivery, started=delivery.attempts + 1, reason=None, due_at=due)
    if decision.outcome == "defer" and not delivery.is_test:
        return msgspec.structs.replace(delivery, due_at=decision.defer_until, reason=decision.primary_code)
    return msgspec.structs.replace(delivery, status="blocked", reason=decision.primary_code, due_at=None)
