"""Who gets what, and why not (promises 2 and 6, W3, T5, H7)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from aftercall.domain.call import Call
from aftercall.domain.emit import Hold
from aftercall.domain.event import Event
from aftercall.domain.fact import Named
from aftercall.domain.plan import Plan, plan
from aftercall.domain.webhook import Filters, Webhook

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CALL = Call(
    source_call_key="k",
    direction="inbound",
    from_="+14085551234",
    to="+14085559876",
    did="+14085559876",
    status="answered",
    started_at=NOW - timedelta(seconds=60),
    ended_at=NOW,
    duration_seconds=60,
    queue=Named("q_1", "Support"),
)


def event(name: str = "call.completed", **more: Any) -> Event:
    fields: dict[str, Any] = {
        "event_id": "evt_1", "name": name, "call_id": "cl_1", "occurred_at": NOW, "received_at": NOW,
        "spoken_at": NOW, "sequence": 1, "revision": 1,
    } | more  # fmt: skip
    return Event(**fields)


def webhook(**more: Any) -> Webhook:
    fields: dict[str, Any] = {
        "id": "wb_1", "account_id": "ac_1", "url": "https://example.test/", "created_at": NOW, "updated_at": NOW,
    } | more  # fmt: skip
    return Webhook(**fields)


def ids() -> Callable[[], str]:
    numbers = count()
    return lambda: f"dl_{next(numbers)}"


def planned(
    *webhooks: Webhook, said: Event | None = None, call: Call = CALL, holds: tuple[Hold, ...] = ()
) -> Plan:
    return plan(said or event(), call, webhooks, holds, "src_1", ids())


def test_plan_makes_one_delivery_that_is_due_at_once() -> None:
    (made,) = planned(webhook()).deliveries
    assert (made.status, made.due_at, made.key, made.event_id) == ("pending", NOW, "evt_1:wb_1", "evt_1")


def test_plan_ignores_webhooks_that_chose_other_moments() -> None:
    assert planned(webhook(triggers=("call.dtmf",))) == Plan()


def test_plan_names_who_is_filtered_and_why() -> None:
    made = planned(webhook(filters=Filters(queues=("Sales",))))
    assert not made.deliveries
    assert made.skipped[0].subscriber_id == "wb_1"
    assert made.skipped[0].why.startswith("queue")


def test_plan_standard_style_sends_one_message_however_many_triggers_match() -> None:
    made = planned(webhook(triggers=("call.completed", "hangup", "hangup_answered")))
    assert len(made.deliveries) == 1


def test_plan_classic_style_sends_one_message_a_trigger() -> None:
    made = planned(webhook(format="classic", triggers=("hangup", "hangup_answered")))
    assert [d.trigger for d in made.deliveries] == ["hangup", "hangup_answered"]
    assert len({d.key for d in made.deliveries}) == 2


def test_plan_keeps_messages_of_a_paused_webhook() -> None:
    (made,) = planned(webhook(status="paused")).deliveries
    assert (made.status, made.reason, made.due_at) == ("held", "paused", None)


def test_plan_keeps_messages_of_a_webhook_disabled_because_it_failed() -> None:
    (made,) = planned(webhook(status="disabled", status_reason="failing")).deliveries
    assert (made.status, made.reason) == ("held", "disabled")


@pytest.mark.parametrize("reason", [None, "gone"])
def test_plan_sends_nothing_to_a_webhook_disabled_on_purpose(reason: str | None) -> None:
    made = planned(webhook(status="disabled", status_reason=reason))
    assert (made.deliveries, made.skipped[0].why) == ((), "disabled")


def test_plan_does_not_send_late_in_call_events_that_are_old() -> None:
    said = event("call.agent_dialed", late=True, occurred_at=NOW - timedelta(seconds=61))
    made = planned(webhook(triggers=("call.agent_dialed",)), said=said)
    assert made.skipped[0].why == "late"


def test_h7_plan_holds_for_what_the_webhook_asked_to_wait_for() -> None:
    made = planned(webhook(hold_for=("wrap_up", "recording"), hold_seconds=30))
    assert not made.deliveries
    assert made.holds[0].awaiting == ("wrap_up", "recording")
    assert made.holds[0].until == NOW + timedelta(seconds=30)


def test_h7_plan_sends_no_revision_to_a_webhook_that_still_waits() -> None:
    waiting = Hold("wb_1", ("wrap_up",), NOW, event())
    made = planned(webhook(triggers=("call.updated",)), said=event("call.updated"), holds=(waiting,))
    assert made.skipped[0].why == "waiting"


def test_plan_notices_pass_filters_that_are_about_calls() -> None:
    notice = event("webhook.failing", call_id="", details={"webhook": {"id": "wb_2"}})
    made = planned(
        webhook(triggers=("webhook.failing",), filters=Filters(queues=("Sales",))),
        said=notice,
        call=Call(source_call_key=""),
    )
    assert len(made.deliveries) == 1
