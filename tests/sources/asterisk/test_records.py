# CEL and CDR: evidence beside the live events. Frames are captured where a capture has them; those of a patched
# Asterisk (MIXMONITOR_START) and of CELGenUserEvent are WRITTEN FROM THE RULES.

import json
import re
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from aftercall.domain.fact import Fact
from aftercall.domain.project import project
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.gap import still_there
from aftercall.sources.asterisk.message import event_of, read, value_in
from aftercall.sources.asterisk.reader import MAX_CALLS, Reader
from aftercall.sources.gap import vanished
from tests.sources.asterisk.captures import ALL, DIALPLAN, NOW, calls, folded, stream
from tests.sources.asterisk.pbx import Pbx
from tests.sources.asterisk.test_captures import events

NEAR = timedelta(milliseconds=10)


def frames(name: str) -> list[bytes]:
    return Framer().feed(stream(name))


def heard(told: list[bytes], dialplan: Dialplan = DIALPLAN) -> list[Fact]:
    return Reader(dialplan).read(told, NOW)


def is_record(frame: bytes) -> bool:
    return event_of(frame) in {"CEL", "Cdr"}


def same(one: Any, other: Any) -> bool:
    """Equal, but for times: a log and an event are not written at one instant."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return abs(one - other) <= NEAR
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def plain(told: list[Fact]) -> Any:
    """A call and the events that tell it, without the discriminators that hold a time."""
    made = project(told)
    call = msgspec.to_builtins(made.call, builtin_types=(datetime,))
    return call, [(event.name, event.details) for event in made.events]


@pytest.mark.parametrize("name", ALL)
def test_call_is_the_same_with_and_without_records(name: str) -> None:
    whole, live = (
        calls(heard(told)) for told in (frames(name), [f for f in frames(name) if not is_record(f)])
    )
    assert whole.keys() == live.keys()
    for key in whole:
        assert same(plain(whole[key]), plain(live[key]))


def test_voicemail_is_told_by_cel_when_the_dialplan_is_not_heard() -> None:
    told = [frame for frame in frames("voicemail") if event_of(frame) not in {"Newexten", "VarSet"}]
    assert project(heard(told)).call.status == "voicemail"


@pytest.mark.parametrize("app", ["Read", "BackGround"])
def test_menu_is_told_by_cel_when_the_dialplan_is_not_heard(app: str) -> None:
    pbx = Pbx().caller().state(1, 0, "Up")
    cel(pbx, 1.1, "APP_START", Application=app, Context="ivr-main").ask(5, 0).gone(5.001, 0)
    call = project(Reader(DIALPLAN).feed(pbx.written, NOW)).call
    assert (call.ivr and call.ivr.name, call.reason) == ("Main menu", "caller_hangup_in_ivr")


@pytest.mark.parametrize(
    "name", ["31_blind_transfer_refer", "blind_transfer", "34_attended_transfer_replaces"]
)
def test_transfer_is_told_by_cel_when_the_event_is_filtered(name: str) -> None:
    kinds = {"BlindTransfer", "AttendedTransfer"}
    first, *_ = calls(heard(frames(name))).values()
    without, *_ = calls(heard([f for f in frames(name) if event_of(f) not in kinds])).values()
    told = [[e.details["transfer"] for e in project(facts).events if e.name == "call.transferred"]
            for facts in (first, without)]  # fmt: skip
    assert len(told[0]) == 1
    assert told[0] == told[1]


@pytest.mark.parametrize("order", [1, -1])
def test_transfer_is_told_once_whichever_record_comes_first(order: int) -> None:
    told = heard(frames("31_blind_transfer_refer"))
    [event] = [f for f in told if f.kind.name == "TRANSFERRED" and f.natural_id.startswith("BlindTransfer")]
    [log] = [f for f in told if f.kind.name == "TRANSFERRED" and f.natural_id.startswith("CEL")]
    late = msgspec.structs.replace(log, occurred_at=event.occurred_at + order * timedelta(milliseconds=3))
    assert events(project([f for f in told if f is not log] + [late])) == events(project(told))


def cel(pbx: Pbx, at: float, name: str, **fields: Any) -> Pbx:
    who = {"UniqueID": pbx.channels[0]["Uniqueid"], "LinkedID": pbx.channels[0]["Linkedid"]}
    return pbx.say(at, "CEL", EventName=name, Channel=pbx.channels[0]["Channel"], **who, **fields)


def test_recording_is_told_by_cel_and_by_the_variable_once() -> None:
    pbx, file = Pbx().caller(), "/var/spool/asterisk/monitor/a-1.wav"
    pbx.say(1, "VarSet", **pbx.of(0), Variable="MIXMONITOR_FILENAME", Value=file)
    cel(pbx, 1.001, "MIXMONITOR_START", Extra=json.dumps({"filename": file, "mixmonitor_id": "0x1"}))
    made = project(Reader(DIALPLAN).feed(pbx.written, NOW))
    assert [recording.id for recording in made.call.recordings] == ["a-1.wav"]
    assert events(made).count("recording_started") == 0  # told aside; see test_captures
    assert [event.name for event in made.events].count("call.recording_started") == 1


def test_menu_and_fields_are_told_by_celgenuserevent() -> None:
    pbx = Pbx().caller()
    said = {"extra": "IvrId: 3112,IvrName: Main menu"}
    cel(pbx, 1, "USER_DEFINED", UserDefType="AfterCallIVR", Extra=json.dumps(said))
    cel(
        pbx,
        2,
        "AfterCallSet",
        UserDefType="AfterCallSet",
        Extra=json.dumps({"extra": "Order: 4711,Linkedid: 1"}),
    )
    cel(pbx, 3, "USER_DEFINED", UserDefType="CAMPAIGN", Extra=json.dumps({"extra": "autumn"}))
    plan = msgspec.structs.replace(DIALPLAN, variables={"CAMPAIGN": "campaign"})
    call = project(Reader(plan).feed(pbx.written, NOW)).call
    assert (call.ivr and call.ivr.id, call.ivr and call.ivr.name) == ("3112", "Main menu")
    assert call.custom_fields == {"order": "4711", "campaign": "autumn"}


@pytest.mark.parametrize("extra", ["", "{", "[1]", '{"filename": 7}', '{"filename": ""}', "[" * 4000])
def test_extra_when_it_is_not_what_it_should_be(extra: str) -> None:
    pbx = Pbx().caller()
    for name in ("MIXMONITOR_START", "BLINDTRANSFER", "ATTENDEDTRANSFER"):
        cel(pbx, 1, name, Extra=extra)
    assert project(Reader(DIALPLAN).feed(pbx.written, NOW)).call.recordings == ()


def test_billable_when_the_answer_was_not_seen() -> None:
    """The reader came back in mid-call. The PBX's accounting, seven hours ahead of UTC, says what was missed."""
    told = frames("81_ami_connection_lost")
    rows = [re.sub(rb"2026-11-20 09", b"2026-11-20 16", frame) for frame in told if event_of(frame) == "Cdr"]
    there = still_there([read(frame) for frame in frames("81_part2")], DIALPLAN, NOW)
    over = vanished({there[0].call_key}, [], NOW + timedelta(seconds=1))
    reader = Reader(DIALPLAN, [there[0].call_key])
    evidence = reader.read(rows, NOW + timedelta(minutes=5))
    assert [fact.data.billable_seconds for fact in evidence] == [7]
    assert project(there + over).call.billable_seconds == 1
    call = project(there + over + evidence).call
    assert (call.billable_seconds, call.talk_time_seconds, call.ended_at) == (
        7,
        1,
        NOW + timedelta(seconds=1),
    )


def test_cdr_when_its_call_was_never_heard_of() -> None:
    """Rows that were held back (`batch`) come for calls before our time: no call is made of them."""
    rows = [frame for frame in frames("01_inbound_answered_caller_hangs_up") if event_of(frame) == "Cdr"]
    assert rows
    assert heard(rows) == []
    assert value_in(rows[0], b"LinkedID: ") is not None
    known = Reader(DIALPLAN, ["1795167761.0"])
    assert known.read(rows, NOW) != []


def test_calls_are_remembered_up_to_a_limit() -> None:
    reader = Reader(DIALPLAN, map(str, range(MAX_CALLS)))
    reader.feed(Pbx().caller().written, NOW)
    assert len(reader._calls) == MAX_CALLS
    assert "0" not in reader._calls


def test_talk_is_not_what_accounting_says() -> None:
    told = heard(frames("17_queue_first_misses_second_answers"))
    assert max(fact.data.billable_seconds or 0 for fact in told) > 5
    assert folded(told).talk.total.total_seconds() == pytest.approx(5, abs=0.05)
