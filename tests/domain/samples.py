# A finished call, its completion and a webhook, to be varied with `but`.

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from aftercall.domain.call import AgentLeg, Call, Digit, Step
from aftercall.domain.event import Event
from aftercall.domain.fact import Agent, Billing, Hangup, Named, Recording
from aftercall.domain.webhook import Webhook

T = TypeVar("T", bound=msgspec.Struct)
START = datetime(2025, 8, 21, 10, 58, 13, 250_000, tzinfo=UTC)
JORDAN = Agent(id="ag_102", name="Jordan", number="+14085550102")
KIM = Agent(id="ag_101", name="Kim", number="101", follow_me_number="+14085550199")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def but(value: T, **changes: Any) -> T:
    return msgspec.structs.replace(value, **changes)


def event(name: str = "call.completed", revision: int = 0, **details: Any) -> Event:
    return Event(
        event_id="evt_01K37ABCDEFGHJKMNPQRSTVWXYZAAAAAAAAAAAAAAAA",
        name=name,
        call_id="cl_01K37ABCDEFGHJKMNPQRSTVWXY",
        occurred_at=at(271.5),
        received_at=at(271.6),
        spoken_at=at(273),
        sequence=9,
        revision=revision or int(name == "call.completed"),
        details=details,
    )


ANSWERED = Call(
    source_call_key="1628512094.7228905",
    uuid="61111f5e708c5",
    phase="ended",
    direction="inbound",
    from_="+14085551234",
    to="+14085559876",
    did="+14085559876",
    status="answered",
    hangup=Hangup(cause="NORMAL_CLEARING", cause_code=16, by="caller"),
    queue=Named("q_23", "Support"),
    ivr=Named("3112", "Main menu"),
    agent=JORDAN,
    agents=(
        AgentLeg(
            agent=KIM,
            leg="leg-a",
            dialed_at=at(5),
            ended_at=at(13),
            missed=True,
            reason="no_answer",
            ring_seconds=8,
        ),
        AgentLeg(
            agent=JORDAN, leg="leg-b", dialed_at=at(14), answered_at=at(20), ended_at=at(271), ring_seconds=6
        ),
    ),
    started_at=at(0),
    server_answered_at=at(1),
    connected_at=at(20),
    ended_at=at(271),
    duration_seconds=271,
    billable_seconds=270,
    talk_time_seconds=251,
    bridged_seconds=251,
    ring_time_seconds=6,
    wait_seconds=15,
    wrap_up_seconds=20,
    recordings=(Recording(id="rec_1", url="https://recordings.example/abc123.mp3"),),
    recording_url="https://recordings.example/abc123.mp3",
    digits=(Digit("1", at(3), "3112"),),
    call_flow=(
        Step("ivr", at(1), "3112", "Main menu", 4),
        Step("queue", at(5), "q_23", "Support", 15),
        Step("agent", at(5), "ag_101", "Kim", 8, "missed", "leg-a"),
        Step("agent", at(14), "ag_102", "Jordan", 6, "answered", "leg-b"),
    ),
    notes="Callback scheduled",
    tags=("vip",),
    custom_fields={"crm_id": "ACME-4451", "priority": "high"},
    billing=Billing(circle="Delhi", operator="Example Tel"),
    final=True,
)
MISSED = but(
    ANSWERED,
    status="missed",
    reason="agent_no_answer",
    agent=None,
    agents=ANSWERED.agents[:1],
    connected_at=None,
    talk_time_seconds=0,
    bridged_seconds=None,
    recordings=(),
    recording_url=None,
    wrap_up_seconds=None,
)
BARE = Call(source_call_key="k1")
COMPLETED = event()
WEBHOOK = Webhook(
    id="wh_1",
    account_id="ac_1",
    url="https://receiver.example/hook",
    signing_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    created_at=START,
    updated_at=START,
)
