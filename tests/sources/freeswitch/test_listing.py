# What `show channels` and `show calls` say after a gap, and what is made of it. Rows are written from FreeSWITCH's
# source (the views channels and calls of its core database).

import json
from typing import Any

import pytest

from aftercall.domain.fact import Fact, Kind
from aftercall.domain.project import project
from aftercall.sources.freeswitch.framing import Frame
from aftercall.sources.freeswitch.listing import Listing
from aftercall.sources.freeswitch.reader import Reader
from tests.sources.freeswitch.pbx import CALLER, DIALPLAN, NOW, SOURCE, Pbx, facts, frame

A, B = "a-0000-4000", "b-0000-4000"
CHANNELS = [
    {"uuid": A, "direction": "inbound", "name": "sofia/external/+14085551234@198.51.100.7", "state": "CS_EXECUTE",
     "cid_num": CALLER, "dest": "+14085559876", "callstate": "ACTIVE", "call_uuid": A},
    {"uuid": B, "direction": "outbound", "name": "sofia/internal/101@192.0.2.9:5060", "state": "CS_EXCHANGE_MEDIA",
     "cid_num": CALLER, "dest": "101", "callstate": "ACTIVE", "call_uuid": A},
]  # fmt: skip
CALLS = [{"uuid": A, "b_uuid": B, "callstate": "ACTIVE", "b_callstate": "ACTIVE"}]


def answer(rows: list[Any]) -> Frame:
    said = {"row_count": len(rows), "rows": rows} if rows else {"row_count": 0}
    return Frame({"content-type": "api/response"}, json.dumps(said).encode())


def listed(
    open_calls: dict[str, frozenset[str]], channels: list[Any], calls: list[Any], *meanwhile: Frame
) -> list[Fact]:
    listing = Listing(open_calls, Reader(SOURCE, DIALPLAN, open_calls), NOW)
    found = listing.take([*meanwhile, answer(channels), answer(calls)])
    assert found is not None
    return found


def test_call_that_was_never_heard_of_is_there() -> None:
    call = project(listed({}, CHANNELS, CALLS)).call
    assert (call.phase, call.from_, call.direction) == ("connected", CALLER, "inbound")
    assert call.agent is not None
    assert call.agent.id == "101"
    assert set(call.data_quality) == {"gap", "start_missing"}


def test_call_that_was_heard_of_goes_on() -> None:
    heard = facts(Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").said)
    call = project([*heard, *listed({A: frozenset({A, B})}, CHANNELS, CALLS)]).call
    assert (call.phase, call.status, call.data_quality) == ("connected", None, ("gap",))


def test_leg_that_is_gone_has_ended() -> None:
    heard = facts(Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").talk(5, "a", "b").said)
    told = listed({A: frozenset({A, B})}, CHANNELS[:1], [])
    assert [(fact.kind, fact.leg) for fact in told if fact.kind is Kind.ENDED] == [(Kind.ENDED, B)]
    assert project([*heard, *told]).call.phase != "connected"


def test_call_that_is_gone_has_ended() -> None:
    heard = facts(Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").said)
    call = project([*heard, *listed({A: frozenset({A, B})}, [], [])]).call
    assert (call.ended_at, call.status, call.data_quality) == (NOW, "missed", ("gap",))


def test_true_end_replaces_a_presumed_one() -> None:
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").talk(5, "a", "b")
    presumed = listed({A: frozenset({A, B})}, [], [])
    call = project([*facts(pbx.hang_up(25, "a", "b").said), *presumed]).call
    assert call.hangup is not None
    assert (call.duration_seconds, call.hangup.by) == (25, "caller")


def test_leg_that_came_or_went_meanwhile_is_told_of_by_its_events() -> None:
    gone = Pbx().caller().gone(1, "a").events[-1]
    [decoded] = Reader(SOURCE, DIALPLAN).decoder.feed(frame(gone))
    assert not [fact for fact in listed({}, CHANNELS, CALLS, decoded) if fact.leg == A]


def test_calls_are_flagged_when_the_list_is_refused() -> None:
    listing = Listing({A: frozenset({A})}, Reader(SOURCE, DIALPLAN), NOW)
    [fact] = listing.take([Frame({"content-type": "api/response"}, b"-ERR permission denied\n")]) or []
    assert (listing.denied, fact.kind, fact.data.flags) == (True, Kind.NOTED, ("gap",))


@pytest.mark.parametrize("bad", [None, 17, "x", [], {}, {"uuid": None}, {"uuid": ["a"]}])
def test_rows_that_say_nothing_are_passed_over(bad: Any) -> None:
    assert listed({}, [bad, *CHANNELS], [bad, *CALLS]) == listed({}, CHANNELS, CALLS)


@pytest.mark.parametrize("name", list(CHANNELS[0]))
@pytest.mark.parametrize("bad", [None, [], {}, 17, "x" * 300])
def test_bad_values_break_nothing(name: str, bad: Any) -> None:
    assert isinstance(listed({}, [CHANNELS[0] | {name: bad}], CALLS), list)
