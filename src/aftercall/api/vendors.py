"""Requests of vendors, signed or told by the source's token. Who sent one hears what it expects, or an error."""

import asyncio
from mmap import mmap
from typing import cast

import msgspec

from aftercall.api.access import Access
from aftercall.api.asked import Answer, Asked, MethodNotAllowed, as_request, body_of
from aftercall.api.reception import Arrived, Reception
from aftercall.app import App
from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid, Problem, Unreadable
from aftercall.engine.inputs import MAX_BODY
from aftercall.engine.upstream import MappedType, Request, RequestType, SignedType, StreamedType


class Vendors:
    def __init__(self, app: App, access: Access, reception: Reception) -> None:
        self._app, self._access, self._reception = app, access, reception

    async def take(self, asked: Asked, source: Source, kind: RequestType, path: str) -> Answer:
        """A vendor's request, signed or told by the token. Its sender hears what it expects, or an error."""
        if asked.method != "POST" and not (isinstance(kind, MappedType) and kind.takes_get):
            raise MethodNotAllowed
        if not isinstance(kind, SignedType):
            self._access.check_token(source, asked.headers, asked.query)
        body = body_of(asked)
        if isinstance(body, bytes):
            request = self._request(asked, body, path)
            if isinstance(kind, SignedType):
                kind.verify(source, request)
            settings, source = await self._reception.open(source)
            arrived = await self._reception.take(settings, source, request, kind)
        else:
            arrived = await self._streamed(asked, source, cast("StreamedType", kind), path, body)
        for result in arrived.results:
            if isinstance(result, Problem):
                raise result
        reply = arrived.reply or kind.reply
        headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
        if reply.content_type:
            headers.append((b"content-type", reply.content_type.encode()))
        return Answer(reply.status, headers, reply.body)

    async def _streamed(
        self, asked: Asked, source: Source, kind: StreamedType, path: str, body: mmap
    ) -> Arrived:
        """Of what did not go through memory the beginning is kept, and only if it cannot be read."""
        request = self._request(asked, b"", path)
        try:
            parsed = await asyncio.to_thread(kind.hear, source, request, body)
        except (Unreadable, Invalid) as problem:
            settings, source = await self._reception.open(source)
            self._reception.charge(settings, source, 1)
            begun = msgspec.structs.replace(request, body=body[:MAX_BODY])
            await self._reception.unparsable(source, begun, problem.message, len(body))
            if kind.unparsable == "refuse":
                raise
            return Arrived()
        settings, source = await self._reception.open(source)
        return await self._reception.keep(settings, source, request, parsed, len(body))

    def _request(self, asked: Asked, body: bytes, path: str) -> Request:
        return as_request(asked, self._app.config.public_url, self._app.clock.now(), body, path)
