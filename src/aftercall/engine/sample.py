"""A sample call, for test sends: what a receiver will see of a real one, marked as a test (W9)."""

from datetime import datetime, timedelta

import msgspec

from aftercall.domain.call import AgentLeg, Call, Digit, Step
from aftercall.domain.delivery import Delivery
from aftercall.domain.event import Event
from aftercall.domain.fact import Agent, Named
from aftercall.domain.payload import render
from aftercall.domain.plan import deliver
from aftercall.domain.trigger import TRIGGERS
from aftercall.domain.webhook import Webhook
from aftercall.engine.ids import new_id, ulid

AGENT = Agent(id="ag_102", name="Jordan", number="+14085550102")
QUEUE = Named("q_23", "Support")
MENU = Named("7", "Main menu")


def sample_delivery(webhook: Webhook, trigger: str, now: datetime) -> Delivery:
    """The sample as this webhook would get it for this trigger."""
    known = TRIGGERS.get(trigger)
    name = known.event if known else trigger
    call = sample_call(trigger, now)
    event = Event(
        event_id=f"evt_test_{ulid()}",
        name=name,
        call_id=new_id("cl"),
        occurred_at=call.ended_at or now,
        received_at=now,
        spoken_at=now,
        sequence=1,
        revision=1,
        details={"digit": "1", "ivr": {"id": MENU.id, "name": MENU.name}} if name == "call.dtmf" else {},
        is_test=True,
    )
    about = None if not name.startswith("call.") else call
    rendered = render(webhook, trigger, event, about, "src_test")
    delivery = deliver(webhook, event, trigger, rendered, f"{event.event_id}:{webhook.id}", new_id("dl"), now)
    # Nobody else sends it, and it is no part of any call.
    return msgspec.structs.replace(delivery, status="pending", reason=None, due_at=None, call_id=None)


def sample_call(trigger: str, now: datetime) -> Call:
    """A finished inbound call of four and a half minutes that has just ended; outbound where the trigger is."""
    ended = now.replace(microsecond=0)
    started, connected = ended - timedelta(seconds=271), ended - timedelta(seconds=251)
    outbound = "customer" in trigger or "dialer" in trigger
    return Call(
        source_call_key="test-call",
        uuid="test-leg",
        phase="ended",
        direction="outbound" if outbound else "inbound",
        call_type="dialer" if "dialer" in trigger else "click_to_call" if outbound else "direct",
        from_="+14085559876" if outbound else "+14085551234",
        to="+14085551234" if outbound else "+14085559876",
        did="+14085559876",
        status="answered",
        queue=QUEUE,
        ivr=MENU,
        agent=AGENT,
        agents=(AgentLeg(agent=AGENT, dialed_at=started, answered_at=connected, ended_at=ended),),
        started_at=started,
        server_answered_at=started,
        connected_at=connected,
        ended_at=ended,
        duration_seconds=271,
        billable_seconds=251,
        talk_time_seconds=251,
        wrap_up_seconds=20,
        recording_url="https://recordings.example/abc123.mp3",
        digits=(Digit("1", started, MENU.id),),
        call_flow=(
            Step(type="ivr", at=started, id=MENU.id, name=MENU.name),
            Step(type="queue", at=started, id=QUEUE.id, name=QUEUE.name),
            Step(type="agent", at=connected, id=AGENT.id, name=AGENT.name),
        ),
        notes="Callback scheduled",
        custom_fields={"crm_id": "ACME-4451", "priority": "high"},
        is_test=True,
        final=True,
    )
