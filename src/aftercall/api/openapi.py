"""The OpenAPI 3.1 document, made of the same types that read requests and write answers (C2)."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from aftercall.api.answers import JSON, ErrorAnswer
from aftercall.api.events import BatchAnswer
from aftercall.api.ingest_schema import INGEST, ingest_schemas
from aftercall.api.operation import Operation
from aftercall.engine.accept import Taken

REF = "#/components/schemas/{name}"
TEXT = {"type": "string"}
DESCRIPTION = """A call ends, and everybody who must know, knows.

Authenticate with `Authorization: Bearer <API key>`. Every error has one shape, `{"error": {"code", "message",
"request_id", "errors": [{"field", "message", "got"}]}}`, with a stable code. Lists are paged: follow
`next_cursor`. A POST that creates takes an `Idempotency-Key`."""
KEY = {"type": "http", "scheme": "bearer", "description": "An API key, `ac_live_...`."}
TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "The source's token; also as a Basic password, in X-AfterCall-Token, or as ?token=.",
}
PROBLEMS = {
    400: "The body or query cannot be read.",
    401: "A valid API key is needed.",
    403: "The key lacks the scope, or may not do this.",
    404: "There is no such thing in this account.",
    405: "This source's events are sent with POST.",
    409: "This does not fit with what is stored, or the Idempotency-Key was used for something else.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The request breaks a rule; `errors` names the fields.",
    429: "Too much at once; see Retry-After.",
    500: "Something went wrong here.",
    503: "Not just now; see Retry-After.",
}
IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gives the first answer again, with the header "
    "Idempotency-Replayed and without secrets that are shown once; with another request, 409.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


def document(operations: tuple[Operation, ...], version: str, url: str) -> bytes:
    """The document as JSON."""
    kinds = [k for op in operations for k in (op.body, op.query, op.answer) if k is not None]
    kinds = [k for k in kinds if k not in (bytes, AsyncIterator[bytes])]
    kinds += [ErrorAnswer, BatchAnswer, Taken]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    of = dict(zip(map(repr, kinds), schemas, strict=True))
    components |= ingest_schemas()
    paths: dict[str, dict[str, Any]] = {path: dict(item) for path, item in INGEST.items()}
    for op in operations:
        paths.setdefault(op.path, {})[op.method.lower()] = _operation(op, of, components)
    return msgspec.json.encode({
        "openapi": "3.1.0",
        "info": {
            "title": "AfterCall",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(["Events", *(op.tag for op in operations)])],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {f"Problem{code}": _problem(code) for code in PROBLEMS},
            "securitySchemes": {"key": KEY, "token": TOKEN},
        },
    })  # fmt: skip


def _operation(op: Operation, of: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"operationId": op.id, "tags": [op.tag], "summary": op.summary}
    description = op.description
    if op.scope is not None:
        description = f"{description}\n\nScope: `{op.scope}`.".strip()
    if description:
        made["description"] = description
    if op.public:
        made["security"] = []
    if parameters := _parameters(op, of, components):
        made["parameters"] = parameters
    if op.body is not None:
        content = {"schema": TEXT if op.body is bytes else of[repr(op.body)]}
        if op.example is not None:
            content["example"] = op.example
        made["requestBody"] = {"required": not op.body_optional, "content": {op.takes: content}}
    made["responses"] = _responses(op, of)
    return made


def _parameters(op: Operation, of: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in op.names
    ]
    if op.query is not None:
        properties = components[of[repr(op.query)]["$ref"].rpartition("/")[2]]["properties"]
        for name, schema in properties.items():
            given: dict[str, Any] = {"name": name, "in": "query", "schema": _not_null(schema)}
            if schema.get("type") == "array":
                given |= {"style": "form", "explode": True}
            made.append(given)
    if op.creates:
        made.append(IDEMPOTENCY)
    return made


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is not given is left out, not null."""
    kept = {name: value for name, value in schema.items() if name not in ("default", "anyOf")}
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"}:
            kept |= choice
    if kept.get("enum"):
        kept["enum"] = [word for word in kept["enum"] if word is not None]
    return kept


def _responses(op: Operation, of: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done."}
    if op.answer is bytes:
        done["content"] = {"text/plain": {"schema": TEXT}}
    elif op.gives != JSON:
        done["content"] = {op.gives: {"schema": TEXT}}
    elif op.answer is not None:
        done["content"] = {"application/json": {"schema": of[repr(op.answer)]}}
    codes = [429, 500, 503]
    if not op.public:
        codes += [401, 403]
    if op.names:
        codes.append(404)
    codes += [400, 409, 413, 422] if op.method in ("POST", "PATCH", "PUT", "DELETE") else [422]
    if op.path in ("/v1/account", "/v1/numbers") or op.path.startswith(("/v1/contacts", "/v1/suppressions")):
        codes.append(404)
    return {
        str(op.status): done,
        **{str(code): {"$ref": f"#/components/responses/Problem{code}"} for code in sorted(set(codes))},
    }


def _problem(code: int) -> dict[str, Any]:
    return {
        "description": PROBLEMS[code],
        "content": {"application/json": {"schema": {"$ref": REF.format(name="ErrorAnswer")}}},
    }
