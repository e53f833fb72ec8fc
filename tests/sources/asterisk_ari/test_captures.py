# What the websocket told of each captured call makes the same call as what AMI told; queues' members are AMI's only.

import random
from datetime import datetime, timedelta

import pytest

from aftercall.domain.project import Projection, project
from aftercall.sources.asterisk_ari.events import Events, NotJoinedError, listed
from tests.sources.asterisk import captures as ami
from tests.sources.asterisk.captures import ALL, DIALPLAN, NOW, calls
from tests.sources.asterisk.test_captures import events as told_events
from tests.sources.asterisk.test_captures import outcome
from tests.sources.asterisk_ari.captures import as_captured, events, facts

NEAR = 0.005  # seconds: ARI shows milliseconds
PHONES = [name for name in ALL if name[0].isdecimal()]


def times(made: Projection) -> list[datetime | None]:
    call = made.call
    return [call.started_at, call.server_answered_at, call.connected_at, call.ended_at]


@pytest.mark.parametrize("name", ALL)
def test_call_is_what_ami_makes_of_it(name: str) -> None:
    by_ami, by_ari = (project(next(iter(calls(told).values()))) for told in (ami.facts(name), facts(name)))
    assert outcome(by_ari) == outcome(by_ami)
    assert told_events(by_ari) == told_events(by_ami)
    for one, other in zip(times(by_ari), times(by_ami), strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert abs((one - other).total_seconds()) <= NEAR
    assert [leg.agent.id for leg in by_ari.call.missed_agents if leg.agent.number] == [
        leg.agent.id for leg in by_ami.call.missed_agents if leg.agent.number
    ]
    assert [digit.digit for digit in by_ari.call.digits] == [digit.digit for digit in by_ami.call.digits]
    assert [r.id for r in by_ari.call.recordings] == [r.id for r in by_ami.call.recordings]


@pytest.mark.parametrize("name", ALL)
def test_call_when_facts_come_in_any_order_and_twice(name: str) -> None:
    dice = random.Random(name)
    for told in calls(facts(name)).values():
        again = told + dice.sample(told, max(len(told) // 10, 1))
        dice.shuffle(again)
        assert project(again) == project(told)


@pytest.mark.parametrize("name", PHONES)
def test_channels_cannot_be_joined_without_their_linkedid(name: str) -> None:
    first = next(event for event in as_captured(name) if "channel" in event)
    with pytest.raises(NotJoinedError):
        Events(DIALPLAN).read(first, NOW)


def test_recording_when_ari_makes_it() -> None:
    """WRITTEN FROM THE RULES: recordings of the captures are MixMonitor's."""
    first = next(event for event in events("busy") if event["type"] == "ChannelCreated")
    started = {
        "type": "RecordingStarted", "timestamp": first["timestamp"],
        "recording": {"name": "greeting", "format": "wav", "target_uri": f"channel:{first['channel']['id']}"},
    }  # fmt: skip
    reader = Events(DIALPLAN)
    told = reader.read(first, NOW) + reader.read(started, NOW)
    assert [recording.id for recording in project(told).call.recordings] == ["greeting.wav"]
    assert reader.read(started | {"recording": {"name": "x", "target_uri": "bridge:1"}}, NOW) == []


def test_hangup_request_when_the_pbx_itself_asks() -> None:
    asked = next(
        e for e in events("01_inbound_answered_caller_hangs_up") if e["type"] == "ChannelHangupRequest"
    )
    assert Events(DIALPLAN).read(asked, NOW) != []
    assert Events(DIALPLAN).read(asked | {"soft": True}, NOW) == []


def test_events_keep_their_order_whatever_their_milliseconds() -> None:
    event, reader = next(iter(events("busy"))), Events(DIALPLAN)
    first = datetime.fromisoformat(event["timestamp"])
    late = [event | {"timestamp": (first + timedelta(milliseconds=n)).isoformat()} for n in (0, 0, 1, 0)]
    at = [reader.read(one, NOW)[0].occurred_at for one in late]
    assert [(one - first).microseconds for one in at] == [0, 1, 1000, 1001]
    set_back = event | {"timestamp": (first - timedelta(seconds=5)).isoformat()}
    assert reader.read(set_back, NOW)[0].occurred_at == first - timedelta(seconds=5)


@pytest.mark.parametrize(
    "event",
    [
        {}, {"type": 7}, {"type": ["x"]}, {"type": "DeviceStateChanged"}, {"type": "ChannelVarset", "variable": "X"},
        {"type": "ChannelCreated", "channel": "x"}, {"type": "Dial", "peer": None}, {"type": "Dial"},
        {"type": "RecordingStarted"}, {"type": "BridgeAttendedTransfer"}, {"type": "ChannelUserevent"},
    ],
)  # fmt: skip
def test_event_when_it_says_nothing_about_a_call(event: dict[str, object]) -> None:
    assert Events(DIALPLAN).read(event, NOW) == []


@pytest.mark.parametrize(
    "stamp",
    [None, "yesterday", 7, "2026-11-20T09:00:00", "0001-01-01T00:00:00+1400", "9999-12-31T23:59:59-1400"],
)
def test_event_when_it_has_no_time(stamp: object) -> None:
    """The time of reading is used, and flagged; the order is kept."""
    event, reader = next(iter(events("busy"))) | {"timestamp": stamp}, Events(DIALPLAN)
    told = reader.read(event, NOW) + reader.read(event, NOW)
    assert [fact.occurred_at for fact in told] == [NOW, NOW + timedelta(microseconds=1)]
    assert {fact.data.flags for fact in told} == {("clock_received",)}


def test_channels_when_listed() -> None:
    channel = next(e["channel"] for e in events("busy") if e["type"] == "ChannelCreated")
    bridges = [
        {"id": "b1", "technology": "simple_bridge", "channels": [channel["id"], 7]},
        {"id": "b2", "technology": "holding_bridge", "channels": [channel["id"]]}, "x",
    ]  # fmt: skip
    [one] = listed([channel, 7], bridges)
    assert (one.get("Uniqueid"), one.get("BridgeId")) == (channel["id"], "b1")
    assert listed(None, {}) == []
