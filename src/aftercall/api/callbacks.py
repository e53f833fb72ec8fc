"""/callbacks/{connection}/{token}: where providers send receipts and texts (S5, S6). 2xx only after the commit."""

import hmac
from typing import Any

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from aftercall.app import App
from aftercall.domain.errors import NotFound, Unreadable
from aftercall.engine.upstream import Reply
from aftercall.engine.upstream import Request as Told

PATH = "/callbacks"
NOTHING = Reply(200)


def routes(app: App) -> list[HTTPRouteHandler]:
    """Public: the token in the address says who asks, and the signature where the provider signs."""

    @route(
        f"{PATH}/{{connection:str}}/{{token:str}}",
        http_method=["GET", "HEAD", "POST"],
        include_in_schema=False,
    )
    async def callback(request: Request[Any, Any, Any]) -> Response[bytes]:
        reply = await take(app, request)
        content_type = reply.content_type or "text/plain"
        return Response(
            reply.body, status_code=reply.status, media_type=content_type, headers=dict(reply.headers)
        )

    return [callback]


async def take(app: App, request: Request[Any, Any, Any]) -> Reply:
    """Verify, read, commit. Raises NotFound, Unauthenticated, Unreadable, Unavailable."""
    id_, token = request.path_params["connection"], request.path_params["token"]
    connection = await app.store.find_connection(id_)
    provider = app.providers.get(connection.type) if connection is not None else None
    if (
        connection is None
        or provider is None
        or not hmac.compare_digest(connection.token.encode(), token.encode())
    ):
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
    provider.verify(settings, told)
    try:
        heard = provider.hear(settings, told)
    except Unreadable:
        app.metrics.count("aftercall_callbacks_total", 'result="unreadable"')
        raise
    await app.receiving.hear(connection, heard.receipts, heard.texts)
    app.metrics.count("aftercall_callbacks_total", 'result="ok"')
    return heard.reply or NOTHING
