"""What passes between the engine and the store about sources' input: rows and queries. Values only."""

from datetime import datetime
from typing import Literal

import msgspec

Result = Literal["taken", "ignored", "unparsable", "refused"]
What = Literal["taken", "duplicate", "ignored", "unparsable", "refused", "limited", "gaps"]

MAX_GIVEN = 1_000  # facts that an input names


class Given(msgspec.Struct, frozen=True, array_like=True):
    """A fact that an input told; `known` when another input had told it before."""

    call_key: str
    natural_id: str
    known: bool = False


class Input(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request of a source. `size` is the body's, `body` what is kept of it.

    `shifted` is by how many seconds its times were put right; `error` says why it gave nothing or not all.
    """

    id: str
    account_id: str
    source_id: str
    received_at: datetime
    expires_at: datetime
    result: Result
    path: str = ""
    query: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""
    size: int = 0
    error: str | None = None
    shifted: float = 0.0
    given: tuple[Given, ...] = ()
    call_ids: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return len(self.body) == self.size and len(self.given) < MAX_GIVEN


class InputQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a source's input, newest first unless told otherwise."""

    source_id: str
    result: tuple[Result, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 50
    bodies: bool = False  # else they are left out
    oldest_first: bool = False


class Counts(msgspec.Struct):
    """Facts taken and known already; records that said nothing or could not be read; requests turned away."""

    taken: int = 0
    duplicate: int = 0
    ignored: int = 0
    unparsable: int = 0
    refused: int = 0  # not verified, paused, or not stored
    limited: int = 0  # too many at once
    gaps: int = 0  # connections lost

    def add(self, what: What, count: int) -> None:
        setattr(self, what, getattr(self, what) + count)

    def merge(self, other: "Counts") -> None:
        for what in self.__struct_fields__:
            setattr(self, what, getattr(self, what) + getattr(other, what))


class Hour(msgspec.Struct, omit_defaults=True):
    """One hour of one source on one node; `minutes` are what arrived in each of its sixty."""

    number: int  # hours since the epoch
    counts: Counts = msgspec.field(default_factory=Counts)
    minutes: list[int] = msgspec.field(default_factory=lambda: [0] * 60)
    last_at: datetime | None = None


class HourRow(msgspec.Struct, frozen=True, kw_only=True):
    """An hour as stored."""

    account_id: str
    source_id: str
    incarnation: str
    hour: Hour
