"""ingest: POST /v1/events and /in/{source}, in front of the API (api/front.py). 2xx only after the commit.

Whose request it is and what may be in it, then on to `events`, `vendors` or, for other sources, the `reception`.
"""

import logging
import time

from aftercall.api.access import Access, header
from aftercall.api.answers import error_answer
from aftercall.api.asked import JSON, Answer, Asked, MethodNotAllowed, as_request, in_memory
from aftercall.api.body import Room
from aftercall.api.events import Events, ItemError, ItemResult, numbered, results_of
from aftercall.api.rates import Rates
from aftercall.api.reception import Reception
from aftercall.api.vendors import Vendors
from aftercall.app import App
from aftercall.domain.errors import Busy, Forbidden, Problem, TooLarge, Unauthenticated, Unavailable
from aftercall.engine.ids import new_id
from aftercall.engine.upstream import RequestType
from aftercall.sources import SOURCES

log = logging.getLogger(__name__)

FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


class UnsupportedMediaType(Problem):
    """Send JSON: `Content-Type: application/json`, not compressed."""

    code = "unsupported_media_type"
    status = 415


class Ingest:
    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access
        rates = Rates()
        self._reception = Reception(app, rates)
        self._events = Events(app, rates, self._reception)
        self._vendors = Vendors(app, access, self._reception)
        self.room = Room(access, app.config.max_body_bytes)

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
        settings = await self._reception.account(key.account_id)
        if (header(asked.headers, b"content-type") or b"").lower().startswith(FORMS):
            raise UnsupportedMediaType
        return await self._events.take(asked, settings, None)

    async def _from_source(self, asked: Asked) -> Answer:
        source_id, _, path = asked.path[len("/in/") :].partition("/")
        found = await self._access.find_source(source_id)
        kind = SOURCES.get(found.type) if found is not None else None
        try:
            if found is not None and isinstance(kind, RequestType):
                return await self._vendors.take(asked, found, kind, path)
            source = self._access.check_token(found, asked.headers, asked.query)
            if asked.method != "POST":
                raise MethodNotAllowed
            settings, source = await self._reception.open(source)
            body = in_memory(asked)
        except (Unauthenticated, Forbidden, TooLarge):
            if found is not None:
                self._app.traffic.count(found, "refused")
            raise
        if source.type == "http":
            return await self._events.take(asked, settings, source)
        request = as_request(asked, self._app.config.public_url, self._app.clock.now(), body, path)
        arrived = await self._reception.take(settings, source, request, SOURCES[source.type])
        bad = [
            ItemResult(i, "rejected", error=ItemError("invalid", message)) for i, message in arrived.errors
        ]
        return results_of([*numbered(arrived.results), *bad], arrived.ignored)


def _refusal(problem: Problem) -> Answer:
    if problem.retry_after is None and isinstance(problem, Busy | Unavailable):
        problem.retry_after = 1
    status, body, more = error_answer(problem, new_id("req"))
    headers = [JSON, *((name.lower().encode(), value.encode()) for name, value in more.items())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    return Answer(status, headers, body)
