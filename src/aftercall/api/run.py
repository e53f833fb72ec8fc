"""Running an operation for a request: authorise, read, call, answer."""

import hashlib
import re
import typing
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.response import Stream

from aftercall.api.access import Access, Caller
from aftercall.api.answers import JSON, request_id
from aftercall.api.operation import Ask, Operation
from aftercall.app import App
from aftercall.domain.errors import Conflict, FieldError, Invalid, NotFound
from aftercall.engine.reading import decode, read
from aftercall.engine.rows import Remembered

TEXT = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus
NOBODY = Caller("", "", "", ())
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_LISTS = (tuple, list)


class Runner:
    """Runs the operations of one App."""

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access
        self._running: set[tuple[str, str]] = set()  # idempotency keys whose first request is still at work

    async def run(self, operation: Operation, request: Request[Any, Any, Any]) -> Response[Any]:
        caller = NOBODY
        if not operation.public:
            key = await self._access.key(request.scope["headers"], operation.scope)
            caller = Caller(key.account_id, key.id, key.name, key.scopes)
        ask = Ask(self._app, self._access, caller)
        raw = await request.body() if operation.method in ("POST", "PATCH", "PUT") else b""
        headers = {"X-Request-Id": request_id(request)}
        given = request.headers.get("idempotency-key")
        if given is None or not operation.creates:
            if operation.gives != JSON:
                table = await self._ask(operation, ask, request, raw)
                headers["Content-Disposition"] = "attachment"
                return Stream(
                    table, status_code=operation.status, media_type=operation.gives, headers=headers
                )
            answer = await self._call(operation, ask, request, raw)
            media = TEXT if operation.answer is bytes else JSON
            return Response(answer, status_code=operation.status, media_type=media, headers=headers)
        status, answer, replayed = await self._once(given, operation, ask, request, raw)
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        return Response(answer, status_code=status, media_type=JSON, headers=headers)

    async def _call(
        self, operation: Operation, ask: Ask, request: Request[Any, Any, Any], raw: bytes
    ) -> bytes:
        answer = await self._ask(operation, ask, request, raw)
        if answer is None:
            return b""
        return answer if isinstance(answer, bytes) else msgspec.json.encode(answer)

    async def _ask(self, operation: Operation, ask: Ask, request: Request[Any, Any, Any], raw: bytes) -> Any:
        arguments: dict[str, Any] = {name: _path(request.path_params[name]) for name in operation.names}
        if operation.query is not None:
            arguments["query"] = read_query(request.scope["query_string"], operation.query)
        elif request.scope["query_string"]:
            read_query(request.scope["query_string"], _NoQuery)
        if operation.body is not None:
            arguments["data"] = _body(operation, raw) if operation.takes == JSON else raw
        return await operation.handler(ask, **arguments)

    async def _once(
        self, given: str, operation: Operation, ask: Ask, request: Request[Any, Any, Any], raw: bytes
    ) -> tuple[int, bytes, bool]:
        """At most once for this Idempotency-Key: status, answer, and whether it is an old one."""
        if not _IDEMPOTENCY_KEY.fullmatch(given):
            raise Invalid.field("Idempotency-Key", "must be 1 to 200 printable ASCII characters")
        asked = hashlib.sha256(b"\0".join((operation.method.encode(), request.scope["raw_path"], raw)))
        fingerprint = asked.hexdigest()
        running = (ask.account_id, given)
        if running in self._running:
            raise Conflict("A request with this Idempotency-Key is still at work.")
        self._running.add(running)
        try:
            known = await self._app.store.recall(ask.account_id, given)
            if known is not None:
                if known.request != fingerprint:
                    raise Conflict("This Idempotency-Key was used for a different request.")
                return known.status, known.answer, True
            answer = await self._call(operation, ask, request, raw)
            kept = Remembered(fingerprint, operation.status, _without(answer, operation.shown_once))
            await self._app.store.remember(ask.account_id, given, kept, ask.now)
            return operation.status, answer, False
        finally:
            self._running.discard(running)


class _NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """An operation without parameters."""


def read_query(raw: bytes, kind: Any) -> Any:
    """The query as a Struct; a list is written as `a=1&a=2` or `a=1,2`. Raises Invalid."""
    from urllib.parse import parse_qsl  # noqa: PLC0415

    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=200, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise Invalid("The query string cannot be read.") from None
    hints = typing.get_type_hints(kind)
    told: dict[str, Any] = {}
    for name, value in pairs:
        if "\0" in value:
            raise Invalid.field(name[:100], "may not hold a NUL character")
        if typing.get_origin(hints.get(name)) in _LISTS:
            told.setdefault(name, []).extend(value.split(","))
        elif name in told:
            raise Invalid.field(name[:100], "is given twice")
        else:
            told[name] = value
    return read(told, kind, strict=False)


def _body(operation: Operation, raw: bytes) -> Any:
    if not raw.strip():
        if operation.body_optional:
            return None
        raise Invalid("A JSON body is required.", errors=(FieldError("body", "is required"),))
    value = decode(raw)
    _no_nul(value)
    return read(value, operation.body)


def _no_nul(value: Any, field: str = "") -> None:
    """No database keeps a NUL in its texts."""
    if isinstance(value, str):
        if "\0" in value:
            raise Invalid.field(field or "body", "may not hold a NUL character")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _no_nul(name, "a field's name")
            _no_nul(inner, f"{field}.{name}" if field else name)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            _no_nul(inner, f"{field}[{i}]")


def _path(value: str) -> str:
    """An id. What is no id is not there, whatever it is."""
    if not _ID.fullmatch(value):
        raise NotFound
    return value


def _without(answer: bytes, names: tuple[str, ...]) -> bytes:
    if not names:
        return answer
    told = msgspec.json.decode(answer)
    return msgspec.json.encode({name: None if name in names else value for name, value in told.items()})
