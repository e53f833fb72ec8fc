# Facts about single legs of a switch, as anything might tell them: nothing breaks, no order matters.

import random
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from aftercall.domain.fact import Agent, Data, Fact, Hangup, Kind, Line, Named, Transfer, ordered
from aftercall.domain.fold.switch import HEARD
from aftercall.domain.project import Fold, project
from tests.domain.calls import ASHA, BEN, START

KINDS = [*HEARD, Kind.NOTED]
LEGS = st.sampled_from([None, "1", "2", "3", "4"])
BRIDGES = st.sampled_from([None, "x", "y"])


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    told = []
    for n in range(draw(st.integers(1, 14))):
        leg = draw(LEGS)
        line = Line(
            pair=draw(st.sampled_from([None, None, "p"])),
            half=draw(st.sampled_from([None, 1, 2])),
            first=leg == "1",
            dialed_by=draw(st.sampled_from([None, "", "1", "2"])),
            bridge=draw(BRIDGES),
            holding=draw(st.booleans()),
        )
        data = Data(
            direction=draw(st.sampled_from([None, "inbound", "outbound"])),
            from_=draw(st.sampled_from([None, "1001"])),
            agent=draw(st.sampled_from([None, ASHA, BEN, Agent()])),
            ivr=draw(st.sampled_from([None, Named("m")])),
            digit="1",
            reason=draw(st.sampled_from([None, "caller_cancelled", "busy"])),
            hangup=draw(st.sampled_from([None, Hangup(cause_code=16), Hangup(cause_code=26)])),
            transfer=draw(st.sampled_from([None, Transfer()])),
            flags=draw(st.sampled_from([(), ("merged",), ("gap",)])),
        )
        at = START + timedelta(seconds=draw(st.integers(0, 20)))
        kind = draw(st.sampled_from(KINDS))
        told.append(
            Fact(kind=kind, call_key="c", occurred_at=at, natural_id=str(n), leg=leg, data=data, line=line)
        )
    return told


@given(facts(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_call_when_legs_are_told_in_any_order_and_again(told: list[Fact], dice: random.Random) -> None:
    expected = project(told)
    again = [*told, *told[:3]]
    dice.shuffle(again)
    assert project(again) == expected


@given(facts())
@settings(deadline=None)
def test_call_when_legs_are_told_one_by_one_over_a_restart(told: list[Fact]) -> None:
    fold = Fold()
    for fact in ordered(told):
        fold.extend([fact])
        fold = msgspec.json.decode(msgspec.json.encode(fold), type=Fold)
    assert fold.read() == project(told)


def test_story_when_no_leg_is_told_has_no_board() -> None:
    fold = Fold()
    fold.extend([Fact(kind=Kind.RECEIVED, call_key="c", occurred_at=START, natural_id="1")])
    assert fold.board is None
