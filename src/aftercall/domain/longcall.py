"""A call of many facts: folded on from its last state instead of from its start (promise 3). Pure.

Facts may come a little out of order. So an earlier state is kept beside the last one, with the facts since: what
belongs among those is told from there. Only what is older than all of them needs the whole call.
"""

from collections.abc import Collection
from typing import Self

import msgspec

from aftercall.domain.event import IN_CALL, Derived
from aftercall.domain.fact import Fact, distinct, ordered
from aftercall.domain.project import Fold, Projection

SINCE = 128  # facts since the earlier state at most, half as many when it has moved up
WAITING = (
    500  # events of a call in progress that may not be said yet; of more, the oldest have become useless
)

_encode = msgspec.msgpack.encode
_fold = msgspec.msgpack.Decoder(Fold).decode
_decode_fact = msgspec.msgpack.Decoder(Fact).decode


class Kept(msgspec.Struct, frozen=True):
    """The state as stored. What is not needed is not decoded."""

    last: msgspec.Raw  # a Fold
    earlier: msgspec.Raw  # a Fold
    since: tuple[msgspec.Raw, ...]  # Facts


_kept = msgspec.msgpack.Decoder(Kept).decode


class LongCall:
    """Takes facts as a Fold does; `stored` is what `state` once gave."""

    def __init__(self) -> None:
        self.fold = Fold()
        self._earlier = _raw(self.fold)
        self._since: list[Fact | msgspec.Raw] = []

    @classmethod
    def stored(cls, state: bytes) -> Self | None:
        """None when another version of this program has written it."""
        call = cls()
        try:
            kept = _kept(state)
            call.fold = _fold(kept.last)
        except msgspec.MsgspecError:
            return None
        call._earlier, call._since = kept.earlier, list(kept.since)
        return call

    def follows(self, new: Collection[Fact]) -> bool:
        """Whether these may be added, which are not among those folded already. Otherwise it takes all facts."""
        return self.fold.follows(new) or _fold(self._earlier).follows(new)

    def extend(self, new: Collection[Fact]) -> None:
        """Add facts that follow."""
        if not self.fold.follows(new) and (earlier := _fold(self._earlier)).follows(new):
            earlier.extend([*map(_fact, self._since), *new])
            self.fold = earlier
        else:
            self.fold.extend(new)
        self._since += new

    def read(self) -> Projection:
        return self.fold.read()

    def state(self, unsaid: Collection[Derived]) -> bytes:
        """What to keep, when all events but these have been said."""
        self.fold.leave(_waiting(unsaid))
        if len(self._since) > SINCE:
            self._move_up()
        since = tuple(fact if isinstance(fact, msgspec.Raw) else _raw(fact) for fact in self._since)
        return _encode(Kept(_raw(self.fold), self._earlier, since))

    def _move_up(self) -> None:
        """Let the earlier state take in all but the last facts since; all of them if those do not follow."""
        earlier, told = _fold(self._earlier), ordered(distinct(map(_fact, self._since)))
        cut = len(told) - SINCE // 2
        for fact in told[:cut]:
            earlier.apply(fact)
        if not earlier.follows(told[cut:]):
            earlier, cut = self.fold, len(told)
        left = {(event.name, event.discriminator) for event in self.fold.events}
        earlier.leave([event for event in earlier.events if (event.name, event.discriminator) in left])
        self._earlier, self._since = _raw(earlier), list(told[cut:])


def _waiting(unsaid: Collection[Derived]) -> list[Derived]:
    useless = sum(event.name in IN_CALL for event in unsaid) - WAITING
    left = []
    for event in unsaid:
        if useless > 0 and event.name in IN_CALL:
            useless -= 1
        else:
            left.append(event)
    return left


def _fact(fact: Fact | msgspec.Raw) -> Fact:
    return _decode_fact(fact) if isinstance(fact, msgspec.Raw) else fact


def _raw(value: Fold | Fact) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
