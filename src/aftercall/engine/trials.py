"""Sending a test: at once, outside the lanes; recorded, never retried (W9, S8)."""

from collections.abc import Callable

import msgspec

from aftercall.domain.delivery import Attempt, Delivery, settle
from aftercall.domain.guard.decision import Decision
from aftercall.domain.webhook import Webhook
from aftercall.engine.gate import Gate
from aftercall.engine.ports import Clock, Store
from aftercall.engine.rows import Finished, Settings
from aftercall.engine.sending import Sending
from aftercall.engine.suppressing import suppress


class Trials:
    """`owner` names this node's incarnation: what is being tried is in its hand."""

    def __init__(
        self, store: Store, clock: Clock, gate: Gate, sending: Sending, owner: Callable[[], str]
    ) -> None:
        self._store, self._clock, self._gate, self._sending, self._owner = store, clock, gate, sending, owner

    async def webhook(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        """Raises Unavailable."""
        await self._store.add_resends([delivery], owner=self._owner())
        attempt = await self._sending.attempt(delivery, webhook)
        await self._record(delivery, attempt)
        return attempt

    async def message(
        self, delivery: Delivery, settings: Settings
    ) -> tuple[Delivery, Decision, Attempt | None]:
        """A text or mail, if the guard lets it go: what became of it, why, and the attempt. Raises Unavailable."""
        await self._store.add_resends([delivery], owner=self._owner())
        after, decision, goes = await self._gate.decide(delivery, settings)
        connection = settings.connections.get(delivery.destination_id)
        if not goes or connection is None:
            return after, decision, None
        attempt = await self._sending.attempt(after, connection)
        done = await self._record(after, attempt)
        if attempt.outcome.suppress:
            await suppress(self._store, connection, attempt, self._clock.now())
        return done, decision, attempt

    async def _record(self, delivery: Delivery, attempt: Attempt) -> Delivery:
        outcome = attempt.outcome
        settled = settle(outcome, 1, self._clock.now(), (), channel=delivery.channel)
        plain = outcome.ok or outcome.in_doubt
        done = msgspec.structs.replace(
            delivery,
            status=settled.status,
            reason=settled.reason if plain else outcome.error or settled.reason,
            attempts=1,
            due_at=settled.due_at,
        )
        await self._store.record([Finished(delivery=done, attempt=attempt)], [])
        return done
