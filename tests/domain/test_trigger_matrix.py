# The scripted calls and the 19 triggers: each call fires exactly these, this often, and every body is well formed.

import json
from collections import Counter

import pytest

from aftercall.domain.payload import render
from aftercall.domain.project import project
from aftercall.domain.standard import CONTRACT
from aftercall.domain.trigger import TRIGGERS, fires, variables
from tests.domain.calls import CALLS
from tests.domain.samples import WEBHOOK, but, event

FIRED = {
    "answered via menu and queue": "received_on_server answered_on_ivr dtmf_option received_on_department"
    " dialed_on_agent dialed_on_agent answered_by_agent hangup_answered_deprecated hangup hangup_answered"
    " answered_by_agent_hangup",
    "missed, no answer": "received_on_server dialed_on_agent hangup_missed_deprecated hangup hangup_missed"
    " missed_by_agent_hangup",
    "missed, busy": "received_on_server dialed_on_agent hangup_missed_deprecated hangup hangup_missed"
    " missed_by_agent_hangup",
    "abandoned in queue": "received_on_server answered_on_ivr dtmf_option received_on_department dialed_on_agent"
    " dialed_on_agent hangup_missed_deprecated hangup hangup_missed missed_by_agent_hangup",
    "abandoned in menu": "received_on_server answered_on_ivr hangup_missed_deprecated hangup hangup_missed",
    "answered via auto attendant": "received_on_server received_on_auto_attendant dialed_on_agent"
    " answered_by_agent hangup_answered_deprecated hangup hangup_answered answered_by_agent_hangup",
    "voicemail": "received_on_server dialed_on_agent hangup_missed_deprecated hangup hangup_missed"
    " missed_by_agent_hangup",
    "click to call, answered": "answered_by_agent answered_by_customer hangup_answered_deprecated hangup"
    " hangup_answered",
    "click to call, customer missed": "answered_by_agent hangup_missed_deprecated hangup hangup_missed"
    " missed_by_customer",
    "click to call, agent no answer": "hangup_missed_deprecated hangup hangup_missed",
    "dialer with disposition": "session_call_answered answered_by_agent connected_to_agent_dialer"
    " hangup_answered_deprecated hangup hangup_answered disposition_updated_dialer",
    "outbound, answered": "hangup_answered_deprecated hangup hangup_answered",
    "outbound, no answer": "hangup_missed_deprecated hangup hangup_missed",
    "blind transfer": "received_on_server dialed_on_agent dialed_on_agent answered_by_agent answered_by_agent"
    " hangup_answered_deprecated hangup hangup_answered answered_by_agent_hangup",
    "ring group": "received_on_server dialed_on_agent dialed_on_agent dialed_on_agent answered_by_agent"
    " hangup_answered_deprecated hangup hangup_answered answered_by_agent_hangup",
    "ai agent": "received_on_server answered_by_agent dialed_on_agent answered_by_agent"
    " hangup_answered_deprecated hangup hangup_answered answered_by_agent_hangup",
    "posted record": "hangup_answered_deprecated hangup hangup_answered answered_by_agent_hangup",
}


def test_every_scripted_call_is_in_the_matrix() -> None:
    assert set(FIRED) == set(CALLS)


def test_every_trigger_is_fired_by_a_scripted_call() -> None:
    assert {trigger for fired in FIRED.values() for trigger in fired.split()} == set(TRIGGERS)


@pytest.mark.parametrize("name", CALLS)
def test_a_scripted_call_fires_exactly_its_triggers(name: str) -> None:
    told = project(CALLS[name]())
    events = [but(event(e.name), details=e.details) for e in told.events]
    fired = Counter(trigger for trigger in TRIGGERS for e in events if fires(trigger, told.call, e))
    assert fired == Counter(FIRED[name].split())


@pytest.mark.parametrize("name", CALLS)
def test_every_event_of_a_scripted_call_has_well_formed_bodies(name: str) -> None:
    told = project(CALLS[name]())
    for derived in told.events:
        said = but(event(derived.name), details=derived.details, occurred_at=derived.occurred_at)
        standard = json.loads(render(WEBHOOK, said.name, said, told.call, "src_1").body)
        assert tuple(standard)[:21] == CONTRACT
        for trigger in [t for t in (*TRIGGERS, said.name) if fires(t, told.call, said)]:
            classic = json.loads(render(but(WEBHOOK, format="classic"), trigger, said, told.call).body)
            assert list(classic) == list(variables(trigger))
