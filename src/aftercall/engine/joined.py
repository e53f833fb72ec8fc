"""The other records of a call, in the hands of the one they live on as, within one transaction (H8, H16)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.call import Call, Link
from aftercall.domain.fact import Fact
from aftercall.domain.linked import marked, renamed, tell
from aftercall.domain.project import Projection

if TYPE_CHECKING:
    from aftercall.engine.draft import Draft


class Other(msgspec.Struct):
    """A record merged into the call: where its facts are, and those that came in now."""

    call_id: str
    source: Source
    call_key: str
    new: dict[str, Fact]
    old: list[Fact] = []

    def facts(self) -> list[Fact]:
        return [*self.old, *self.new.values()]


class Joined:
    """`absorbed` are those of the others that are written in this transaction: merged now, or with new facts."""

    def __init__(self, survivor: "Draft", others: Sequence[Other], absorbed: Sequence["Draft"]) -> None:
        self.others, self.absorbed = sorted(others, key=lambda o: (o.source.id, o.call_key)), absorbed
        self.sources = {source.id: source for source in (survivor.source, *(o.source for o in others))}
        self.leader = survivor.source
        own = Link(survivor.id, survivor.source.id, survivor.call_key)
        self.links = (own, *(Link(o.call_id, o.source.id, o.call_key) for o in self.others))
        grown = any(draft.before is None or draft.before.merged_into is None for draft in absorbed)
        self.one_source = len(self.sources) == 1
        self.goes_on = self.one_source and not grown  # a fold of all that was known may go on

    def new(self, own: Iterable[Fact]) -> list[Fact]:
        """What has come in, under whatever key, as the story of one source goes on with it."""
        return [renamed(f) for f in (*own, *(f for other in self.others for f in other.new.values()))]

    def all(self, own: Iterable[Fact]) -> list[Fact]:
        return [renamed(f) for f in (*own, *(f for other in self.others for f in other.facts()))]

    def tell(self, own: Sequence[Fact]) -> Projection:
        """The call as all its facts tell it."""
        facts = {self.links[0].call_id: own, **{other.call_id: other.facts() for other in self.others}}
        told = tell(self.links, facts)
        self.leader = self.sources[told_by(told.call, self.leader.id)]
        return told

    def marked(self, projection: Projection) -> Projection:
        call = marked(projection.call, self.links, self.leader.id)
        return msgspec.structs.replace(projection, call=call)

    def timing(self, timings: Mapping[str, Timing]) -> Timing:
        """A call settles when the slowest of its sources has had its time."""
        each = [timing_of(source, timings) for source in self.sources.values()]
        return Timing(*(max(getattr(t, name) for t in each) for name in Timing.__struct_fields__))


def timing_of(source: Source, timings: Mapping[str, Timing]) -> Timing:
    return source.timing or timings.get(source.type) or Timing()


def told_by(call: Call, source_id: str) -> str:
    """The source whose account of the call leads; `source_id` is that of the record."""
    return next((link.source_id for link in call.links if link.primary), source_id)
