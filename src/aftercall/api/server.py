"""The whole HTTP side of one App: events at the front door, Litestar with everything else behind it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from aftercall.api import (
    accounts,
    callbacks,
    calls,
    connections,
    contact_tables,
    contacts,
    deliveries,
    directory,
    dry_run,
    explain,
    keys,
    message_rates,
    message_templates,
    message_test,
    messages,
    policies,
    rules,
    senders,
    source_health,
    sources,
    suppressions,
    system,
    unsubscribe,
    webhooks,
)
from aftercall.api.access import Access
from aftercall.api.answers import JSON, answer_http, answer_problem, answer_unexpected
from aftercall.api.front import Front
from aftercall.api.ingest import Ingest
from aftercall.api.openapi import document
from aftercall.api.operation import Operation
from aftercall.api.run import Runner
from aftercall.app import App
from aftercall.domain.errors import Problem

OPERATIONS: tuple[Operation, ...] = (
    *webhooks.OPERATIONS,
    *deliveries.OPERATIONS,
    *calls.OPERATIONS,
    *messages.OPERATIONS,
    *message_rates.OPERATIONS,
    *message_test.OPERATIONS,
    *explain.OPERATIONS,
    *sources.OPERATIONS,
    *source_health.OPERATIONS,
    *dry_run.OPERATIONS,
    *directory.OPERATIONS,
    *contacts.OPERATIONS,
    *contact_tables.OPERATIONS,
    *suppressions.OPERATIONS,
    *connections.OPERATIONS,
    *senders.OPERATIONS,
    *message_templates.OPERATIONS,
    *rules.OPERATIONS,
    *policies.OPERATIONS,
    *keys.OPERATIONS,
    *accounts.OPERATIONS,
    *system.OPERATIONS,
)


def build(app: App) -> tuple[ASGIApp, Callable[..., Front]]:
    """What answers for a running App: everything but events, and the connections that answer those."""
    access = Access(app.store, app.clock, app.key_use)
    return _litestar(app, access), partial(Front, ingest=Ingest(app, access))


def _litestar(app: App, access: Access) -> Litestar:
    runner = Runner(app, access)
    described = document(OPERATIONS, app.config.version, app.config.public_url)

    @get("/openapi.json", media_type=JSON, include_in_schema=False)
    async def openapi() -> bytes:
        return described

    return Litestar(
        [
            openapi,
            *(_route(runner, operation) for operation in OPERATIONS),
            *callbacks.routes(app),
            *unsubscribe.routes(app.config.secret_keys, app.unsubscribe),
        ],
        openapi_config=None,
        request_max_body_size=app.config.max_body_bytes,
        exception_handlers={
            Problem: answer_problem,
            HTTPException: answer_http,
            Exception: answer_unexpected,
        },
        logging_config=None,
    )


def _route(runner: Runner, operation: Operation) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
        return await runner.run(operation, request)

    handler: Callable[[Request[Any, Any, Any]], Awaitable[Response[Any]]] = handle
    path = operation.path
    for name in operation.names:
        path = path.replace(f"{{{name}}}", f"{{{name}:str}}")
    # The Response says the true status; Litestar guesses 204 for DELETE and then wants no Response at all.
    more: dict[str, Any] = {}
    if operation.most_bytes is not None:
        more["request_max_body_size"] = operation.most_bytes
    route = HTTPRouteHandler(path, http_method=operation.method, status_code=200, name=operation.id, **more)
    return route(handler)
