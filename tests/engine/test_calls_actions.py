"""The actions of a call over its whole life: told once, merged, or too much to be sent (S1, S4, H7, H8)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from aftercall.domain.fact import Data, Kind
from aftercall.domain.message_template import MessageTemplate
from aftercall.engine.ids import new_id
from tests.support.house import house
from tests.support.receiver import Receiver
from tests.support.texting import CALLER, Texting
from tests.support.wait import until


@pytest.fixture
async def texting(database_url: str, tmp_path: Path) -> AsyncIterator[Texting]:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        made = Texting(home, receiver)
        await made.set_up()
        yield made


async def test_summary_of_a_rule_with_two_triggers_is_told_once(texting: Texting) -> None:
    """The second would have the first one's key, and no call of the batch could be stored."""
    hook = await texting.home.webhook(texting.receiver.url("/summary"), triggers=("webhook.failing",))
    rule = await texting.rule(
        channel="webhook", webhook_id=hook.id, template_id=None, triggers=("call.completed", "call.updated")
    )
    call_id = await texting.missed()
    await texting.home.settled("delivered", channel="webhook")
    await texting.home.post(texting.home.fact(Kind.NOTED, "c1", Data(notes="Call back")))
    await texting.home.forward(3)

    async def revised() -> list[tuple[str, str]] | None:
        events = await texting.home.app.store.call_events(texting.home.account_id, call_id)
        told = next((e for e in events if e.event.name == "call.updated"), None)
        return None if told is None else [(s.subscriber_id, s.why) for s in told.skipped]

    assert await until(revised) == [(rule.id, "duplicate")]


async def test_mail_that_grows_too_large_while_it_waits_fails_with_the_reason(texting: Texting) -> None:
    now = texting.home.clock.now()
    template = MessageTemplate(
        id=new_id("tpl"), account_id=texting.home.account_id, name="All", channel="email", subject="All",
        category="service_implicit", text="{{ call.notes }}" * 300, created_at=now, updated_at=now,
    )  # fmt: skip
    await texting.home.app.store.add_setup(template)
    await texting.rule(
        channel="email", recipients="fixed", to=("boss@example.com",), template_id=template.id,
        hold_for=("recording",),
    )  # fmt: skip
    call_id = await texting.missed(notes="long " * 2_000)
    await texting.home.forward(121)
    (failed,) = await texting.home.settled("failed", channel="email")
    assert (failed.reason, failed.call_id) == ("too_large", call_id)
    row = await texting.home.app.store.get_call(texting.home.account_id, call_id)
    assert row is not None
    assert (row.due_at, row.speech.holds) == (None, ())


async def test_call_that_turns_out_to_be_another_is_not_texted_about_twice(texting: Texting) -> None:
    """A leg was over, and texted about, before it was known to be one of a conversation that goes on."""
    rule = await texting.rule()
    home = texting.home
    leg = msgspec.structs.replace(
        home.finished("leg", from_=CALLER, status="missed"), aliases=("twilio:CA1",)
    )
    await home.post(leg)
    await home.settled("sent", channel="sms")
    began = home.clock.now() - timedelta(minutes=5)
    whole = home.finished("whole", seconds=300, from_=CALLER, status="missed")
    start = home.fact(Kind.RECEIVED, "whole", Data(direction="inbound", from_=CALLER), at=began)
    (taken,) = await home.post(msgspec.structs.replace(start, aliases=("twilio:CA1",)))
    await home.post(whole)

    async def completed() -> list[tuple[str, str]] | None:
        events = await home.app.store.call_events(home.account_id, taken.call_id)
        told = next((e for e in events if e.event.name == "call.completed"), None)
        return None if told is None else [(s.subscriber_id, s.why) for s in told.skipped]

    assert await until(completed) == [(rule.id, "duplicate")]
    assert len(texting.sent()) == 1
    row = await home.app.store.get_call(home.account_id, taken.call_id)
    assert row is not None
    assert (row.speech.acted, row.call.merged_into) == ((rule.id,), None)
