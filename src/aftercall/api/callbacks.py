"""/callbacks/{connection}/{token}: where providers send receipts and texts (S5, S6). 2xx only after the commit.

Whoever has no address of ours is counted, and turned away unheard when there are many; others are not touched by it.
"""

import hmac
from typing import Any

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from aftercall.api.rates import Rates
from aftercall.app import App
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Busy, NotFound, Unauthenticated, Unreadable
from aftercall.engine.upstream import Reply
from aftercall.engine.upstream import Request as Told

PATH = "/callbacks"
STRANGERS = 50.0  # requests a second to addresses that have not been right yet, all together
MOST_KNOWN = 10_000  # addresses that are remembered to have been right
TOTAL = "aftercall_callbacks_total"
NOTHING = Reply(200)


def routes(app: App) -> list[HTTPRouteHandler]:
    """Public: the token in the address says who asks, and the signature where the provider signs."""
    strangers = Strangers(app)

    @route(
        f"{PATH}/{{connection:str}}/{{token:str}}",
        http_method=["GET", "HEAD", "POST"],
        include_in_schema=False,
    )
    async def callback(request: Request[Any, Any, Any]) -> Response[bytes]:
        reply = await take(app, request, strangers)
        content_type = reply.content_type or "text/plain"
        return Response(
            reply.body, status_code=reply.status, media_type=content_type, headers=dict(reply.headers)
        )

    return [callback]


class Strangers:
    """A guess costs a question to the store: so many a second are let through."""

    def __init__(self, app: App) -> None:
        self._app, self._rates = app, Rates()
        self._right: set[tuple[str, str]] = set()

    async def find(self, id_: str, token: str) -> Connection:
        """The connection of an address. Raises NotFound, Busy."""
        wait = None if (id_, token) in self._right else self._rates.take("", STRANGERS, 1)
        if wait is not None:
            self._app.metrics.count(TOTAL, 'result="limited"')
            raise Busy("Too many requests to addresses that do not exist.", retry_after=wait)
        connection = await self._app.store.find_connection(id_)
        if connection is None or not hmac.compare_digest(connection.token.encode(), token.encode()):
            self._right.discard((id_, token))
            self._app.metrics.count(TOTAL, 'result="unknown"')
            raise NotFound("There is no such address.")
        if len(self._right) >= MOST_KNOWN:
            self._right.clear()
        self._right.add((id_, token))
        return connection


async def take(app: App, request: Request[Any, Any, Any], strangers: Strangers) -> Reply:
    """Verify, read, commit. Raises NotFound, Busy, Unauthenticated, Unreadable, Unavailable."""
    connection = await strangers.find(request.path_params["connection"], request.path_params["token"])
    provider = app.providers.get(connection.type)
    if provider is None:
        raise NotFound("There is no such address.")
    if request.method == "HEAD":
        return NOTHING  # Exotel looks whether the address is there before it posts
    settings = app.sms.settings_of(connection)
    query = request.scope["query_string"].decode("latin-1")
    told = Told(
        url=f"{app.config.public_url}{request.scope['path']}{'?' if query else ''}{query}",
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
        now=app.clock.now(),
    )
    try:
        provider.verify(settings, told)
    except Unauthenticated:
        app.metrics.count(TOTAL, 'result="refused"')
        raise
    try:
        heard = provider.hear(settings, told)
    except Unreadable:
        app.metrics.count(TOTAL, 'result="unreadable"')
        raise
    await app.receiving.hear(connection, heard.receipts, heard.texts)
    app.metrics.count(TOTAL, 'result="ok"')
    return heard.reply or NOTHING
