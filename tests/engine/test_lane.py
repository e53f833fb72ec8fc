"""Lanes (promise 5, W8): order, rate, in-flight limit, the open breaker's single probe."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.delivery import Delivery
from aftercall.domain.webhook import Webhook
from aftercall.engine.fleet import BUCKETS, share
from aftercall.engine.lane import Lane, RateWindow

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
WEBHOOK = Webhook(
    id="wb_1", account_id="ac_1", url="https://example.test/", created_at=NOW, updated_at=NOW, max_in_flight=2,
    rate_limit=0,
)  # fmt: skip


def delivery(number: int) -> Delivery:
    return Delivery(
        id=f"dl_{number:04}", account_id="ac_1", destination_id="wb_1", key=str(number), event_id="evt_1",
        event="call.completed", trigger="call.completed", call_id=None, body=b"{}",
        content_type="application/json", created_at=NOW, occurred_at=NOW,
    )  # fmt: skip


def lane(*numbers: int, webhook: Webhook = WEBHOOK) -> Lane:
    made = Lane("ac_1", "wb_1")
    made.set_limits(webhook)
    for number in numbers:
        made.push(delivery(number))
    return made


@given(st.lists(st.integers(0, 999), unique=True))
def test_lane_gives_out_the_oldest_first(numbers: list[int]) -> None:
    it = lane(*numbers)
    assert [it.pop().id for _ in numbers] == [f"dl_{n:04}" for n in sorted(numbers)]


def test_lane_gives_up_what_is_taken_out() -> None:
    it = lane(2, 1, 3)
    assert it.take_out("dl_0001")
    assert not it.take_out("dl_0001")
    assert [it.pop().id, it.pop().id] == ["dl_0002", "dl_0003"]


def test_lane_gives_a_changed_webhook_a_fresh_chance() -> None:
    it = lane(1)
    it.state = msgspec.structs.replace(it.state, failures=7, open_until=NOW, destination_version=1)
    it.set_limits(WEBHOOK)
    assert it.state.is_open
    it.set_limits(msgspec.structs.replace(WEBHOOK, version=2))
    assert not it.state.is_open


def test_lane_waits_when_enough_is_in_flight() -> None:
    it = lane(1)
    it.in_flight = 2
    assert it.wait(NOW, 0.0) is None


def test_lane_with_an_open_breaker_lets_one_probe_through_when_it_is_due() -> None:
    it = lane(1, 2)
    it.state = msgspec.structs.replace(it.state, open_until=NOW + timedelta(seconds=5))
    assert it.wait(NOW, 0.0) == 5.0
    assert it.wait(NOW + timedelta(seconds=5), 0.0) == 0.0
    it.in_flight = 1
    assert it.wait(NOW + timedelta(seconds=5), 0.0) is None


def test_lane_pauses_as_long_as_the_receiver_asked() -> None:
    it = lane(1)
    it.not_before = NOW + timedelta(seconds=30)
    assert it.wait(NOW, 0.0) == 30.0


@given(
    st.floats(0.5, 50).map(lambda r: round(r, 1)),
    st.lists(st.floats(0, 0.2), min_size=1, max_size=200),
)
def test_rate_window_never_lets_more_through_in_any_second(rate: float, pauses: list[float]) -> None:
    window, now, sent = RateWindow(rate), 0.0, []
    for pause in pauses:
        now += pause
        now += window.wait(now)
        window.take(now)
        sent.append(now)
    span, most = (1.0, int(rate)) if rate >= 1 else (1 / rate, 1)
    for i, at in enumerate(sent):
        assert sum(1 for other in sent[: i + 1] if at - other < span - 1e-6) <= most


@given(st.integers(1, 6))
def test_every_bucket_has_exactly_one_owner(nodes: int) -> None:
    live = [f"node_{n}" for n in range(nodes)]
    shares = [share(node, live) for node in live]
    if nodes == 1:
        assert shares == [None]
        return
    owned = sorted(bucket for part in shares for bucket in part or ())
    assert owned == list(range(BUCKETS))


def test_a_node_that_leaves_moves_only_its_own_buckets() -> None:
    before = {n: set(share(n, ["a", "b", "c"]) or ()) for n in "abc"}
    after = {n: set(share(n, ["a", "b"]) or ()) for n in "ab"}
    assert before["a"] <= after["a"]
    assert before["b"] <= after["b"]
