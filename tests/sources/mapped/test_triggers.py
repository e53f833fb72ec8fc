# The 19 triggers of the Acefone family as input: each alone, in every encoding, and whole calls told by all of them.

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from aftercall.domain.call import Call
from aftercall.domain.fact import Fact
from aftercall.domain.payload import render
from aftercall.domain.project import Projection, project
from aftercall.domain.trigger import TRIGGERS, fires
from aftercall.engine.upstream import Parsed
from tests.domain.calls import CALLS
from tests.domain.samples import WEBHOOK, but, event
from tests.sources.mapped.asked import ask, call, fixture, of

BODIES: dict[str, dict[str, Any]] = fixture("triggers")
# What each says by itself: the events, the direction, the call's type, its status as far as it is over.
ALONE: dict[str, tuple[str, str | None, str, str | None]] = {
    "received_on_server": ("received", "inbound", "direct", None),
    "answered_on_ivr": ("ivr_answered", None, "direct", None),
    "dtmf_option": ("dtmf", None, "direct", None),
    "received_on_department": ("department_entered", "inbound", "direct", None),
    "received_on_auto_attendant": ("auto_attendant_entered", "inbound", "direct", None),
    "dialed_on_agent": ("agent_dialed", "inbound", "direct", None),
    "answered_by_agent": ("agent_answered", "inbound", "direct", None),
    "session_call_answered": ("session_answered", "inbound", "direct", None),
    "answered_by_customer": ("customer_answered", "outbound", "click_to_call", None),
    "missed_by_customer": ("customer_missed ended completed", "outbound", "click_to_call", "missed"),
    "connected_to_agent_dialer": ("connected", "outbound", "dialer", None),
    "answered_by_agent_hangup": ("ended completed recording_ready", "inbound", "direct", "answered"),
    "missed_by_agent_hangup": ("agent_missed ended completed", "inbound", "direct", "missed"),
    "hangup": ("ended completed recording_ready", "inbound", "direct", "answered"),
    "hangup_missed": ("agent_missed ended completed", "inbound", "direct", "missed"),
    "hangup_answered": ("ended completed recording_ready", "inbound", "direct", "answered"),
    "hangup_missed_deprecated": ("agent_missed ended completed", "inbound", "direct", "missed"),
    "hangup_answered_deprecated": ("ended completed recording_ready", "inbound", "direct", "answered"),
    "disposition_updated_dialer": ("disposition_updated", "outbound", "dialer", None),
}
PROVISIONAL = {"hangup_missed_deprecated", "hangup_answered_deprecated"}


def told(trigger: str, **request: Any) -> Projection:
    return call(ask(of("acefone"), BODIES[trigger], path=trigger, **request))


def names(projection: Projection) -> str:
    return " ".join(e.name.removeprefix("call.") for e in projection.events)


def as_form(body: dict[str, Any]) -> str:
    """The way a form says objects and lists: as JSON in a field."""
    return urlencode({n: json.dumps(v) if isinstance(v, dict | list) else v for n, v in body.items()})


def test_every_trigger_is_in_the_matrix() -> None:
    assert set(ALONE) == set(BODIES) == set(TRIGGERS)
    assert all(list(BODIES[name]) == list(trigger.variables) for name, trigger in TRIGGERS.items())


@pytest.mark.parametrize("trigger", ALONE)
def test_a_trigger_by_itself(trigger: str) -> None:
    projection = told(trigger)
    found = projection.call
    assert (names(projection), found.direction, found.call_type, found.status) == ALONE[trigger]
    assert found.final == ("completed" in ALONE[trigger][0] and trigger not in PROVISIONAL)
    customer = found.to if found.direction == "outbound" else found.from_
    assert customer == ("7011234567" if found.direction is None else "+917011234567")
    assert found.source_call_key == BODIES[trigger].get("call_id", "61111f5e708c5")


@pytest.mark.parametrize("trigger", ALONE)
def test_a_trigger_says_the_same_as_json_as_form_and_as_query(trigger: str) -> None:
    body, form = BODIES[trigger], as_form(BODIES[trigger])
    said = ask(of("acefone"), body, path=trigger, content_type="application/json").facts
    posted = ask(of("acefone"), form.encode(), path=trigger, content_type="application/x-www-form-urlencoded")
    asked = ask(of("acefone"), query=f"token=secret&{form}", path=trigger)
    for other in (posted.facts, asked.facts):
        assert [(f.kind, f.call_key, f.occurred_at, f.leg, f.data) for f in other] == [
            (f.kind, f.call_key, f.occurred_at, f.leg, f.data) for f in said
        ]


@pytest.mark.parametrize("trigger", ALONE)
def test_a_trigger_may_be_named_in_the_query_or_the_body(trigger: str) -> None:
    assert names(told(trigger)) == names(
        call(ask(of("acefone"), BODIES[trigger], query=f"trigger={trigger}"))
    )
    assert names(told(trigger)) == names(call(ask(of("acefone"), BODIES[trigger] | {"trigger": trigger})))


@pytest.mark.parametrize(
    "trigger", [name for name in ALONE if name not in ("session_call_answered", "missed_by_customer")]
)
def test_a_trigger_that_is_not_named_is_told_by_its_variables(trigger: str) -> None:
    guessed = call(ask(of("acefone"), BODIES[trigger])).call
    assert guessed.status == told(trigger).call.status
    assert names(call(ask(of("acefone"), BODIES[trigger]))) == ALONE[trigger][0]


def test_hangup_tells_everything_that_is_known_of_the_call() -> None:
    found = told("hangup").call
    assert str(found.started_at) == "2025-08-21 10:58:13+00:00"
    assert str(found.ended_at) == "2025-08-21 11:02:44+00:00"
    assert (found.duration_seconds, found.talk_time_seconds, found.billable_seconds) == (271, 251, 270)
    assert (found.ring_time_seconds, found.outbound_seconds) == (12, 0)
    assert found.agent is not None
    assert (found.agent.name, found.agent.number) == ("Jordan", "+914012345102")
    assert found.billing is not None
    assert (found.billing.circle, found.billing.operator) == ("Delhi", "Airtel")
    assert [d.digit for d in found.digits] == ["1"]
    assert found.recording_url == "https://recordings.example/abc123.mp3"
    assert [r.id for r in found.recordings] == ["rec-1"]
    assert (found.did, found.uuid) == ("918069010148", "61111f5e708c5")
    assert found.hangup is not None
    assert found.hangup.cause == "NORMAL_CLEARING"
    assert found.custom_fields == {}
    assert "clock_local_assumed" in found.data_quality


def test_dialer_tells_campaign_lead_and_disposition() -> None:
    connected = told("connected_to_agent_dialer").call
    assert connected.campaign is not None
    assert (connected.campaign.id, connected.campaign.name) == ("9", "Renewals")
    assert connected.lead == {"crm_id": "A-17", "city": "Delhi"}
    found = told("disposition_updated_dialer").call
    assert (found.disposition, found.sub_disposition) == ("Interested", "Call back")


def test_what_was_added_to_the_body_becomes_custom_fields() -> None:
    body = BODIES["hangup"] | {"crm": "A-17", "trigger": "hangup"}
    assert call(ask(of("acefone"), body)).call.custom_fields == {"crm": "A-17"}


@pytest.mark.parametrize(
    ("stamp", "zone"),
    [
        ("2025-08-21 16:28:13", None), ("2025-08-21 10:58:13", "UTC"), ("1755773893", None),
        ("2025-08-21T10:58:13Z", "America/New_York"), ("2025-08-21T16:28:13+05:30", None),
    ],
)  # fmt: skip
def test_times_of_every_format_and_zone(stamp: str, zone: str | None) -> None:
    body = BODIES["received_on_server"] | {"start_stamp": stamp}
    found = call(ask(of("acefone", time_zone=zone), body, path="received_on_server")).call
    assert str(found.started_at) == "2025-08-21 10:58:13+00:00"


def test_trigger_nobody_knows_is_ignored() -> None:
    parsed = ask(of("acefone"), BODIES["hangup"], path="agent_logged_in")
    assert (parsed.facts, parsed.errors, parsed.ignored) == ((), (), 1)


def test_trigger_without_any_id_is_refused_in_words() -> None:
    parsed = ask(of("acefone"), {"start_stamp": "1755773893"}, path="received_on_server")
    assert parsed.errors[0][1].startswith("call_id or uuid: must be a string")


# Whole calls: what our own classic webhooks say of every scripted call, read back


def classic(of_call: Projection) -> Iterable[tuple[str, dict[str, Any], Parsed]]:
    acefone = of("acefone", time_zone="UTC")
    for derived in of_call.events:
        said = but(event(derived.name), details=derived.details, occurred_at=derived.occurred_at)
        for trigger in (name for name in TRIGGERS if fires(name, of_call.call, said)):
            body = json.loads(render(but(WEBHOOK, format="classic"), trigger, said, of_call.call).body)
            if trigger == "answered_by_customer":
                body["call_id"] = "cl_01K37ABCDEFGHJKMNPQRSTVWXY"  # the docs ask to add it
            yield trigger, body, ask(acefone, body, path=trigger, now=derived.occurred_at)


def same(found: Call, was: Call) -> None:
    # Of a voicemail, the triggers say that it was missed; of an AI's call, nothing.
    assert found.status == ("missed" if was.status == "voicemail" else was.status)
    assert found.direction == was.direction
    assert found.call_type == ("direct" if was.call_type == "ai_agent" else was.call_type)
    assert (found.from_ if was.direction == "inbound" else found.to) == (
        was.from_ if was.direction == "inbound" else was.to
    )
    for mine, theirs in ((found.started_at, was.started_at), (found.ended_at, was.ended_at)):
        assert mine is not None
        assert theirs is not None
        assert abs(mine - theirs) < timedelta(seconds=1)
    assert (found.duration_seconds, found.talk_time_seconds) == (was.duration_seconds, was.talk_time_seconds)
    assert (found.agent and found.agent.name) == (was.agent and was.agent.name)
    missed = [{leg.agent.name for leg in one.agents if leg.missed} for one in (found, was)]
    assert missed[0] == missed[1]
    assert [d.digit for d in found.digits] == [d.digit for d in was.digits]
    assert (found.disposition, found.campaign) == (was.disposition, was.campaign)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_told_by_its_triggers_is_the_same_call(name: str) -> None:
    was = project(CALLS[name]())
    parsed = [one for _, _, one in classic(was)]
    found = call(*parsed)
    same(found.call, was.call)
    facts: list[Fact] = [fact for one in parsed for fact in one.facts]
    assert project([*reversed(facts), *facts]) == found


def test_the_same_request_twice_changes_nothing() -> None:
    for name in CALLS:
        for trigger, body, parsed in classic(project(CALLS[name]())):
            later = ask(of("acefone", time_zone="UTC"), body, path=trigger)
            assert [f.natural_id for f in later.facts] == [f.natural_id for f in parsed.facts]
