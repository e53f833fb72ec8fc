"""How the API answers: JSON, and one shape for every error. No stack traces, no echo of what was sent."""

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from aftercall.domain.errors import FieldError, Problem
from aftercall.engine.ids import new_id

log = logging.getLogger(__name__)

JSON = "application/json"
CODES = {400: "unreadable", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
         413: "too_large", 415: "unsupported_media_type", 429: "busy", 503: "unavailable"}  # fmt: skip
MESSAGES = {404: "There is nothing at this path.", 405: "This path does not know this method.",
            413: "The body is larger than allowed."}  # fmt: skip


class ErrorBody(msgspec.Struct, frozen=True):
    """`code` is stable; `errors` names each field that breaks a rule; `request_id` finds it in the log."""

    code: str
    message: str
    request_id: str
    errors: tuple[FieldError, ...] = ()


class ErrorAnswer(msgspec.Struct, frozen=True):
    error: ErrorBody


def error_answer(problem: Problem, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of a problem."""
    headers = {"X-Request-Id": request_id}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="AfterCall"'
    body = ErrorBody(problem.code, problem.message, request_id, problem.errors)
    return problem.status, msgspec.json.encode(ErrorAnswer(body)), headers


def answer_problem(request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    status, body, headers = error_answer(problem, request_id(request))
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def answer_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own errors: no such path, wrong method, body too large."""
    code = CODES.get(error.status_code, "invalid" if error.status_code < 500 else "internal")
    message = MESSAGES.get(error.status_code, "The request cannot be read.")
    body = ErrorBody(code, message, id_ := request_id(request))
    headers = {"X-Request-Id": id_, **(error.headers or {})}
    return Response(
        msgspec.json.encode(ErrorAnswer(body)),
        status_code=error.status_code,
        media_type=JSON,
        headers=headers,
    )


def answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    id_ = request_id(request)
    log.error("request_failed", exc_info=error, extra={"request_id": id_, "method": request.method})
    return internal(id_)


def internal(request_id: str) -> Response[bytes]:
    body = ErrorBody("internal", "Something went wrong here; the log has the details.", request_id)
    return Response(
        msgspec.json.encode(ErrorAnswer(body)),
        status_code=500,
        media_type=JSON,
        headers={"X-Request-Id": request_id},
    )


def request_id(request: Request[Any, Any, Any]) -> str:
    """The id this request has in answers and log lines."""
    state = request.scope["state"]
    if "request_id" not in state:
        state["request_id"] = new_id("req")
    id_: str = state["request_id"]
    return id_
