"""The main job over both stores: a fact in, a verified webhook out, its result in the log."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

from aftercall.domain.errors import Busy
from aftercall.domain.fact import Agent, Data, Kind
from aftercall.engine.rows import Remembered
from tests.support.house import SECRET, house
from tests.support.receiver import Answer, Receiver, silent


async def test_finished_call_arrives_signed_and_is_recorded(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        (taken,) = await home.post(home.finished("c1", notes="Callback scheduled"))
        (request,) = await receiver.wait(1)
        body = Verifier(SECRET).verify(request.body, {n.lower(): v for n, v in request.headers})
        assert body["event"] == "call.completed"
        assert (body["call_id"], body["notes"]) == (taken.call_id, "Callback scheduled")
        (delivery,) = await home.settled("delivered")
        (attempt,) = await home.attempts(delivery.id)
        assert (attempt.number, attempt.outcome.status_code) == (1, 200)
        assert request.header("webhook-id") == delivery.event_id == body["event_id"]


async def test_the_same_fact_twice_changes_nothing(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"))
        fact = home.finished("c1")
        first = await home.post(fact, fact)
        again = await home.post(fact)
        assert [t.status for t in (*first, *again)] == ["accepted", "duplicate", "duplicate"]
        assert len({t.call_id for t in (*first, *again)}) == 1
        await home.settled("delivered")
        assert len(await home.deliveries()) == 1


async def test_call_in_progress_settles_and_late_data_makes_a_revision(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), triggers=("call.completed", "call.updated"))
        start = home.clock.now() - timedelta(seconds=30)
        await home.post(
            home.fact(Kind.RECEIVED, "c1", Data(direction="inbound", from_="+14085551234"), at=start),
            home.fact(Kind.CONNECTED, "c1", Data(agent=Agent(id="ag_1")), at=start + timedelta(seconds=5)),
            home.fact(Kind.ENDED, "c1", at=start + timedelta(seconds=25)),
        )
        await home.forward(3)
        (completed,) = await receiver.wait(1)
        await home.post(home.fact(Kind.WRAPPED_UP, "c1", Data(wrap_up_seconds=20)))
        await home.forward(3)
        updated = (await receiver.wait(2))[1]
        first, second = json.loads(completed.body), json.loads(updated.body)
        assert (first["event"], first["revision"], first["wrap_up_seconds"]) == ("call.completed", 1, None)
        assert (second["event"], second["revision"], second["wrap_up_seconds"]) == ("call.updated", 2, 20)
        assert first["talk_time_seconds"] == 20


async def test_failed_attempt_is_tried_again_with_the_same_event_id(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        receiver.plan("/hook", Answer(500), Answer(200))
        await home.webhook(receiver.url("/hook"))
        await home.post(home.finished("c1"))
        await receiver.wait(1)
        await home.forward(7)
        first, second = await receiver.wait(2)
        assert first.header("webhook-id") == second.header("webhook-id")
        assert [r.header("X-AfterCall-Attempt") for r in (first, second)] == ["1", "2"]
        assert first.body == second.body
        (delivery,) = await home.settled("delivered")
        assert [a.outcome.status_code for a in await home.attempts(delivery.id)] == [500, 200]


async def test_410_stops_disables_and_tells_another_webhook(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        hook = await home.webhook(receiver.url("/410"))
        await home.webhook(receiver.url("/notices"), triggers=("webhook.disabled",))
        await home.post(home.finished("c1"))
        notice = next(r for r in await receiver.wait(2) if r.path == "/notices")
        assert json.loads(notice.body)["details"]["webhook"]["id"] == hook.id
        stored = await home.app.store.get_webhook(home.account_id, hook.id)
        assert stored is not None
        assert (stored.status, stored.status_reason) == ("disabled", "gone")
        (delivery,) = await home.settled("failed", destination_id=hook.id)
        assert delivery.reason == "gone"


async def test_429_waits_as_long_as_asked_and_the_lane_with_it(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        receiver.plan("/hook", Answer(429, (("Retry-After", "90"),)), Answer(200))
        await home.webhook(receiver.url("/hook"))
        await home.post(home.finished("c1"))
        pending = await home.tried(1)
        assert pending.due_at is not None
        assert 80 < (pending.due_at - home.clock.now()).total_seconds() <= 90
        await home.post(home.finished("c2"))
        await home.forward(60)
        await asyncio.sleep(0.1)
        assert len(receiver.requests) == 1
        await home.forward(31)
        await home.settled("delivered", 2)


async def test_paused_webhook_keeps_its_messages_until_it_resumes(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        hook = await home.webhook(receiver.url("/hook"), status="paused")
        await home.post(home.finished("c1"), home.finished("c2"))
        assert len(await home.settled("held", 2)) == 2
        await home.change(hook, status="enabled")
        assert await home.app.store.release(home.account_id, hook.id, home.clock.now()) == 2
        home.app.dispatcher.wake()
        await home.settled("delivered", 2)
        assert len(receiver.requests) == 2


async def test_breaker_lets_one_probe_through_and_releases_all_after_success(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        receiver.plan("/hook", *[Answer(500)] * 6, Answer(200))
        await home.webhook(receiver.url("/hook"), max_in_flight=1, retry_schedule=(600,) * 6)
        await home.post(*(home.finished(f"c{i}") for i in range(20)))
        await receiver.wait(5)
        await asyncio.sleep(0.1)
        assert len(receiver.requests) == 5
        await home.forward(725)
        await receiver.wait(6)
        await asyncio.sleep(0.1)
        assert len(receiver.requests) == 6
        await home.forward(725)
        await home.settled("delivered", 20)
        waited = [d for d in await home.deliveries() if d.attempts == 1]
        assert len(waited) >= 14  # those that waited behind the breaker used up no attempt


@pytest.mark.slow
async def test_day_of_nothing_but_failures_disables_and_keeps(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        hook = await home.webhook(receiver.url("/500"), retry_schedule=(3600,) * 40)
        await home.post(home.finished("c1"))
        for hours in range(20):  # the breaker may let a probe wait for a turn longer than the schedule says
            await home.tried(hours + 1)
            await home.forward(3600 * 1.3)
        await home.settled("held", destination_id=hook.id)
        stored = await home.app.store.get_webhook(home.account_id, hook.id)
        assert stored is not None
        assert (stored.status, stored.status_reason) == ("disabled", "failing")
        await home.post(home.finished("c2"))
        assert len(await home.settled("held", 2)) == 2


async def test_hanging_receiver_delays_nobody_else(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        receiver.plan("/hangs", silent)
        slow = await home.webhook(receiver.url("/hangs"))
        good = await home.webhook(receiver.url("/good"))
        await home.post(*(home.finished(f"c{i}") for i in range(50)))
        await home.settled("delivered", 50, destination_id=good.id)
        assert all(d.status == "pending" for d in await home.deliveries(destination_id=slow.id))


@pytest.mark.parametrize("path", ["/302?location=http://127.0.0.1:1/", "/400", "/404", "/503"])
async def test_everything_but_2xx_410_is_tried_again(database_url: str, tmp_path: Path, path: str) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url(path))
        await home.post(home.finished("c1"))
        pending = await home.tried(1)
        assert pending.status == "pending"
        assert pending.due_at is not None
        assert pending.due_at > home.clock.now()


async def test_rate_limit_holds(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/hook"), rate_limit=20)
        await home.post(*(home.finished(f"c{i}") for i in range(45)))
        sent = await home.settled("delivered", 45)
        times = [(await home.attempts(d.id))[0].started_at for d in sent]
        second = timedelta(seconds=0.99)  # an attempt is stamped a little after its turn in the lane
        assert max(sum(1 for t in times if start <= t < start + second) for start in times) <= 20


async def test_rotated_header_secret_is_accepted_by_old_and_new_receivers(
    database_url: str, tmp_path: Path
) -> None:
    from aftercall.domain.webhook import Auth, OldSecret

    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        receiver.plan("/hook", Answer(401), Answer(200))
        until = home.clock.now() + timedelta(hours=24)
        await home.webhook(
            receiver.url("/hook"),
            auth=Auth(type="header", header="X-Webhook-Token", secret="new-secret"),
            old_auth_secrets=(OldSecret("old-secret", until),),
        )
        await home.post(home.finished("c1"))
        (delivery,) = await home.settled("delivered")
        assert [r.header("X-Webhook-Token") for r in receiver.requests] == ["new-secret", "old-secret"]
        (attempt,) = await home.attempts(delivery.id)
        shown = dict(attempt.outcome.request_headers)
        assert shown["X-Webhook-Token"] == "••••"


async def test_changed_webhook_gets_a_fresh_chance_at_once(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        hook = await home.webhook(receiver.url("/500"), max_in_flight=1, retry_schedule=(21_600,))
        await home.post(*(home.finished(f"c{i}") for i in range(10)))
        await receiver.wait(5)
        await home.tried(1)
        await home.change(hook, url=receiver.url("/hook"))
        await home.settled("delivered", 5)


async def test_delivery_waiting_behind_the_breaker_can_be_cancelled(
    database_url: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/500"), max_in_flight=1, retry_schedule=(21_600,))
        await home.post(*(home.finished(f"c{i}") for i in range(10)))
        await receiver.wait(5)
        waiting = max(await home.deliveries(), key=lambda d: d.id)
        assert await home.app.dispatcher.cancel(waiting)
        (cancelled,) = await home.settled("cancelled")
        assert cancelled.id == waiting.id


async def test_empty_schedule_means_no_retries(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        await home.webhook(receiver.url("/500"), retry_schedule=())
        await home.post(*(home.finished(f"c{i}") for i in range(8)))
        failed = await home.settled("failed", 5)
        assert {d.reason for d in failed} == {"exhausted"}


async def test_body_is_fixed_when_it_is_planned(database_url: str, tmp_path: Path) -> None:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        receiver.plan("/hook", Answer(500), Answer(200))
        await home.webhook(receiver.url("/hook"))
        await home.post(home.finished("c1", notes="as it was"))
        await home.tried(1)
        await home.post(home.fact(Kind.NOTED, "c1", Data(notes="as it is now")))
        await home.forward(7)
        first, second = await receiver.wait(2)
        assert first.body == second.body
        assert json.loads(second.body)["notes"] == "as it was"


async def test_too_much_at_once_is_asked_to_come_back(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftercall.engine.intake.MAX_QUEUED", 10)
    async with house(database_url, tmp_path) as home:
        posts = [home.post(home.finished(f"c{i}")) for i in range(50)]
        results = await asyncio.gather(*posts, return_exceptions=True)
        refused = [r for r in results if isinstance(r, Busy)]
        assert len(refused) == 40
        assert {r.retry_after for r in refused} == {1}
        assert not [r for r in results if isinstance(r, BaseException) and not isinstance(r, Busy)]


async def test_answers_kept_for_idempotency_keys_are_dropped_after_a_day(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as home:
        await home.app.store.remember(home.account_id, "key", Remembered("r", 201, b"{}"), home.clock.now())
        await home.app.housekeeping.tidy()
        assert await home.app.store.recall(home.account_id, "key")
        await home.forward(24 * 3600 + 1)
        assert await home.app.housekeeping.tidy() == 1
        assert await home.app.store.recall(home.account_id, "key") is None
