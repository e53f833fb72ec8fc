# Calls as a FreeSWITCH would tell them (pbx.py, scenarios.py: written from documentation) and what becomes of them.

import contextlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from aftercall.domain.errors import Problem
from aftercall.domain.fact import Fact
from aftercall.domain.project import Projection, project
from aftercall.sources.freeswitch import records
from tests.sources.freeswitch import scenarios
from tests.sources.freeswitch.pbx import CALLER, DIALPLAN, DID, NOW, SETTINGS, SOURCE, Pbx, facts

A = "a-0000-4000"
BY_NAME = {make.__name__: make for make in scenarios.ALL}

# name: status, reason, who hung up, seconds of talk, agent, agents who missed it
OUTCOMES = {
    "answered": ("answered", None, "caller", 60, "101", ()),
    "answered_agent_hangs_up": ("answered", None, "agent", 12, "101", ()),
    "missed": ("missed", "no_answer", "system", 0, None, (("101", "no_answer"),)),
    "busy": ("missed", "busy", "system", 0, None, (("101", "busy"),)),
    "cancelled": ("missed", "caller_cancelled", "caller", 0, None, (("101", "caller_cancelled"),)),
    "ring_group": ("answered", None, "agent", 25, "102", ()),
    "menu_and_queue": ("answered", None, "caller", 40, "casey", (("jordan", "no_answer"),)),
    "queue_abandoned": (
        "abandoned", "caller_hangup_in_queue", "caller", 0, None, (("jordan", "caller_cancelled"),)
    ),
    "queue_ring_all": ("answered", None, "caller", 10, "casey", ()),
    "queue_timeout": ("missed", "queue_timeout", "system", 0, None, (("jordan", "unavailable"),)),
    "blind_transfer": ("answered", None, "caller", 29, "101", ()),
    "attended_transfer": ("answered", None, "agent", 44, "101", ()),
    "voicemail": ("voicemail", None, "caller", 0, None, (("101", "no_answer"),)),
    "outbound": ("answered", None, "callee", 42, "101", ()),
    "click_to_call": ("answered", None, "agent", 30, "101", ()),
    "click_to_call_no_answer": ("missed", "no_answer", "system", 0, "101", ()),
    "recorded": ("answered", None, "caller", 20, "101", ()),
    "held": ("answered", None, "caller", 20, "101", ()),
    "anonymous": ("missed", "no_answer", "system", 0, None, (("101", "no_answer"),)),
    "picked_up": ("answered", None, "caller", 20, "102", ()),
    "loopback": ("answered", None, "caller", 20, "101", ()),
}  # fmt: skip


def by_call(told: Iterable[Fact]) -> dict[str, list[Fact]]:
    """As the store keeps them: of facts with one natural id the first."""
    found: dict[str, dict[str, Fact]] = defaultdict(dict)
    for fact in told:
        found[fact.call_key].setdefault(fact.natural_id, fact)
    return {key: list(kept.values()) for key, kept in found.items()}


def call(pbx: Pbx, key: str = A) -> Projection:
    return project(by_call(facts(pbx.said))[key])


def posted(pbx: Pbx) -> list[Fact]:
    return [
        fact
        for cdr in pbx.cdrs
        for fact in records.parse(SOURCE, DIALPLAN, json.dumps(cdr).encode(), NOW).facts
    ]


def names(made: Projection) -> list[str]:
    return [event.name.removeprefix("call.") for event in made.events]


def outcome(made: Projection) -> tuple[object, ...]:
    record = made.call
    missed = tuple((leg.agent.id, leg.reason) for leg in record.missed_agents)
    agent = record.agent.id if record.agent else None
    by = record.hangup.by if record.hangup else None
    return record.status, record.reason, by, record.talk_time_seconds, agent, missed


def test_every_scenario_has_an_outcome() -> None:
    assert OUTCOMES.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_call(name: str) -> None:
    assert outcome(call(BY_NAME[name]())) == OUTCOMES[name]


@pytest.mark.parametrize("name", OUTCOMES)
def test_call_is_the_same_in_any_order_and_however_often_told(name: str) -> None:
    pbx = BY_NAME[name]()
    expected = {key: project(told) for key, told in by_call(facts(pbx.said)).items()}
    again = facts(pbx.said) + facts(pbx.plainly)
    for seed in range(5):
        random.Random(seed).shuffle(again)
        assert {key: project(fact for fact in again if fact.call_key == key) for key in expected} == expected


# A record does not tell whose attempt the leg beyond a loopback channel was.
@pytest.mark.parametrize("name", sorted(OUTCOMES.keys() - {"loopback"}))
def test_call_comes_out_the_same_when_its_records_are_there_before_its_events(name: str) -> None:
    pbx = BY_NAME[name]()
    made = project(by_call(posted(pbx) + facts(pbx.said))[A])
    assert (outcome(made), names(made)) == (OUTCOMES[name], names(call(pbx)))


@pytest.mark.parametrize("name", OUTCOMES)
def test_call_is_the_same_when_its_records_are_posted_to_the_same_source(name: str) -> None:
    pbx = BY_NAME[name]()
    heard = facts(pbx.said)
    both = by_call(heard + posted(pbx))
    for key, told in by_call(heard).items():
        once, twice = project(told), project(both[key])
        assert names(twice) == names(once)
        assert msgspec.structs.asdict(twice.call) == msgspec.structs.asdict(once.call)
    assert both.keys() == by_call(heard).keys()


@pytest.mark.parametrize("name", ["answered", "missed", "busy", "cancelled", "outbound", "click_to_call"])
def test_records_alone_tell_how_a_call_came_out(name: str) -> None:
    made = project(by_call(posted(BY_NAME[name]()))[A])
    assert outcome(made)[:2] + outcome(made)[3:5] == OUTCOMES[name][:2] + OUTCOMES[name][3:5]


def test_times_are_those_of_the_channel() -> None:
    record = call(scenarios.answered()).call
    assert record.started_at is not None
    assert record.ended_at is not None
    assert (record.started_at.microsecond, record.ended_at.microsecond) == (0, 4000)
    assert record.ring_time_seconds == 7
    assert record.billable_seconds == 60
    assert record.uuid == A


def test_who_calls_whom() -> None:
    inbound = call(scenarios.answered()).call
    assert (inbound.direction, inbound.from_, inbound.to, inbound.did) == ("inbound", CALLER, DID, DID)
    outbound = call(scenarios.outbound()).call
    assert (outbound.direction, outbound.from_, outbound.to) == ("outbound", "101", scenarios.CUSTOMER)
    assert outbound.caller_id == DID
    clicked = call(scenarios.click_to_call()).call
    assert (clicked.call_type, clicked.to, clicked.from_) == ("click_to_call", scenarios.CUSTOMER, DID)


def test_variables_become_custom_fields() -> None:
    assert call(scenarios.answered()).call.custom_fields == {"crm": "A 17"}


def test_menu_key_and_queue_are_told_as_they_happen() -> None:
    made = call(scenarios.menu_and_queue())
    assert names(made) == [
        "received", "ivr_answered", "dtmf", "department_entered", "agent_dialed", "ringing", "agent_missed",
        "agent_dialed", "agent_answered", "connected", "ended", "completed",
    ]  # fmt: skip
    record = made.call
    assert record.queue is not None
    assert record.ivr is not None
    assert (record.queue.name, record.ivr.name, record.wait_seconds) == ("support", "main", 18)
    assert [digit.digit for digit in record.digits] == ["2"]


def test_blind_transfer_is_told_with_who_sent_the_caller_where() -> None:
    made = call(scenarios.blind_transfer())
    [told] = [event for event in made.events if event.name == "call.transferred"]
    transfer = told.details["transfer"]
    assert (transfer["kind"], transfer["to"], transfer["from_agent"]["id"]) == ("blind", "102", "101")
    assert names(made).count("connected") == 2


def test_attended_transfer_joins_two_calls() -> None:
    found = by_call(facts(scenarios.attended_transfer().said))
    made, asked = project(found[A]), project(found["x-0000-4000"])
    [told] = [event for event in made.events if event.name == "call.transferred"]
    transfer = told.details["transfer"]
    assert (transfer["kind"], transfer["to"], transfer["from_agent"]["id"]) == ("attended", "102", "101")
    assert {leg.agent.id for leg in made.call.agents} == {"101", "102"}
    assert (asked.call.call_type, asked.call.duration_seconds) == ("internal", 9)
    assert asked.call.data_quality == ("merged",)


def test_transfer_in_the_dialplan_is_none() -> None:
    """The vanilla dialplan sends every caller on by `transfer` before anybody answers."""
    pbx = Pbx().caller().set("a", transfer_source="1795165200:7f-0:bl_xfer:101/XML/default")
    pbx.dial(0.1, "b", "101", "a").talk(5, "a", "b").hang_up(10, "a", "b")
    assert "transferred" not in names(call(pbx))


def test_recording_starts_and_is_ready() -> None:
    path = "/var/lib/freeswitch/recordings/a-0000-4000.wav"
    [recording] = call(scenarios.recorded()).call.recordings
    assert (recording.id, recording.status, recording.duration_seconds) == (path, "ready", 20)
    told = facts(scenarios.recorded().said, msgspec.structs.replace(SOURCE, settings=SETTINGS | {
        "recordings_url": "https://pbx.example.com/rec/"}))  # fmt: skip
    assert project(told).call.recording_url == "https://pbx.example.com/rec/a-0000-4000.wav"


def test_voicemail_is_told_when_the_message_is_left() -> None:
    made = call(scenarios.voicemail())
    [told] = [event for event in made.events if event.name == "call.voicemail_left"]
    assert told.details["voicemail"] == {"box": "101", "seconds": 12}


def test_voicemail_is_told_at_the_end_at_the_latest() -> None:
    pbx = scenarios.voicemail()
    pbx.events = [event for event in pbx.events if event.get("Event-Subclass") != "vm::maintenance"]
    made = call(pbx)
    assert (made.call.status, names(made).count("voicemail_left")) == ("voicemail", 1)


def test_mailbox_of_fusionpbx_is_voicemail() -> None:
    pbx = Pbx().caller()
    pbx.legs["a"]["Caller-Destination-Number"] = "*99101"
    assert call(pbx.gone(9, "a", how="recv_bye")).call.status == "voicemail"
    assert project(posted(pbx)).call.status == "voicemail"


def test_disposition_is_the_calls() -> None:
    made = call(Pbx().caller(disposition="sold").gone(3, "a", how="recv_bye"))
    assert (made.call.disposition, names(made)[-1]) == ("sold", "disposition_updated")


def test_hidden_number_is_not_shown() -> None:
    pbx = Pbx()
    pbx.new(0, "a", "sofia/external/x@198.51.100.7", DID, way="inbound", cid=CALLER, context="public")
    pbx.legs["a"]["Caller-Privacy-Hide-Number"] = "true"
    record = call(pbx.say(0, "CHANNEL_CREATE", "a").gone(3, "a", how="recv_cancel")).call
    assert (record.from_, record.from_presentation) == (None, "anonymous")


@pytest.mark.parametrize(
    ("context", "to", "user", "expected"),
    [
        ("public", DID, None, ("inbound", None)),
        ("public", DID, "101", ("inbound", None)),
        ("default", DID, "101", ("outbound", None)),
        ("default", "102", "101", ("inbound", "internal")),
        ("elsewhere", DID, "101", ("outbound", None)),
        ("elsewhere", DID, None, ("inbound", None)),
    ],
)
def test_direction_is_the_calls(
    context: str, to: str, user: str | None, expected: tuple[str, str | None]
) -> None:
    pbx = Pbx().new(0, "a", "sofia/internal/sip@198.51.100.7", to, way="inbound", cid="1", context=context)
    if user is not None:
        pbx.set("a", user_name=user)
    [fact] = facts(pbx.say(0, "CHANNEL_CREATE", "a").said)
    assert (fact.data.direction, fact.data.call_type) == expected


def test_legs_of_a_call_that_was_running_when_we_came_find_it() -> None:
    """Nothing of its beginning is heard: the call knows its legs, and whose they are, by what the events show."""
    pbx = scenarios.answered()
    pbx.events = pbx.events[4:]
    found = by_call(facts(pbx.said))
    assert found.keys() == {A}
    assert {fact.data.agent.id for fact in found[A] if fact.data.agent is not None} == {"101"}
    pbx.events = pbx.events[-2:]
    assert by_call(facts(pbx.said)).keys() == {A}


BAD: tuple[Any, ...] = (
    "",
    "x" * 5000,
    17,
    None,
    True,
    1e400,
    ["a", "b"],
    [],
    {"a": [1]},
    "-1",
    "nan",
    "\0",
    "::",
)


@pytest.mark.parametrize("name", OUTCOMES)
def test_bad_values_break_nothing(name: str) -> None:
    """Any header of any event, any value of a record, is spoilt: the others are still read."""
    chance = random.Random(name)
    for _ in range(30):
        pbx = BY_NAME[name]()
        for event in pbx.events:
            event[chance.choice(list(event))] = chance.choice(BAD)
        for told in by_call(facts(pbx.said)).values():
            project(told)
        for cdr in pbx.cdrs:
            spoilt = chance.choice([cdr, cdr["variables"], cdr["callflow"][0]["caller_profile"]])
            spoilt[chance.choice(list(spoilt))] = chance.choice(BAD)
        with contextlib.suppress(Problem):
            project(posted(pbx))


def test_event_that_is_about_no_leg_says_nothing() -> None:
    pbx = Pbx().say(0, "CHANNEL_ANSWER").say(1, "callcenter::info", CC__Action="member-queue-start")
    pbx.say(2, "RECORD_START").say(3, "HEARTBEAT").say(4, "sofia::register")
    assert facts(pbx.said) == []
