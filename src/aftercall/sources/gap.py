"""What became of calls while nobody listened (H15): a PBX repeats nothing, so what it no longer has is over.

Whoever keeps the connection asks for the legs still there, and gives what came back to these functions.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from aftercall.domain.fact import Data, Fact, Hangup, Kind, Line

FLAG = "gap"
GAP = (FLAG,)


def vanished(open_calls: Iterable[str], there: Iterable[Fact], at: datetime) -> list[Fact]:
    """Calls open at us that the PBX no longer has: they ended unseen, at the latest now.

    After a restart of the PBX none is there any more.
    """
    alive = {fact.call_key for fact in there}
    return [
        Fact(
            kind=Kind.ENDED,
            call_key=key,
            occurred_at=at,
            natural_id=f"vanished:{at.isoformat()}",
            received_at=at,
            data=Data(hangup=Hangup(by="unknown"), flags=GAP),
            line=Line(),
        )
        for key in open_calls
        if key not in alive
    ]


def legs_gone(
    open_calls: Mapping[str, frozenset[str]],
    there: Iterable[Fact],
    told: Collection[str | None],
    at: datetime,
) -> list[Fact]:
    """Legs that ended unseen, of calls that go on: who waits for them would never hear of their end.

    `told`: legs whose coming or going was heard of since the list was asked for.
    """
    listed = {(fact.call_key, fact.leg) for fact in there}
    alive = {key for key, _ in listed}
    return [
        _of_gap(Kind.ENDED, key, leg, at)
        for key, legs in open_calls.items()
        if key in alive
        for leg in sorted(legs)
        if (key, leg) not in listed and leg not in told
    ]


def flagged(open_calls: Iterable[str], at: datetime) -> list[Fact]:
    """Something of these calls was missed, and nobody knows what; the watchdog ends those that are over."""
    return [_of_gap(Kind.NOTED, key, None, at) for key in open_calls]


def _of_gap(kind: Kind, key: str, leg: str | None, at: datetime) -> Fact:
    return Fact(
        kind=kind,
        call_key=key,
        occurred_at=at,
        natural_id=f"gap:{leg or ''}:{at.isoformat()}",
        received_at=at,
        leg=leg,
        data=Data(hangup=Hangup(by="unknown") if leg else None, flags=GAP),
        line=Line() if leg else None,
    )
