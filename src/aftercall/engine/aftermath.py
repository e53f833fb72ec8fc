"""What an attempt means: for its delivery (settle), its lane (the breaker), its destination (disable, tell)."""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from aftercall.domain import breaker
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import RETRY_AFTER_CAP, SCHEDULE, Attempt, Delivery, settle
from aftercall.domain.errors import Unavailable
from aftercall.domain.webhook import Webhook
from aftercall.engine.lane import Lane
from aftercall.engine.metrics import Metrics
from aftercall.engine.notices import Notices
from aftercall.engine.ports import Clock, Store
from aftercall.engine.recorder import Recorder
from aftercall.engine.rows import Destination, Finished, Settings
from aftercall.engine.settings import SettingsCache
from aftercall.engine.suppressing import suppress

log = logging.getLogger(__name__)


class Aftermath:
    """`wake` is called when a notice was left to be sent, `drop` empties a lane whose webhook is no more."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsCache,
        recorder: Recorder,
        metrics: Metrics,
        *,
        wake: Callable[[], None],
        drop: Callable[[Lane], None],
    ) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._recorder, self._metrics = recorder, metrics
        self._notices = Notices(store, clock, settings)
        self._wake, self._drop = wake, drop

    async def settle(
        self,
        lane: Lane,
        delivery: Delivery,
        destination: Destination | None,
        settings: Settings,
        attempt: Attempt,
    ) -> None:
        """Hand the result to the recorder; a failure may be more than one delivery's."""
        now, outcome, before = self._clock.now(), attempt.outcome, lane.state
        own = destination.retry_schedule if destination is not None else None
        schedules = (own, settings.account.retry_schedule, SCHEDULE)
        schedule = next(s for s in schedules if s is not None)  # an empty one means no retries
        settled = settle(outcome, attempt.number, now, schedule, _jitter(), delivery.channel)
        if outcome.ok:
            if before.failures:
                lane.state = breaker.succeeded(before, now)
            if attempt.number == 1 and not delivery.put_off:
                self._metrics.observe("aftercall_delay_seconds", (now - delivery.created_at).total_seconds())
        else:
            if destination is not None and breaker.counts(delivery.channel, outcome):
                lane.state = msgspec.structs.replace(
                    breaker.failed(before, now, outcome.error or "failed", schedule or SCHEDULE, _jitter()),
                    destination_version=destination.version,
                )
            elif before.failures and breaker.answered(delivery.channel, outcome):
                lane.state = breaker.succeeded(before, now)
            if outcome.retry_after is not None:
                lane.not_before = now + timedelta(seconds=min(outcome.retry_after, RETRY_AFTER_CAP))
        if settled.status != "pending":
            self._metrics.count("aftercall_deliveries_total", f'status="{settled.status}"')
        done = msgspec.structs.replace(
            delivery,
            status=settled.status,
            reason=settled.reason,
            attempts=attempt.number,
            due_at=settled.due_at,
        )
        attempt = msgspec.structs.replace(attempt, next_at=settled.due_at) if settled.due_at else attempt
        self._recorder.add(
            Finished(delivery=done, attempt=attempt), lane.state if lane.state is not before else None
        )
        if not outcome.ok and destination is not None:
            await self._consequences(lane, destination, before, attempt, now)

    async def _consequences(
        self, lane: Lane, destination: Destination, before: breaker.LaneState, attempt: Attempt, now: datetime
    ) -> None:
        try:
            if attempt.outcome.suppress and isinstance(destination, Connection):
                await suppress(self._store, destination, attempt, now)
            if isinstance(destination, Webhook) and (
                attempt.outcome.gone or breaker.given_up(lane.state, now)
            ):
                await self._disable(lane, destination, "gone" if attempt.outcome.gone else "failing", now)
            elif lane.state.is_open and not before.is_open:
                await self._tell(destination, "failing", lane.state, attempt.outcome.detail)
        except Unavailable:  # the next failure will have the same consequences
            log.warning("consequences_wait_for_the_store", extra={"destination_id": destination.id})
        except Exception:  # whatever it is, the result itself is on its way
            log.exception("consequences_failed", extra={"destination_id": destination.id})

    async def _disable(self, lane: Lane, webhook: Webhook, reason: str, now: datetime) -> None:
        self._drop(lane)
        if await self._store.disable_webhook(webhook.account_id, webhook.id, reason, now):
            self._settings.forget(webhook.account_id)
            await self._tell(webhook, "disabled", lane.state, reason)

    async def _tell(self, destination: Destination, what: str, state: breaker.LaneState, reason: str) -> None:
        details = {
            "reason": reason,
            "error": state.last_error,
            "failures": state.failures,
            "failing_since": state.failing_since,
            "next_probe_at": state.open_until,
        }
        if await self._notices.tell_of(destination, what, details):
            self._wake()


def _jitter() -> float:
    return random.uniform(-1, 1)  # noqa: S311  # spreads retries, protects nothing
