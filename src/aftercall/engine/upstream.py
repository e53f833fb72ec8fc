"""What the engine knows of sources: those that post, those that sign, those that are listened to."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from mmap import mmap
from typing import Literal, Protocol, runtime_checkable

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.fact import Fact
from aftercall.engine.ports import Clock

# What an upstream hears when what it sent cannot be read: `accept` where another try would bring the same again or
# nobody reads the answer (it is kept here, listed, and can be read again); `refuse` where the sender learns from it.
Unparsable = Literal["accept", "refuse"]


class Reply(msgspec.Struct, frozen=True):
    """What a source wants to hear when its request was taken in. Header names in lower case."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Parsed(msgspec.Struct, frozen=True):
    """What a source made of a request: its facts, and the items it could not read, each with the reason.

    `why` is the reason where it made nothing of it at all. `reply` is for a request that wants to hear something
    else than others of its source.
    """

    facts: tuple[Fact, ...] = ()
    errors: tuple[tuple[int, str], ...] = ()  # (index of the item, what is wrong with it)
    ignored: int = 0
    why: str | None = None
    reply: Reply | None = None


class SourceType(Protocol):
    """One upstream: parse what it sends. No state, no rules. Whoever knows the source's token may send."""

    timing: Timing
    unparsable: Unparsable

    def parse(self, source: Source, path: str, headers: dict[str, str], body: bytes) -> Parsed: ...


@runtime_checkable
class ConfiguredType(Protocol):
    """An upstream whose sources have settings of their own."""

    def check_settings(self, source: Source) -> None:
        """Raise Invalid, naming the setting, for settings that make no sense."""
        ...


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a source sent, as it was sent. `url` is the one its sender was given: what signatures cover."""

    url: str  # public, with the query, byte for byte
    path: str = ""  # what follows the source's id
    query: str = ""
    headers: dict[str, str] = {}  # names in lower case
    body: bytes = b""
    now: datetime


@runtime_checkable
class RequestType(Protocol):
    """An upstream of which more than the body matters. Told by the source's token, like a SourceType."""

    timing: Timing
    reply: Reply
    unparsable: Unparsable

    def read(self, source: Source, request: Request) -> Parsed:
        """The facts of a request whose sender is known. Pure, as `parse` is."""
        ...


@runtime_checkable
class SignedType(RequestType, Protocol):
    """An upstream that signs its requests. Its secret is the source's `token`."""

    def verify(self, source: Source, request: Request) -> None:
        """Raise Unauthenticated unless the request was signed with one of the source's secrets."""
        ...


@runtime_checkable
class MappedType(RequestType, ConfiguredType, Protocol):
    """An upstream whose requests are read by a mapping, which each source may change in its settings."""

    takes_get: bool  # some vendors send their events as a query


@runtime_checkable
class StreamedType(SignedType, Protocol):
    """One that also sends recordings: such a request does not go through memory."""

    largest: int  # bytes that a body may have

    def hear(self, source: Source, request: Request, body: mmap) -> Parsed:
        """Verify and read a request whose body is larger than usual; `request.body` is empty. Runs in a thread."""
        ...


class Lost(Exception):
    """A connection that could not be made, or ended; a question that got no answer that could be used.

    The text is for people and holds no secrets.
    """


class Refused(Lost):
    """The other side says no: a wrong password, say. Tried again, but slowly."""


class Dial(Protocol):
    """Opens a stream through the door: its rules on addresses apply, its NetError is raised."""

    async def __call__(
        self, host: str, port: int, *, tls: bool, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]: ...


class Upstream(Protocol):
    """What a source that keeps a connection may ask of the engine."""

    dial: Dial
    clock: Clock

    async def open_calls(self) -> dict[str, frozenset[str]]:
        """The source's calls that have not ended as far as we know: by key, their legs that have not."""
        ...

    async def deliver(self, facts: Sequence[Fact]) -> None:
        """Have them committed. Returns at once, but waits while too many are waiting already."""
        ...

    def connected(self) -> None: ...

    def heard(self, events: int) -> None: ...


@runtime_checkable
class LiveType(SignedType, Protocol):
    """An upstream we connect to; requests are refused by its `verify`. Its password is the source's `token`."""

    def check(self, source: Source) -> None:
        """Raise Invalid, naming the setting, unless the source's settings make sense."""
        ...

    async def run(self, source: Source, upstream: Upstream) -> None:
        """One connection, from dialling until it ends. Raises Lost."""
        ...


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What an upstream is asked. Its headers hold secrets: it is not to be logged."""

    method: Literal["GET", "POST"] = "GET"
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Ask(Protocol):
    """Takes a question through the door; status and body of the answer. Raises Lost."""

    async def __call__(self, question: Question) -> tuple[int, bytes]: ...


@runtime_checkable
class AskedType(SignedType, Protocol):
    """An upstream that knows whether a call is still on, and is asked before the watchdog ends it (H4)."""

    def question(self, source: Source, call_key: str, now: datetime) -> Question | None:
        """None where the source's settings do not allow it, or no call of the upstream's has such a key."""
        ...

    def answered(
        self, source: Source, call_key: str, status: int, body: bytes, now: datetime
    ) -> Parsed | Literal["alive"] | None:
        """The end that was told, as its posts are read; None where the upstream knows of no such call.

        Raises Lost, or Unreadable, for an answer that says nothing of the call.
        """
        ...
