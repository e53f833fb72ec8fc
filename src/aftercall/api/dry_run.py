"""/v1/sources/{source_id}/dry-run: what a pasted request would become. Nothing is stored, nothing is sent (R1)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask, operation
from aftercall.api.sources import TAG
from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid, NotFound
from aftercall.engine.dry_run import DryRun, dry_run
from aftercall.engine.upstream import MappedType, Request
from aftercall.sources import SOURCES, reader

Short = Annotated[str, Meta(max_length=200)]


class DryRunForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A request as the source would send it. Its signature and token are not asked for."""

    payload: Annotated[
        Any, Meta(description="The body: text as it is sent, or a JSON value. Left out for a GET.")
    ] = ""
    content_type: (
        Annotated[Short, Meta(description="Of the payload; else it is told by its look.")] | None
    ) = None
    path: Annotated[Short, Meta(description="What follows the source's id in the URL.")] = ""
    query: Annotated[
        str, Meta(max_length=20_000, description="The URL's query, without the question mark.")
    ] = ""
    headers: Annotated[dict[Short, Annotated[str, Meta(max_length=2000)]], Meta(max_length=50)] = {}
    mapping: (
        Annotated[dict[str, Any], Meta(description="Instead of the source's `settings.mapping`.")] | None
    ) = None


@operation("POST", "/v1/sources/{source_id}/dry-run", "directory:read", "Try a request", tag=TAG,
           example={"payload": "CallSid=c1&Status=busy&Direction=inbound"})  # fmt: skip
async def dry_run_source(ask: Ask, source_id: str, data: DryRunForm) -> DryRun:
    """Reads a request as the source would and shows the facts, and the call and events they make. Nothing is
    stored or sent. With `mapping`, another mapping is tried before it is saved.
    """
    source = await ask.app.store.get_source(ask.account_id, source_id)
    settings = await ask.app.settings.get(ask.account_id)
    if source is None or settings is None:
        raise NotFound("There is no such source.")
    kind = SOURCES[source.type]
    if data.mapping is not None:
        source = _with_mapping(source, data.mapping)
    return dry_run(reader(kind), source, _request(ask, source, data), settings, kind.timing)


def _with_mapping(source: Source, mapping: dict[str, Any]) -> Source:
    kind = SOURCES.get(source.type)
    if not isinstance(kind, MappedType):
        raise Invalid.field("mapping", f"sources of type {source.type} have no mapping")
    changed = msgspec.structs.replace(source, settings={**source.settings, "mapping": mapping})
    kind.check_settings(changed)
    return changed


def _request(ask: Ask, source: Source, data: DryRunForm) -> Request:
    text, headers = data.payload, {name.lower(): value for name, value in data.headers.items()}
    body = text.encode() if isinstance(text, str) else msgspec.json.encode(text)
    if data.content_type is not None or not isinstance(text, str):
        headers["content-type"] = data.content_type or "application/json"
    path = f"/{data.path.strip('/')}" if data.path else ""
    question = f"?{data.query}" if data.query else ""
    return Request(
        url=f"{ask.app.config.public_url}/in/{source.id}{path}{question}",
        path=data.path.strip("/"),
        query=data.query,
        headers=headers,
        body=body,
        now=ask.now,
    )


OPERATIONS = (dry_run_source,)
