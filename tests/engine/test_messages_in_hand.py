"""Messages in a node's hand when things go wrong around them: sent once, lost never, nobody else's way barred
(promises 4, 5, 12).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Attempt, Delivery, Outcome
from aftercall.domain.errors import Unavailable
from aftercall.engine.ids import new_id
from aftercall.engine.rows import Finished
from tests.support.house import house
from tests.support.receiver import Answer, Receiver
from tests.support.texting import TAKEN, Texting
from tests.support.wait import until

CALLERS = tuple(f"+1408555{n}" for n in (1234, 1235, 1236))


@pytest.fixture
async def texting(database_url: str, tmp_path: Path) -> AsyncIterator[Texting]:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        made = Texting(home, receiver)
        await made.set_up()
        yield made


async def test_one_that_is_claimed_again_while_it_is_ready_goes_once(
    texting: Texting, caplog: pytest.LogCaptureFixture
) -> None:
    """Paused and resumed before the lane has noticed: what it has in memory is in the queue once more."""
    await _busy_lane(texting)
    store, home = texting.home.app.store, texting.home
    await store.hold(home.account_id, texting.connection.id, "paused")
    await store.release(home.account_id, texting.connection.id, home.clock.now())
    home.app.dispatcher.wake()
    await until(lambda: _true(all(i is not None for i in _again(texting))))
    _let_go(texting)
    await home.settled("sent", 3, channel="sms")
    assert len(texting.sent()) == 3
    assert "claim_failed" not in caplog.text


async def test_one_that_is_released_while_it_is_being_sent_was_sent(texting: Texting) -> None:
    await texting.rule()
    hold = asyncio.Event()
    texting.receiver.plan("/send", Answer(200, TAKEN.headers, TAKEN.body, hold=hold))
    await texting.missed()
    await texting.receiver.wait(1)
    store, home = texting.home.app.store, texting.home
    await store.hold(home.account_id, texting.connection.id, "paused")
    await store.release(home.account_id, texting.connection.id, home.clock.now())
    home.app.dispatcher.wake()
    await until(lambda: _true(all(i is not None for i in _again(texting))))
    hold.set()
    await home.settled("sent", channel="sms")
    assert len(texting.sent()) == 1


async def test_answer_settles_what_another_node_took_to_be_in_doubt(texting: Texting) -> None:
    await texting.rule()
    texting.receiver.plan("/send", Answer(500))
    await texting.missed()
    row = await texting.message("unknown")
    sent = msgspec.structs.replace(row.delivery, status="sent", reason=None, due_at=None)
    outcome = Outcome(ok=True, provider_ids=("p-9",))
    attempt = Attempt(delivery_id=sent.id, number=1, started_at=texting.home.clock.now(), outcome=outcome)
    await texting.home.app.store.record([Finished(delivery=sent, attempt=attempt)], [])
    assert (await texting.message("sent")).progress.ids == ("p-9",)


async def test_node_that_has_lost_a_message_leaves_its_record_alone(texting: Texting) -> None:
    await texting.rule()
    await texting.missed()
    row = await texting.message("sent")
    stale = msgspec.structs.replace(row.delivery, status="pending", attempts=0, started=0)
    settings = await texting.home.app.settings.get(texting.home.account_id)
    assert settings is not None
    assert await texting.home.app.gate.admit(stale, settings) is None
    assert await texting.message("sent") == row


async def test_message_that_cannot_be_read_does_not_bar_the_lane(texting: Texting) -> None:
    await _changed(texting, max_in_flight=1)
    broken = await _broken(texting)
    await texting.rule()
    await texting.missed()
    await texting.home.settled("sent", channel="sms")
    (attempt,) = await texting.home.attempts(broken.id)
    assert (attempt.outcome.error, attempt.outcome.in_doubt) == ("config", False)


async def test_blocked_message_uses_up_nothing_of_the_rate(texting: Texting) -> None:
    await _changed(texting, rate_limit=0.02, max_in_flight=1)
    await texting.rule()
    for n in range(3):
        await texting.missed(f"a{n}", from_=None, from_presentation="anonymous")
    await texting.missed("c1")
    await texting.home.settled("sent", channel="sms")


async def test_store_away_while_a_connection_is_paused_strands_nothing(
    texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _busy_lane(texting)
    paused = await _changed(texting, status="paused", max_in_flight=1)
    away = _away_once(texting, monkeypatch, "hold")
    _let_go(texting)
    await until(lambda: _true(away.is_set()))
    await texting.home.app.store.update_setup(
        msgspec.structs.replace(paused, status="enabled", version=paused.version + 1)
    )
    texting.home.app.dispatcher.forget(texting.home.account_id)
    await texting.home.app.store.release(
        texting.home.account_id, texting.connection.id, texting.home.clock.now()
    )
    await texting.home.settled("sent", 3, channel="sms")
    assert len(texting.sent()) == 3


async def test_store_away_while_one_is_cancelled_loses_nothing(
    texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _busy_lane(texting)
    waiting = next(d for d in await texting.home.deliveries(channel="sms") if not d.started)
    _away_once(texting, monkeypatch, "cancel_delivery")
    with pytest.raises(Unavailable):
        await texting.home.app.dispatcher.cancel(waiting)
    _let_go(texting)
    await texting.home.settled("sent", 3, channel="sms")


async def test_store_away_while_lanes_move_strands_nothing(
    texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _busy_lane(texting)
    fleet, dispatcher = texting.home.app.fleet, texting.home.app.dispatcher
    away = _away_once(texting, monkeypatch, "unclaim")
    with monkeypatch.context() as moved:
        moved.setattr(fleet, "owns", lambda _: False)
        dispatcher._lanes_moved()
    await until(lambda: _true(away.is_set()))
    _let_go(texting)
    await texting.home.settled("sent", 3, channel="sms")
    assert len(texting.sent()) == 3


async def test_claim_whose_answer_was_lost_strands_nothing(
    texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was committed; the connection to the database broke before that was heard."""
    await texting.rule()
    store, whole = texting.home.app.store, texting.home.app.store.claim
    broken = asyncio.Event()

    async def claim(*args: Any) -> list[Delivery]:
        claimed = await whole(*args)
        if claimed and not broken.is_set():
            broken.set()
            raise Unavailable("The database cannot be reached.", retry_after=1)
        return claimed

    monkeypatch.setattr(store, "claim", claim)
    monkeypatch.setattr(texting.home.app.dispatcher, "owner_for", lambda _: None)
    await texting.missed()
    await until(lambda: _true(broken.is_set()))
    await texting.home.forward(61)
    await texting.home.settled("sent", channel="sms")
    assert len(texting.sent()) == 1


async def test_messages_to_nobody_do_not_wait_for_each_other(
    texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _changed(texting, max_in_flight=10)
    await texting.rule()
    whole, away = texting.home.app.store.decide, asyncio.Event()

    async def decide(*args: Any) -> set[str]:
        await away.wait()
        return await whole(*args)

    monkeypatch.setattr(texting.home.app.store, "decide", decide)
    for n in range(5):
        await texting.missed(f"a{n}", from_=None, from_presentation="anonymous")
    await until(lambda: _true(len(texting.home.app.gate._asked) == 4), 5)
    away.set()
    await texting.home.settled("blocked", 5, channel="sms")


async def test_wrong_number_shows_that_the_provider_is_well(texting: Texting) -> None:
    """Failures before and after it are not failures in a row."""
    settings = {**texting.connection.settings, "code_path": "code"}
    settings["codes"] = {"17": {"error": "invalid_recipient", "hint": "the number does not exist"}}
    await _changed(texting, settings=settings, max_in_flight=1)
    refused, wrong = Answer(401), Answer(200, TAKEN.headers, b'{"code": "17"}')
    texting.receiver.plan("/send", *[refused] * 4, wrong, refused)
    await texting.rule()
    for n in range(6):
        await texting.missed(f"c{n}", from_=f"+1408555{n + 1300}")
    await texting.home.settled("failed", 6, channel="sms")
    (state,) = await texting.home.app.store.lane_states()
    assert (state.failures, state.is_open) == (1, False)


async def _busy_lane(texting: Texting) -> None:
    """One message is being sent, two are ready behind it."""
    await _changed(texting, max_in_flight=1)
    await texting.rule()
    texting.hold = asyncio.Event()
    texting.receiver.plan("/send", Answer(200, TAKEN.headers, TAKEN.body, hold=texting.hold), TAKEN)
    for number in CALLERS:
        await texting.missed(number, from_=number)
    await texting.receiver.wait(1)


def _let_go(texting: Texting) -> None:
    assert texting.hold is not None
    texting.hold.set()


async def _changed(texting: Texting, **fields: Any) -> Connection:
    texting.connection = msgspec.structs.replace(
        texting.connection, version=texting.connection.version + 1, **fields
    )
    assert await texting.home.app.store.update_setup(texting.connection)
    texting.home.app.dispatcher.forget(texting.home.account_id)
    return texting.connection


async def _broken(texting: Texting) -> Delivery:
    """A row as no AfterCall writes it; a later one might."""
    now = texting.home.clock.now()
    broken = Delivery(
        id=new_id("dl"), account_id=texting.home.account_id, destination_id=texting.connection.id, channel="sms",
        key=new_id("key"), event_id="evt_1", event="call.completed", trigger="call.completed", call_id=None,
        body=b"{}", content_type="application/json", created_at=now, occurred_at=now, due_at=now,
    )  # fmt: skip
    await texting.home.app.store.add_resends([broken])
    texting.home.app.dispatcher.wake()
    await texting.home.tried(1)
    return broken


def _away_once(texting: Texting, monkeypatch: pytest.MonkeyPatch, name: str) -> asyncio.Event:
    """The store is away when this is asked of it for the first time."""
    whole: Callable[..., Any] = getattr(texting.home.app.store, name)
    asked = asyncio.Event()

    async def failing(*args: Any, **kwargs: Any) -> Any:
        if not asked.is_set():
            asked.set()
            raise Unavailable("The database cannot be reached.", retry_after=1)
        return await whole(*args, **kwargs)

    monkeypatch.setattr(texting.home.app.store, name, failing)
    return asked


def _again(texting: Texting) -> list[Delivery | None]:
    return list(texting.home.app.dispatcher._in_hand.values())


async def _true(what: bool) -> bool | None:
    return what or None
