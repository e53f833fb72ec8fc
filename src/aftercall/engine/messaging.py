"""What the engine knows of the ways to send texts: small Protocols. See `channels/sms/`, one file a provider."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Outcome
from aftercall.domain.message import ErrorClass, Receipt, Sms, Text
from aftercall.engine.upstream import Question, Reply, Request


class Known(msgspec.Struct, frozen=True):
    """One row of a provider's error table."""

    error: ErrorClass
    hint: str  # what the admin can do about it, or what it means; one sentence without full stop
    retry: bool = False
    suppress: bool = False  # the recipient has opted out: nothing more is sent to this number


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do."""

    receipts: bool = True
    inbound: bool = True
    looks_up: bool = False  # whether a submit without an answer can be asked for
    dlt: bool = False  # whether it can be told a text's DLT ids
    domestic: str | None = (
        None  # the country whose operators it reaches by a route of that country (ISO 3166)
    )
    alphanumeric: bool = True
    keywords: bool = False  # answers STOP by itself
    longest: int = 1600  # characters of a text
    signs: bool = False  # callbacks are signed; else the token in their URL is all there is


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One text to be handed over. `settings` is an instance of the provider's `Settings`, secrets included."""

    reference: str  # the delivery's id: at most 40 characters, letters, digits and `_`
    sms: Sms
    settings: Any
    callback_url: str | None  # where receipts are to come; None: this server has no public address
    now: datetime


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's answer to a question."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Heard(msgspec.Struct, frozen=True):
    """What a callback told, and what its sender wants to hear."""

    receipts: tuple[Receipt, ...] = ()
    texts: tuple[Text, ...] = ()
    reply: Reply | None = None


class SmsProvider(Protocol):
    """A provider reached over HTTP. Pure: it writes requests and reads answers; the channel sends them."""

    title: str
    traits: Traits
    Settings: type[msgspec.Struct]  # what an admin fills in, with Meta for forms; secrets too
    secrets: frozenset[str]  # which of them are sealed and never shown again
    errors: Mapping[str, Known]

    def submit(self, submission: Submission) -> Question:
        """The request that hands the text over."""
        ...

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        """What the answer means. A 2xx with an error inside is a failure; one that may mean anything is in doubt."""
        ...

    def verify(self, settings: Any, request: Request) -> None:
        """Raise Unauthenticated for a callback the provider has not signed. Nothing where it does not sign."""
        ...

    def hear(self, settings: Any, request: Request) -> Heard:
        """What a callback says. Raises Unreadable."""
        ...


@runtime_checkable
class LookedUp(SmsProvider, Protocol):
    """A provider that can be asked what became of a submit without an answer."""

    def look_up(self, submission: Submission, since: datetime) -> Question: ...

    def looked_up(self, submission: Submission, answer: Answer) -> Outcome | None:
        """The outcome of the submit that was found; None where there is none so far. Raises Unreadable."""
        ...


@runtime_checkable
class Probed(SmsProvider, Protocol):
    """A provider whose credentials can be tried without sending anything."""

    def probe(self, settings: Any) -> Question: ...

    def probed(self, answer: Answer) -> str:
        """A line for the admin (the balance, say). Raises Invalid with what is wrong."""
        ...


# Whom a connection that stays open tells what it hears; awaited until it is committed, then acknowledged.
Hear = Callable[[Connection, Sequence[Receipt], Sequence[Text]], Awaitable[None]]
SessionState = Literal["connected", "connecting", "refused", "closed"]
