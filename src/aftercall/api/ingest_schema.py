"""What /v1/events and /in/{source} look like in the OpenAPI document. How they work is in ingest.py."""

from typing import Any

import msgspec

from aftercall.domain.fact import Data
from aftercall.engine.taking import MAX_KEY
from aftercall.sources.fields import FIELDS
from aftercall.sources.http import KINDS
from aftercall.sources.names import MOST

TIME = {
    "description": "ISO 8601 with a zone, or seconds or milliseconds since the epoch.",
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0}, {"type": "null"}],
}
ID = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_KEY}, {"type": "integer"}]}
EXAMPLE = {
    "event": "call.completed",
    "event_id": "evt_5z7h3c",
    "occurred_at": "2025-08-21T11:02:44Z",
    "call_id": "cl_8fKQ92",
    "direction": "inbound",
    "from": "+14085551234",
    "to": "+14085559876",
    "status": "answered",
    "queue": {"id": "q_23", "name": "Support"},
    "agent": {"id": "ag_102", "name": "Jordan"},
    "started_at": "2025-08-21T10:58:13Z",
    "connected_at": "2025-08-21T10:58:33Z",
    "ended_at": "2025-08-21T11:02:44Z",
    "duration_seconds": 271,
    "talk_time_seconds": 251,
    "wrap_up_seconds": 20,
    "recording_url": "https://recordings.example/abc123.mp3",
    "notes": "Callback scheduled",
    "custom_fields": {"crm_id": "ACME-4451", "priority": "high"},
}


def _problems(*codes: int) -> dict[str, Any]:
    return {str(code): {"$ref": f"#/components/responses/Problem{code}"} for code in codes}


def _answer(*names: str) -> dict[str, Any]:
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return {
        "description": "Stored. One event: its result. A list: a result for each, and counts.",
        "content": {"application/json": {"schema": {"anyOf": schemas}}},
    }


INGEST: dict[str, dict[str, Any]] = {
    "/v1/events": {
        "post": {
            "operationId": "post_events",
            "tags": ["Events"],
            "summary": "Take in call events",
            "description": "One event, or a list of up to 1,000. Answered after the commit. One event that breaks a "
            "rule is answered 422; in a list, each has its result and a bad one does not take its neighbours "
            "down. Fields may stand flat or under `data`; unknown ones become custom fields.\n\n"
            "Scope: `events:write`.",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "anyOf": [
                                {"$ref": "#/components/schemas/EventIn"},
                                {
                                    "type": "array",
                                    "maxItems": 1000,
                                    "items": {"$ref": "#/components/schemas/EventIn"},
                                },
                            ]
                        },
                        "example": EXAMPLE,
                    }
                },
            },
            "responses": {
                "200": _answer("Taken", "BatchAnswer"),
                **_problems(400, 401, 403, 413, 415, 422, 429, 500, 503),
            },
        }
    },
    "/in/{source_id}": {
        "get": {
            "operationId": "get_from_source",
            "tags": ["Events"],
            "summary": "Take in what a source sends as a query",
            "description": "Types that are read by a mapping, and have no signature, may send their events as a "
            "query. The token may stand in it as `token`.",
            "security": [{"token": []}],
            "parameters": [
                {"name": "source_id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "responses": {
                "200": {"description": "Taken"},
                **_problems(400, 401, 403, 405, 413, 422, 429, 500, 503),
            },
        },
        "post": {
            "operationId": "post_source",
            "tags": ["Events"],
            "summary": "Take in what a source sends",
            "description": "The body is what the source's type sends. Type http: as /v1/events. "
            "Types whose vendor signs its requests are verified by the signature and need no token.",
            "security": [{"token": []}, {}],
            "parameters": [
                {"name": "source_id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
            "responses": {
                "200": _answer("Taken", "BatchAnswer"),
                **_problems(400, 401, 403, 404, 413, 415, 422, 429, 500, 503),
            },
        },
    },
}


def ingest_schemas() -> dict[str, Any]:
    """EventIn, and what its fields refer to."""
    (data,), parts = msgspec.json.schema_components([Data], ref_template="#/components/schemas/{name}")
    fields = parts.pop(data["$ref"].rpartition("/")[2])["properties"]
    known = {name: _nullable(schema) for name, schema in fields.items() if name in FIELDS}
    for name in ("started_at", "answered_at", "connected_at", "ended_at"):
        known[name] = TIME
    return {
        **parts,
        "EventIn": {
            "title": "EventIn",
            "description": "One fact about a call. Fields of the call may stand here or under `data`.",
            "type": "object",
            "required": ["event", "call_id"],
            "properties": {
                "event": {"enum": list(KINDS), "description": "What happened."},
                "call_id": {**ID, "description": "The call's key at the source."},
                "occurred_at": {**TIME},
                "event_id": {
                    "anyOf": [*ID["anyOf"], {"type": "null"}],
                    "description": "Unique within the call; else a hash of the content.",
                },
                "leg_id": {
                    "anyOf": [*ID["anyOf"], {"type": "null"}],
                    "description": "One connection of the call.",
                },
                "sequence": {
                    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}],
                    "description": "The source's own number of the event within the call.",
                },
                "source": {
                    "type": ["string", "null"],
                    "description": "A source's id; else the account's first.",
                },
                "same_as": {
                    "type": ["array", "null"],
                    "items": {"type": "string", "maxLength": MAX_KEY + 33},
                    "maxItems": MOST,
                    "description": "Other names of the call, such as `twilio:CA0123`: calls that share one are one.",
                },
                "data": {"type": ["object", "null"]},
                **known,
            },
            "additionalProperties": True,
        },
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    schema = {name: value for name, value in schema.items() if name != "default"}
    if "anyOf" in schema and {"type": "null"} in schema["anyOf"]:
        return schema
    return {"anyOf": [schema, {"type": "null"}]}
