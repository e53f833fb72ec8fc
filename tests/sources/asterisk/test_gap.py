# Connections that were lost: 81 has what three connections of one reader saw, 90 a PBX that was stopped.

from datetime import UTC, datetime

from aftercall.domain.project import project
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.gap import still_there
from aftercall.sources.asterisk.message import Message, read
from aftercall.sources.asterisk.reader import Reader
from aftercall.sources.gap import vanished
from tests.sources.asterisk.captures import DIALPLAN, NOW, TRUTH, first_call, stream

LOST = "81_ami_connection_lost"


def listed(name: str) -> list[Message]:
    return [read(frame) for frame in Framer().feed(stream(name))]


def test_call_when_the_connection_is_lost_twice() -> None:
    first, second, third = (datetime.fromtimestamp(at, UTC) for at in TRUTH[LOST]["parts_at"])
    told = Reader(DIALPLAN).feed(stream("81_part1"), first)
    open_calls = {fact.call_key for fact in told}
    for name, at in (("81_part2", second), ("81_part3", third)):
        there = still_there(listed(name), DIALPLAN, at)
        told += there + vanished(open_calls, there, at)
    made = project(told)
    call = made.call
    assert (call.direction, call.status, call.reason) == ("inbound", "answered", None)
    assert call.agent is not None
    assert call.agent.id == "101"
    assert call.hangup is not None
    assert call.hangup.by == "unknown"
    assert call.data_quality == ("gap",)
    # Nobody saw the answer or the end: they are dated to when they were known.
    assert (call.connected_at, call.ended_at) == (second, third)
    assert project(told[::-1]) == made


def test_call_when_the_connection_was_there_all_the_time() -> None:
    assert vanished([], [], NOW) == []
    assert project(first_call(LOST)).call.data_quality == ()


def test_call_when_the_pbx_was_restarted_and_has_no_calls() -> None:
    [key] = {fact.call_key for fact in first_call("90_pbx_stop_now_mid_call")}
    there = still_there(listed("90_after"), DIALPLAN, NOW)
    alive = [f for f in first_call("90_pbx_stop_now_mid_call") if f.kind.name != "ENDED"]
    call = project([*alive, *vanished([key], there, NOW)]).call
    assert (call.status, call.data_quality, call.ended_at) == ("answered", ("gap",), NOW)


def test_call_when_its_beginning_was_not_seen() -> None:
    call = project(still_there(listed("81_part2"), DIALPLAN, NOW)).call
    assert (call.direction, call.from_, call.phase) == ("inbound", "447700900123", "connected")
    assert call.agent is not None
    assert call.agent.id == "101"
    assert call.data_quality == ("gap", "start_missing")
