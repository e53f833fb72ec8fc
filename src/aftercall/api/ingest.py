"""ingest: POST /v1/events and /in/{source}, in front of the API (api/front.py). 2xx only after the commit.

It decodes the raw body itself: this is the path every event takes, and a framework costs more than the work.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime
from mmap import mmap
from typing import Any, NamedTuple, cast

import msgspec

from aftercall.api.access import Access, Headers, header
from aftercall.api.answers import error_answer
from aftercall.api.rates import Rates
from aftercall.app import App
from aftercall.domain.account import Source
from aftercall.domain.errors import Busy, FieldError, Forbidden, Invalid, Problem, TooLarge, Unavailable
from aftercall.domain.fact import Fact
from aftercall.engine.accept import Item, Taken
from aftercall.engine.enrich import enrich
from aftercall.engine.ids import new_id
from aftercall.engine.reading import shape
from aftercall.engine.rows import Settings
from aftercall.engine.upstream import (
    MappedType,
    Parsed,
    Request,
    RequestType,
    SignedType,
    SourceType,
    StreamedType,
)
from aftercall.sources import SOURCES, http

log = logging.getLogger(__name__)

FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
MAX_STREAMS = 4  # bodies larger than usual on their way in at once
JSON = (b"content-type", b"application/json")


class Asked(msgspec.Struct):
    """A request as it was sent. `path` is `raw_path` with its escapes resolved; header names in lower case."""

    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | mmap = b""
    refused: Problem | None = None  # before it was read to its end


class Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


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
        self._streams: set[object] = set()  # who sends a body that is larger than usual
        self._defaults: dict[str, tuple[int, Source | None]] = {}

    @property
    def usual_limit(self) -> int:
        """Bytes that a body may have."""
        return self._app.config.max_body_bytes

    async def larger_limit(self, asked: Asked, sender: object) -> int:
        """What a body may have that is larger than usual: more, where its source sends audio.

        Only a few may send so much at once: raises Busy. `release` gives the place back.
        """
        source = await self._access.find_source(asked.path.removeprefix("/in/").partition("/")[0])
        kind = SOURCES.get(source.type) if source is not None and asked.path.startswith("/in/") else None
        if not isinstance(kind, StreamedType):
            return self.usual_limit
        if len(self._streams) >= MAX_STREAMS:
            raise Busy("Too many large requests at once.", retry_after=10)
        self._streams.add(sender)
        return kind.largest

    def release(self, sender: object) -> None:
        self._streams.discard(sender)

    @staticmethod
    def too_large(limit: int) -> TooLarge:
        return TooLarge(f"The body may have at most {limit} bytes.")

    async def answer(self, asked: Asked) -> Answer:
        """Never raises: what goes wrong is an answer, too."""
        started = time.perf_counter()
        try:
            answer = await self._take(asked)
        except Problem as problem:
            self._app.metrics.count("aftercall_requests_refused_total", f'reason="{problem.code}"')
            return _refusal(problem)
        except Exception:
            log.exception("ingest_failed")
            return _refusal(Unavailable("Something went wrong here; the log has the details.", retry_after=5))
        self._app.metrics.observe("aftercall_accept_seconds", time.perf_counter() - started)
        return answer

    async def _take(self, asked: Asked) -> Answer:
        if asked.method != "POST" and not (asked.method == "GET" and asked.path.startswith("/in/")):
            raise MethodNotAllowed
        if header(asked.headers, b"content-encoding") not in (None, b"identity"):
            raise UnsupportedMediaType
        if asked.path.startswith("/in/"):
            return await self._from_source(asked)
        key = await self._access.key(asked.headers, "events:write")
        settings = await self._settings(key.account_id)
        if (header(asked.headers, b"content-type") or b"").lower().startswith(FORMS):
            raise UnsupportedMediaType
        return await self._events(settings, _in_memory(asked), None)

    async def _from_source(self, asked: Asked) -> Answer:
        source_id, _, path = asked.path[len("/in/") :].partition("/")
        found = await self._access.find_source(source_id)
        kind = SOURCES.get(found.type) if found is not None else None
        if found is not None and isinstance(kind, RequestType):
            return await self._vendor(asked, found, kind, path)
        source = self._access.check_token(found, asked.headers, asked.query)
        if asked.method != "POST":
            raise MethodNotAllowed
        settings = await self._open(source)
        body = _in_memory(asked)
        if source.type == "http":
            return await self._events(settings, body, source)
        parsed = cast("SourceType", kind).parse(source, path, _named(asked.headers), body)
        taken = await self._keep(settings, source, parsed, self._app.clock.now())
        bad = [ItemResult(i, "rejected", error=ItemError("invalid", message)) for i, message in parsed.errors]
        return _results([*_numbered(taken), *bad], parsed.ignored)

    async def _vendor(self, asked: Asked, source: Source, kind: RequestType, path: str) -> Answer:
        """A vendor's request, signed or told by the token. Its sender hears what it expects, or an error."""
        if asked.method != "POST" and not (isinstance(kind, MappedType) and kind.takes_get):
            raise MethodNotAllowed
        if not isinstance(kind, SignedType):
            self._access.check_token(source, asked.headers, asked.query)
        body, query = _body(asked), asked.query.decode("latin-1")
        raw = asked.raw_path.decode("latin-1")
        request = Request(
            url=f"{self._app.config.public_url}{raw}{'?' if query else ''}{query}",
            path=path,
            query=query,
            headers=_named(asked.headers),
            body=body if isinstance(body, bytes) else b"",
            now=self._app.clock.now(),
        )
        if isinstance(body, bytes):
            if isinstance(kind, SignedType):
                kind.verify(source, request)
            parsed = kind.read(source, request)
        else:
            parsed = await asyncio.to_thread(cast("StreamedType", kind).hear, source, request, body)
        settings = await self._open(source)
        taken = await self._keep(settings, source, parsed, request.now)
        for result in taken:
            if isinstance(result, Problem):
                raise result
        reply = parsed.reply or kind.reply
        headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
        if reply.content_type:
            headers.append((b"content-type", reply.content_type.encode()))
        return Answer(reply.status, headers, reply.body)

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

    async def _events(self, settings: Settings, body: bytes, source: Source | None) -> Answer:
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
            return _results(_numbered(done))
        if isinstance(done[0], Problem):
            raise done[0]
        return Answer(200, [JSON], msgspec.json.encode(done[0]))

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


def _body(asked: Asked) -> bytes | mmap:
    if asked.refused is not None:
        raise asked.refused
    return asked.body


def _in_memory(asked: Asked) -> bytes:
    return cast("bytes", _body(asked))  # only types that are streamed to may send more


def _named(headers: Headers) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _numbered(results: Sequence[Taken | Problem]) -> list[ItemResult]:
    return [
        ItemResult(i, "rejected", error=ItemError(r.code, r.message, r.errors))
        if isinstance(r, Problem)
        else ItemResult(i, r.status, r.call_id)
        for i, r in enumerate(results)
    ]


def _results(results: Sequence[ItemResult], ignored: int = 0) -> Answer:
    count = dict.fromkeys(("accepted", "duplicate", "rejected"), 0)
    for result in results:
        count[result.status] += 1
    body = msgspec.json.encode(BatchAnswer(results=tuple(results), **count, ignored=ignored))
    return Answer(200, [JSON], body)


def _refusal(problem: Problem) -> Answer:
    if problem.retry_after is None and isinstance(problem, Busy | Unavailable):
        problem.retry_after = 1
    status, body, more = error_answer(problem, new_id("req"))
    headers = [JSON, *((name.lower().encode(), value.encode()) for name, value in more.items())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    return Answer(status, headers, body)
