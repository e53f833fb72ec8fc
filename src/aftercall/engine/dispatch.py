"""dispatch: ready deliveries to their channel, each destination in its own lane, and results to the recorder.

Fresh work comes straight from the intake, already ours; the store's queue is read for retries, after a restart,
and for what did not fit. The retry policy is in domain/delivery.py, the breaker in domain/breaker.py.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from aftercall.domain.breaker import LaneState
from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import Unavailable
from aftercall.engine.aftermath import Aftermath
from aftercall.engine.fleet import Fleet
from aftercall.engine.gate import Gate
from aftercall.engine.lane import Lane, Turn
from aftercall.engine.metrics import Metrics
from aftercall.engine.ports import Clock, Store
from aftercall.engine.recorder import Recorder
from aftercall.engine.rows import Destination, Finished
from aftercall.engine.sending import Sending
from aftercall.engine.settings import SettingsCache

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 1_000  # requests at once, all lanes together
MAX_READY = 20_000  # deliveries in memory, all lanes together
CLAIM = 500  # deliveries claimed at once
POLL = 1.0  # seconds; the longest that work left by others lies unseen
LOST_AFTER = timedelta(seconds=60)  # how often, and how old, what the store has as ours is missed


class Dispatcher:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsCache,
        sending: Sending,
        gate: Gate,
        fleet: Fleet,
        metrics: Metrics,
    ) -> None:
        self._store, self._clock, self._settings, self._sending = store, clock, settings, sending
        self._gate, self._fleet = gate, fleet
        self._recorder = Recorder(store, self._recorded)
        self._aftermath = Aftermath(
            store, clock, settings, self._recorder, metrics, wake=self.wake, drop=self._drop
        )
        self._lanes: dict[str, Lane] = {}
        self._states: dict[str, LaneState] = {}
        self._crowded: deque[Lane] = deque()  # lanes waiting for a free place, in turn
        # By id, what is ready, being sent or not recorded yet; of some, that the store gave it to us once more.
        self._in_hand: dict[str, Delivery | None] = {}
        self._lost_at = clock.now() + LOST_AFTER
        self._in_flight = 0
        self._ready = 0
        self._sends: set[asyncio.Task[None]] = set()
        self._due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    # --- life ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._states = {state.destination_id: state for state in await self._store.lane_states()}
        self._fleet.on_change = self._lanes_moved
        self._fleet.on_reborn = self._forget_all
        self._recorder.start()
        self._due.set()
        self._tasks = [
            asyncio.create_task(self._claim_loop(), name="claims"),
            asyncio.create_task(self._store.listen(self.wake), name="listen"),
        ]

    async def stop(self) -> None:
        """Let what is in flight finish, record it, give back the rest."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sends:
            await asyncio.wait(self._sends, timeout=10)
        await self._recorder.stop()
        left = [delivery for lane in self._lanes.values() for delivery in lane.clear()]
        if left:
            try:
                await self._store.unclaim(left, self._fleet.incarnation)
            except Unavailable:
                log.warning("could_not_unclaim", extra={"count": len(left)})

    # --- what comes in ------------------------------------------------------------------------------------

    def owner_for(self, destination_id: str) -> str | None:
        """Ours from the start, when the lane is ours and has room; else it waits in the store's queue."""
        lane = self._lanes.get(destination_id)
        if self._stopping or self._ready >= MAX_READY or not self._fleet.owns(destination_id):
            if lane is not None:
                lane.behind = True
            return None
        if lane is not None and (lane.behind or lane.full):
            lane.behind = True
            return None
        return self._fleet.incarnation

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Deliveries that are ours, into their lanes.

        One that was held, released and claimed again while it was here is not taken twice: a message would go twice.
        """
        touched = {}
        for delivery in deliveries:
            if delivery.id in self._in_hand:
                self._in_hand[delivery.id] = delivery
                continue
            self._in_hand[delivery.id] = None
            lane = self._lane(delivery)
            lane.push(delivery)
            touched[lane.destination_id] = lane
            self._ready += 1
        for lane in touched.values():
            self._pump(lane)

    def wake(self) -> None:
        """Something in the store's queue is due."""
        self._due.set()

    def forget(self, account_id: str) -> None:
        """What the account has set up has changed."""
        self._settings.forget(account_id)
        self.wake()

    async def cancel(self, delivery: Delivery) -> bool:
        """False for what is settled, or being sent at this moment, or in another node's hand."""
        lane = self._lanes.get(delivery.destination_id)
        if lane is None or (ours := lane.take_out(delivery.id)) is None:
            return await self._store.cancel_delivery(delivery.account_id, delivery.id, None)
        self._ready -= 1
        try:
            done = await self._store.cancel_delivery(
                delivery.account_id, delivery.id, self._fleet.incarnation
            )
        except Unavailable:
            lane.push(ours)
            self._ready += 1
            raise
        self._let_go([ours])
        return done

    # --- what goes out ------------------------------------------------------------------------------------

    def _pump(self, lane: Lane) -> None:
        """Send what may go now; arrange to be called again when more may."""
        while (picked := self._pick(lane)) is not None:
            self._spawn(self._work(lane, *picked))
        if lane.behind and len(lane) < CLAIM:
            self._due.set()

    def _pick(self, lane: Lane) -> tuple[Delivery, Turn] | None:
        """The lane's next delivery and its turn, if it may go now."""
        if not len(lane) or self._stopping or self._recorder.stuck or self._fleet.silent:
            return None
        if not lane.limited:
            self._learn(lane)
            return None
        now = time.monotonic()
        wait = lane.wait(self._clock.now(), now)
        if wait is None:
            return None
        if wait > 0:
            self._pump_later(lane, wait)
            return None
        if self._in_flight >= MAX_IN_FLIGHT:
            if lane not in self._crowded:
                self._crowded.append(lane)
            return None
        self._ready -= 1
        self._in_flight += 1
        lane.in_flight += 1
        return lane.pop(), lane.rate.take(now)

    def _pump_later(self, lane: Lane, wait: float) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
        lane.timer = asyncio.get_running_loop().call_later(wait, self._pump, lane)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    def _learn(self, lane: Lane) -> None:
        """A lane sends nothing before the limits of its destination are known."""

        async def learn() -> None:
            try:
                found = await self._settings.destination(lane.account_id, lane.destination_id)
            except Unavailable:
                self._pump_later(lane, POLL)
                return
            finally:
                lane.learning = False
            if found is not None:
                lane.set_limits(found[1])
            lane.limited = True
            self._pump(lane)

        if not lane.learning:
            lane.learning = True
            self._spawn(learn())

    async def _work(self, lane: Lane, delivery: Delivery, turn: Turn) -> None:
        """Send one after the other as long as the lane lets it, and nobody waits for the place."""
        picked: tuple[Delivery, Turn] | None = (delivery, turn)
        while picked is not None:
            try:
                await self._send(lane, *picked)
            except Exception:
                log.exception("delivery_failed", extra={"delivery_id": picked[0].id})
            finally:
                self._in_flight -= 1
                lane.in_flight -= 1
            picked = None if self._crowded else self._pick(lane)
            if len(lane) and lane.in_flight < lane.max_in_flight:
                self._pump(lane)
        if len(lane) or lane.behind:
            self._pump(lane)
        if self._crowded:
            self._let_in()

    async def _send(self, lane: Lane, delivery: Delivery, turn: Turn) -> None:
        try:
            if delivery.channel != "webhook":
                await self._send_message(lane, delivery, turn)
                return
            found = await self._settings.destination(delivery.account_id, delivery.destination_id)
            if found is None or found[1].status != "enabled":
                await self._park(lane, delivery, found[1] if found else None)
                return
            settings, webhook = found
            lane.set_limits(webhook)
            turn.at = time.monotonic()
            attempt = await self._sending.attempt(delivery, webhook)
            await self._aftermath.settle(lane, delivery, webhook, settings, attempt)
        except Unavailable:  # the store is down; the delivery is still in it, and ours
            lane.not_before = self._clock.now() + timedelta(seconds=POLL)
            lane.push(delivery)
            self._ready += 1

    async def _send_message(self, lane: Lane, delivery: Delivery, turn: Turn) -> None:
        """As for a webhook, but the guard is asked, and that the attempt begins is committed first (promise 12)."""
        settings = await self._settings.get(delivery.account_id)
        if settings is None:
            await self._park(lane, delivery, None)
            return
        connection = settings.connections.get(delivery.destination_id)
        if connection is not None and connection.status != "enabled":
            await self._park(lane, delivery, connection)
            return
        if delivery.started > delivery.attempts:
            await self._aftermath.settle(
                lane, delivery, connection, settings, self._sending.in_doubt(delivery)
            )
            return
        try:
            admitted = await self._gate.admit(delivery, settings)
        except Unavailable:
            raise
        except Exception:
            log.exception("message_not_decided", extra={"delivery_id": delivery.id})
            await self._aftermath.settle(lane, delivery, None, settings, self._sending.undecided(delivery))
            return
        if admitted is None or connection is None:
            lane.rate.give_back(turn)
            self._let_go([delivery])
            return
        lane.set_limits(connection)
        turn.at = time.monotonic()
        attempt = await self._sending.attempt(admitted[0], connection)
        await self._aftermath.settle(lane, admitted[0], connection, settings, attempt)

    async def _park(self, lane: Lane, delivery: Delivery, destination: Destination | None) -> None:
        """The destination was paused, disabled or deleted meanwhile: what is pending is held, with the reason."""
        reason = destination.status if destination is not None else "deleted"
        dropped = lane.clear()
        self._ready -= len(dropped)
        try:
            await self._store.hold(lane.account_id, lane.destination_id, reason)
        except Unavailable:
            for one in dropped:
                lane.push(one)
            self._ready += len(dropped)
            raise
        self._let_go([delivery, *dropped])

    def _drop(self, lane: Lane) -> None:
        """Forget what is ready in a lane; the store still has it."""
        dropped = lane.clear()
        self._ready -= len(dropped)
        self._let_go(dropped)

    def _let_go(self, deliveries: Iterable[Delivery]) -> None:
        """No longer in hand. What the store gave us once more meanwhile is given back, to be read afresh."""
        again = [self._in_hand.pop(delivery.id, None) for delivery in deliveries]
        if left := [delivery for delivery in again if delivery is not None]:
            self._spawn(self._give_back(left))

    async def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        """To whoever claims them. A store that is away has them as ours, so it is told when it is back."""
        owner = self._fleet.incarnation
        while not self._stopping:
            try:
                await self._store.unclaim(deliveries, owner)
                return
            except Unavailable:
                await asyncio.sleep(POLL)

    def _let_in(self) -> None:
        if self._crowded and self._in_flight < MAX_IN_FLIGHT:
            self._pump(self._crowded.popleft())

    def _recorded(self, finished: Sequence[Finished]) -> None:
        self._let_go(f.delivery for f in finished)
        if any(f.delivery.status == "pending" for f in finished):
            self._due.set()

    # --- the store's queue --------------------------------------------------------------------------------

    async def _claim_loop(self) -> None:
        wait = 0.0
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            try:
                wait = await self._claim()
            except Unavailable:
                wait = POLL
            except Exception:
                log.exception("claim_failed")
                wait = POLL

    async def _claim(self) -> float:
        """Take over what is due; the seconds until more may be."""
        limit = min(CLAIM, MAX_READY - self._ready)
        if limit <= 0 or self._recorder.stuck or self._fleet.silent:
            return POLL
        for lane in [lane for lane in self._lanes.values() if len(lane)]:
            if lane.state.is_open:
                await self._look_again(lane)
            self._pump(lane)  # it may have been stopped with the recorder or the heartbeat
        full = [lane.destination_id for lane in self._lanes.values() if lane.full]
        buckets = self._fleet.buckets
        now = self._clock.now()
        if now >= self._lost_at:
            await self._look_for_lost(now)
        claimed = await self._store.claim(self._fleet.incarnation, now, buckets, full, limit)
        self.take(claimed)
        if len(claimed) == limit:
            return 0.0
        for lane in self._lanes.values():
            lane.behind = lane.behind and lane.full
        due = await self._store.next_due(buckets, full)
        return POLL if due is None else max(0.0, min(POLL, (due - self._clock.now()).total_seconds()))

    async def _look_for_lost(self, now: datetime) -> None:
        """Ours for the store, but not here: the answer to a commit was lost on its way."""
        self._lost_at = now + LOST_AFTER
        lost = await self._store.release_lost(
            self._fleet.incarnation, frozenset(self._in_hand), now - LOST_AFTER
        )
        if lost:
            log.warning("lost_deliveries_released", extra={"count": lost})

    async def _look_again(self, lane: Lane) -> None:
        """A receiver that failed gets a fresh chance as soon as its destination is changed."""
        found = await self._settings.destination(lane.account_id, lane.destination_id)
        if found is not None:
            lane.set_limits(found[1])

    def _lane(self, delivery: Delivery) -> Lane:
        lane = self._lanes.get(delivery.destination_id)
        if lane is None:
            lane = self._lanes[delivery.destination_id] = Lane(delivery.account_id, delivery.destination_id)
            lane.state = self._states.pop(delivery.destination_id, lane.state)
            destination = self._settings.peek(delivery.account_id, delivery.destination_id)
            if destination is not None:
                lane.set_limits(destination)
        return lane

    def _lanes_moved(self) -> None:
        """Nodes came or went: give back what is no longer ours, look for what is now."""
        moved = [
            d
            for lane in self._lanes.values()
            if not self._fleet.owns(lane.destination_id)
            for d in lane.clear()
        ]
        if moved:
            self._ready -= len(moved)
            self._let_go(moved)
            self._spawn(self._give_back(moved))
        self._due.set()

    def _forget_all(self) -> None:
        """What was ours is anybody's again, after we were silent for too long."""
        for lane in self._lanes.values():
            self._drop(lane)
        self._due.set()
