"""One attempt at one delivery through its channel, whatever the channel does."""

import logging
from collections.abc import Mapping

from aftercall.domain.delivery import Attempt, Delivery, Outcome
from aftercall.engine.metrics import Metrics
from aftercall.engine.ports import Channel, Clock
from aftercall.engine.rows import Destination

log = logging.getLogger(__name__)

OUR_FAULT = "something went wrong here; the server's log says what"
STOPPED = "the server stopped while this was being sent, so it may have been; it is not sent again by itself"


class Sending:
    """`channels` by what deliveries call them."""

    def __init__(self, clock: Clock, channels: Mapping[str, Channel], metrics: Metrics) -> None:
        self._clock, self._channels, self._metrics = clock, channels, metrics

    async def attempt(self, delivery: Delivery, destination: Destination) -> Attempt:
        """Send it now. A channel that fails in a way of its own may have sent a message: that is in doubt."""
        started = self._clock.now()
        number = delivery.attempts + 1
        try:
            outcome = await self._channels[delivery.channel].send(delivery, destination, number, started)
        except Exception:
            log.exception("send_failed", extra={"delivery_id": delivery.id})
            doubt = delivery.channel != "webhook"
            outcome = Outcome(ok=False, error="config", detail=OUR_FAULT, in_doubt=doubt)
        self._metrics.count("aftercall_attempts_total", 'result="ok"' if outcome.ok else 'result="failed"')
        self._metrics.observe("aftercall_attempt_seconds", outcome.latency)
        return Attempt(delivery_id=delivery.id, number=number, started_at=started, outcome=outcome)

    def in_doubt(self, delivery: Delivery) -> Attempt:
        """What is known of an attempt that was begun by a process that did not live to see its end."""
        outcome = Outcome(ok=False, error="unknown", detail=STOPPED, in_doubt=True)
        return self._made(delivery, delivery.started, outcome)

    def undecided(self, delivery: Delivery) -> Attempt:
        """Nothing has left: it is tried again like any other failure, and the lane is not to blame."""
        outcome = Outcome(ok=False, error="config", detail=OUR_FAULT)
        return self._made(delivery, delivery.attempts + 1, outcome)

    def _made(self, delivery: Delivery, number: int, outcome: Outcome) -> Attempt:
        return Attempt(delivery_id=delivery.id, number=number, started_at=self._clock.now(), outcome=outcome)
