"""One operation of the API: its method and path, what goes in, what comes out, who may ask.

A resource file holds handlers marked with `operation`; routes and the OpenAPI document are made of these.
Bodies and queries are read strictly by msgspec, so what the document says is what is enforced.
"""

import re
import typing
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from aftercall.api.access import Access, Caller
from aftercall.api.answers import JSON
from aftercall.app import App
from aftercall.domain.account import Account, Scope
from aftercall.domain.errors import Forbidden, NotFound

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Handler = Callable[..., Awaitable[Any]]
T = TypeVar("T")

TRIES = 5  # when another change of the same thing comes between reading and writing it

_PATH_NAME = re.compile(r"\{(\w+)\}")


class Ask(msgspec.Struct, frozen=True):
    """What every handler is given: who asks, and what to ask of."""

    app: App
    access: Access
    caller: Caller

    @property
    def account_id(self) -> str:
        return self.caller.account_id

    @property
    def now(self) -> datetime:
        return self.app.clock.now()

    def need(self, scope: Scope) -> None:
        """A scope beyond the operation's own, for part of what it does. Raises Forbidden."""
        if scope not in self.caller.scopes:
            raise Forbidden(f"This API key lacks the scope {scope}.")

    async def account(self) -> Account:
        found = await self.app.store.get_account(self.account_id)
        if found is None:
            raise NotFound("There is no such account.")
        return found

    def changed(self) -> None:
        """The account's settings have changed: this node knows at once, others within a second."""
        self.app.dispatcher.forget(self.account_id)


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """One page. `next_cursor` is null on the last one, else the `cursor` of the next."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class PageQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    cursor: Annotated[str, Meta(max_length=500, description="`next_cursor` of the page before.")] | None = (
        None
    )
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """`body` and `query` are Structs; `answer` is what a success holds (None: nothing)."""

    method: Method
    path: str
    scope: str | None
    tag: str
    summary: str
    description: str
    status: int
    handler: Handler
    body: Any = None
    body_optional: bool = False
    query: Any = None
    answer: Any = None
    names: tuple[str, ...] = ()
    example: Any = None
    takes: str = JSON  # another content type: the body is handed on as it is, as bytes
    gives: str = JSON  # another: the answer is written as it comes, from an iterator of bytes
    most_bytes: int | None = None  # of the body; None: the server's limit
    shown_once: tuple[str, ...] = ()  # secrets in the answer, left out when an Idempotency-Key replays it

    @property
    def id(self) -> str:
        return self.handler.__name__

    @property
    def public(self) -> bool:
        """Needs no key."""
        return self.scope is None

    @property
    def creates(self) -> bool:
        return self.method == "POST" and self.status == 201


def operation(  # noqa: PLR0913  # it is a description, all of it by name
    method: Method,
    path: str,
    scope: str | None,
    summary: str,
    *,
    tag: str,
    status: int = 200,
    example: Any = None,
    takes: str = JSON,
    gives: str = JSON,
    most_bytes: int | None = None,
    shown_once: tuple[str, ...] = (),
) -> Callable[[Handler], Operation]:
    """Make an operation of a handler; without a scope it needs no key.

    The handler is given `ask`, `data` and `query` by name, and all else from the path.
    """

    def make(handler: Handler) -> Operation:
        hints = typing.get_type_hints(handler, include_extras=True)
        answer = hints.pop("return")
        body = hints.get("data")
        optional = typing.get_origin(body) is not None and type(None) in typing.get_args(body)
        return Operation(
            method=method,
            path=path,
            scope=scope,
            tag=tag,
            summary=summary,
            description=" ".join((handler.__doc__ or "").split()),
            status=status,
            handler=handler,
            body=body,
            body_optional=optional,
            query=hints.get("query"),
            answer=None if answer is type(None) else answer,
            names=tuple(_PATH_NAME.findall(path)),
            example=example,
            takes=takes,
            gives=gives,
            most_bytes=most_bytes,
            shown_once=shown_once,
        )

    return make
