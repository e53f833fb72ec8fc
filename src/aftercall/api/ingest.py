"""ingest: POST /v1/events and /in/{source}, a plain ASGI app in front of the API. 2xx only after the commit.

It decodes the raw body itself: this is the path every event takes, and the framework costs more than the work.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from litestar.types import Receive, Scope, Send

from aftercall.api.access import Access, Headers, header
from aftercall.api.answers import error_answer
from aftercall.api.body import Disconnected, read_body
from aftercall.api.rates import Rates
from aftercall.app import App
from aftercall.domain.account import Source
from aftercall.domain.errors import Busy, FieldError, Forbidden, Invalid, Problem, Unavailable
from aftercall.domain.fact import Fact
from aftercall.engine.accept import Item, Taken
from aftercall.engine.enrich import enrich
from aftercall.engine.ids import new_id
from aftercall.engine.reading import shape
from aftercall.engine.rows import Settings
from aftercall.engine.upstream import MappedType, Parsed, Reply, Request, RequestType, SignedType, SourceType
from aftercall.sources import SOURCES, http

log = logging.getLogger(__name__)

FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
JSON = (b"content-type", b"application/json")


class ItemError(msgspec.Struct, frozen=True):
    code: str
    message: str
    errors: tuple[FieldError, ...] = ()


class ItemResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event of a list."""

    index: int
    status: str
    call_id: str | None = None
    error: ItemError | None = None


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`ignored`: what a source sent that says nothing about a call."""

    results: tuple[ItemResult, ...]
    accepted: int
    duplicate: int
    rejected: int
    ignored: int = 0


class UnsupportedMediaType(Problem):
    """Send JSON: `Content-Type: application/json`, not compressed."""

    code = "unsupported_media_type"
    status = 415


class MethodNotAllowed(Problem):
    """Events are sent with POST."""

    code = "method_not_allowed"
    status = 405


class Ingest:
    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access
        self._rates = Rates()
        self._defaults: dict[str, tuple[int, Source | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            answer = await self._take(scope, receive)
        except Disconnected:
            return
        except Problem as problem:
            self._app.metrics.count("aftercall_requests_refused_total", f'reason="{problem.code}"')
            await _refuse(send, problem)
            return
        except Exception:
            log.exception("ingest_failed")
            await _refuse(
                send, Unavailable("Something went wrong here; the log has the details.", retry_after=5)
            )
            return
        self._app.metrics.observe("aftercall_accept_seconds", time.perf_counter() - started)
        if type(answer) is bytes:
            await _send(send, 200, answer, [JSON])
        else:
            await _reply(send, cast("Reply", answer))

    async def _take(self, scope: Scope, receive: Receive) -> bytes | Reply:
        if scope["method"] != "POST":  # type: ignore[typeddict-item]  # only http scopes come here
            return await self._asked(scope, receive)
        headers = scope["headers"]
        if header(headers, b"content-encoding") not in (None, b"identity"):
            raise UnsupportedMediaType
        if scope["path"].startswith("/in/"):
            return await self._from_source(scope, receive)
        key = await self._access.key(headers, "events:write")
        settings = await self._settings(key.account_id)
        if (header(headers, b"content-type") or b"").lower().startswith(FORMS):
            raise UnsupportedMediaType
        body = await read_body(receive, headers, self._app.config.max_body_bytes)
        return await self._events(settings, body, None)

    async def _from_source(self, scope: Scope, receive: Receive) -> bytes | Reply:
        source_id, _, path = scope["path"][len("/in/") :].partition("/")
        headers = scope["headers"]
        found = await self._access.find_source(source_id)
        kind = SOURCES.get(found.type) if found is not None else None
        if found is not None and isinstance(kind, RequestType):
            return await self._request(scope, receive, found, kind, path)
        source = self._access.check_token(found, headers, scope["query_string"])
        settings = await self._open(source)
        body = await read_body(receive, headers, self._app.config.max_body_bytes)
        if source.type == "http":
            return await self._events(settings, body, source)
        parsed = cast("SourceType", kind).parse(source, path, _named(headers), body)
        taken = await self._keep(settings, source, parsed, self._app.clock.now())
        bad = [ItemResult(i, "rejected", error=ItemError("invalid", message)) for i, message in parsed.errors]
        return _encode([*_numbered(taken), *bad], parsed.ignored)

    async def _asked(self, scope: Scope, receive: Receive) -> Reply:
        """Some vendors send their events as a query; see MappedType."""
        if scope["method"] != "GET" or not scope["path"].startswith("/in/"):  # type: ignore[typeddict-item]
            raise MethodNotAllowed
        source_id, _, path = scope["path"][len("/in/") :].partition("/")
        found = await self._access.find_source(source_id)
        kind = SOURCES.get(found.type) if found is not None else None
        if found is not None and isinstance(kind, MappedType) and kind.takes_get:
            return await self._request(scope, receive, found, kind, path)
        if not isinstance(kind, SignedType):
            self._access.check_token(found, scope["headers"], scope["query_string"])
        raise MethodNotAllowed

    async def _request(
        self, scope: Scope, receive: Receive, source: Source, kind: RequestType, path: str
    ) -> Reply:
        """A vendor's request, signed or told by the token. Its sender hears what it expects, or an error."""
        headers, query = scope["headers"], scope["query_string"].decode("latin-1")
        if not isinstance(kind, SignedType):
            self._access.check_token(source, headers, scope["query_string"])
        body = await read_body(receive, headers, self._app.config.max_body_bytes)
        raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        request = Request(
            url=f"{self._app.config.public_url}{raw}{'?' if query else ''}{query}",
            path=path,
            query=query,
            headers=_named(headers),
            body=body,
            now=self._app.clock.now(),
        )
        if isinstance(kind, SignedType):
            kind.verify(source, request)
        settings = await self._open(source)
        parsed = kind.read(source, request)
        taken = await self._keep(settings, source, parsed, request.now)
        for result in taken:
            if isinstance(result, Problem):
                raise result
        return parsed.reply or kind.reply

    async def _open(self, source: Source) -> Settings:
        settings = await self._settings(source.account_id)
        if source.status != "enabled":
            raise Forbidden("This source is paused.")
        return settings

    async def _keep(
        self, settings: Settings, source: Source, parsed: Parsed, now: datetime
    ) -> Sequence[Taken | Problem]:
        if parsed.errors and not parsed.facts:
            raise Invalid(parsed.errors[0][1])
        self._charge(settings, len(parsed.facts))
        facts = (msgspec.structs.replace(fact, received_at=now) for fact in parsed.facts)
        return await self._accept([self._item(settings, source, fact) for fact in facts])

    async def _events(self, settings: Settings, body: bytes, source: Source | None) -> bytes:
        """Events in our own vocabulary: one, answered by itself, or a list, answered item by item."""
        raw, is_list = http.items(body, self._app.config.max_batch)
        self._charge(settings, len(raw))
        now = self._app.clock.now()
        results: list[Taken | Problem | None] = []
        items: list[Item] = []
        for one in raw:
            try:
                said = http.decode_item(one)
                of = source or self._source(settings, said)
                items.append(self._item(settings, of, http.fact(said, of, now)))
                results.append(None)
            except Problem as problem:
                if not is_list:
                    raise
                results.append(problem)
        taken = iter(await self._accept(items))
        done = [result if result is not None else next(taken) for result in results]
        if is_list:
            return _encode(_numbered(done))
        if isinstance(done[0], Problem):
            raise done[0]
        return msgspec.json.encode(done[0])

    async def _settings(self, account_id: str) -> Settings:
        settings = await self._app.settings.get(account_id)
        if settings is None:
            raise Forbidden("There is no such account.")
        if settings.account.status != "active":
            raise Forbidden("This account is suspended.")
        return settings

    def _charge(self, settings: Settings, count: int) -> None:
        rate = settings.account.max_events_per_second or self._app.config.max_events_per_second
        wait = self._rates.take(settings.account.id, rate, count)
        if wait is not None:
            raise Busy(f"This account may send {rate} events a second.", retry_after=wait)

    def _source(self, settings: Settings, said: Any) -> Source:
        """The source an event names, else the account's oldest one of type http."""
        named = said.get("source") if type(said) is dict else None
        source = self._default(settings) if named is None else None
        if named is not None:
            source = settings.sources.get(named) if type(named) is str else None
        if source is None:
            rule = "the account has no source of type http" if named is None else "must be a source's id"
            raise Invalid.field("source", rule, None if named is None else shape(named))
        if source.status != "enabled":
            raise Invalid.field("source", "this source is paused")
        return source

    def _default(self, settings: Settings) -> Source | None:
        known = self._defaults.get(settings.account.id)
        if known is None or known[0] != settings.version:
            ours = [s for s in settings.sources.values() if s.type == "http" and s.status == "enabled"]
            known = (settings.version, min(ours, key=lambda s: s.id, default=None))
            self._defaults[settings.account.id] = known
        return known[1]

    def _item(self, settings: Settings, source: Source, fact: Fact) -> Item:
        return Item(settings.account.id, source, enrich(fact, settings))

    async def _accept(self, items: Sequence[Item]) -> Sequence[Taken | Problem]:
        return await self._app.intake.accept(items) if items else ()


def _named(headers: Headers) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _numbered(results: Sequence[Taken | Problem]) -> list[ItemResult]:
    return [
        ItemResult(i, "rejected", error=ItemError(r.code, r.message, r.errors))
        if isinstance(r, Problem)
        else ItemResult(i, r.status, r.call_id)
        for i, r in enumerate(results)
    ]


def _encode(results: Sequence[ItemResult], ignored: int = 0) -> bytes:
    count = dict.fromkeys(("accepted", "duplicate", "rejected"), 0)
    for result in results:
        count[result.status] += 1
    return msgspec.json.encode(BatchAnswer(results=tuple(results), **count, ignored=ignored))


async def _refuse(send: Send, problem: Problem) -> None:
    if problem.retry_after is None and isinstance(problem, Busy | Unavailable):
        problem.retry_after = 1
    status, body, more = error_answer(problem, new_id("req"))
    headers = [JSON, *((name.lower().encode(), value.encode()) for name, value in more.items())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    await _send(send, status, body, headers)


async def _reply(send: Send, reply: Reply) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
    if reply.content_type:
        headers.append((b"content-type", reply.content_type.encode()))
    await _send(send, reply.status, reply.body, headers)


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
