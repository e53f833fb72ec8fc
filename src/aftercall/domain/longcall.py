"""A call of many facts: folded on from its last state instead of from its start (promise 3). Pure.

Facts may come a little out of order. So an earlier state is kept beside the last one, with the facts since: what
belongs among those is told from there. Only what is older than all of them needs the whole call.
"""

from collections.abc import Collection, Iterable
from typing import Self

import msgspec

from aftercall.domain.event import IN_CALL, Derived
from aftercall.domain.fact import Fact, distinct, ordered
from aftercall.domain.project import Fold

SINCE = 128  # facts since the earlier state at most, half as many when it has moved up
WAITING = (
    500  # events of a call in progress that may not be said yet; of more, the oldest are of no use any more
)

_encode = msgspec.msgpack.encode
_fold = msgspec.msgpack.Decoder(Fold).decode
_fact = msgspec.msgpack.Decoder(Fact).decode


class Kept(msgspec.Struct, frozen=True):
    """The state as stored. What is not needed is not decoded."""

    last: msgspec.Raw  # a Fold
    earlier: msgspec.Raw  # a Fold
    since: tuple[msgspec.Raw, ...]  # Facts


_kept = msgspec.msgpack.Decoder(Kept).decode


class LongCall:
    def __init__(self, fold: Fold, earlier: Fold | msgspec.Raw, since: Iterable[msgspec.Raw]) -> None:
        self.fold = fold
        self._earlier = earlier
        self._since = list(since)

    @classmethod
    def begin(cls, facts: Collection[Fact]) -> Self:
        """From all the facts there are."""
        earlier, rest = _moved_up(Fold(), facts)
        fold = _fold(_encode(earlier))
        fold.extend(rest)
        return cls(fold, earlier, map(_raw, rest))

    @classmethod
    def resume(cls, state: bytes, new: Collection[Fact]) -> Self | None:
        """From what was kept, with what is new. None: it takes all the facts, `begin`."""
        try:
            kept = _kept(state)
            call = cls(_fold(kept.last), kept.earlier, kept.since)
            return call if call.add(new) else None
        except msgspec.MsgspecError:
            return None  # another version of this program has written it

    def add(self, new: Collection[Fact]) -> bool:
        """Fold facts that are not among those folded already. False: it takes all the facts."""
        if self.fold.follows(new):
            self.fold.extend(new)
        else:
            fold = _fold(self._earlier if isinstance(self._earlier, msgspec.Raw) else _encode(self._earlier))
            if not fold.follows(new):
                return False
            fold.extend([*map(_fact, self._since), *new])
            self.fold = fold
        self._since += map(_raw, new)
        return True

    def state(self, unsaid: Collection[Derived]) -> bytes:
        """What to keep, when all events but these have been said."""
        in_call = [event for event in unsaid if event.name in IN_CALL]
        too_old = in_call[: max(len(in_call) - WAITING, 0)]
        self.fold.leave([event for event in unsaid if event not in too_old] if too_old else unsaid)
        if len(self._since) > SINCE:
            earlier = _fold(self._earlier) if isinstance(self._earlier, msgspec.Raw) else self._earlier
            self._earlier, rest = _moved_up(earlier, [*map(_fact, self._since)])
            self._since = [*map(_raw, rest)]
        if isinstance(self._earlier, Fold):
            left = {(event.name, event.discriminator) for event in self.fold.events}
            self._earlier.leave([e for e in self._earlier.events if (e.name, e.discriminator) in left])
            self._earlier = msgspec.Raw(_encode(self._earlier))
        return _encode(Kept(msgspec.Raw(_encode(self.fold)), self._earlier, tuple(self._since)))


def _moved_up(fold: Fold, facts: Collection[Fact]) -> tuple[Fold, list[Fact]]:
    """The fold with all but the last of the facts, and those; with all of them if those do not follow."""
    told = ordered(distinct(facts))
    cut = max(len(told) - SINCE // 2, 0)
    for fact in told[:cut]:
        fold.apply(fact)
    if fold.follows(told[cut:]):
        return fold, told[cut:]
    for fact in told[cut:]:
        fold.apply(fact)
    return fold, []


def _raw(fact: Fact) -> msgspec.Raw:
    return msgspec.Raw(_encode(fact))
