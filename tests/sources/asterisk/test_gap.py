# Connections that were lost: 81 has what three connections of one reader saw, 90 a PBX that was stopped.

from datetime import UTC, datetime, timedelta

from aftercall.domain.fact import Fact
from aftercall.domain.project import project
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.gap import still_there, still_waiting
from aftercall.sources.asterisk.message import Message, read
from aftercall.sources.asterisk.reader import Reader
from aftercall.sources.gap import vanished
from tests.sources.asterisk.captures import DIALPLAN, NOW, TRUTH, first_call, stream
from tests.sources.asterisk.pbx import Pbx

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


# Callers in a queue: the lists are written from the rules (app_queue's QueueEntry), nobody waited in a capture.


def entry(number: int, wait: int) -> Message:
    return read(
        b"Event: QueueEntry\nQueue: support\nPosition: 1\nChannel: PJSIP/carrier-00000000\n"
        b"Uniqueid: 1795168800.%d\nCallerIDNum: 447700900123\nWait: %d" % (number, wait)
    )


def waiting(pbx: Pbx, *, known: bool, wait: int = 40) -> list[Fact]:
    """What is told after a connection was made: a channel that is up, in no bridge, in a queue."""
    channel = "".join(f"{name}: {value}\n" for name, value in pbx.of(0).items())
    there = still_there([read(f"Event: CoreShowChannel\n{channel}".encode())], DIALPLAN, NOW)
    return there + still_waiting([entry(0, wait), entry(7, 1)], there, ["1795168800.0"] if known else [], NOW)


def test_caller_when_waiting_in_a_queue_before_and_after_the_gap() -> None:
    pbx = Pbx(start=NOW - timedelta(seconds=40)).caller().state(0.01, 0, "Up")
    pbx.say(0.02, "QueueCallerJoin", **pbx.of(0), Queue="support", Position=1)
    told = Reader(DIALPLAN).feed(pbx.written, NOW) + waiting(pbx, known=True)
    made = project(told)
    assert [e.name for e in made.events].count("call.department_entered") == 1
    assert (made.call.phase, made.call.data_quality) == ("queued", ("gap",))
    assert project(told[::-1]) == made


def test_caller_when_they_joined_the_queue_in_the_gap() -> None:
    pbx = Pbx(start=NOW - timedelta(seconds=60)).caller().state(0.01, 0, "Up")
    made = project(Reader(DIALPLAN).feed(pbx.written, NOW) + waiting(pbx, known=True))
    assert (made.call.queue and made.call.queue.name, made.call.phase) == ("support", "queued")
    assert made.call.data_quality == ("gap",)


def test_caller_when_first_heard_of_in_a_queue() -> None:
    """They give up afterwards: abandoned, having waited since they joined."""
    pbx = Pbx(start=NOW).caller().state(0, 0, "Up")
    pbx.written = b""
    pbx.ask(5, 0).gone(5.001, 0)
    call = project(waiting(pbx, known=False) + Reader(DIALPLAN).feed(pbx.written, NOW)).call
    assert (call.direction, call.status, call.reason) == ("inbound", "abandoned", "caller_hangup_in_queue")
    assert (call.from_, call.wait_seconds) == ("447700900123", 45)
    assert call.data_quality == ("gap", "start_missing")
