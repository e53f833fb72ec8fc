# Requests to sources that are read by a mapping, and the calls they make.

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from aftercall.domain.account import Source
from aftercall.domain.fact import Fact
from aftercall.domain.project import Projection, project
from aftercall.engine.upstream import Parsed, Request
from aftercall.sources import SOURCES
from aftercall.sources.mapped.type import Mapped
from tests.sources.vectors import SIGNED_AT, source

FIXTURES = Path(__file__).parent / "fixtures"


def kind(name: str) -> Mapped:
    found = SOURCES[name]
    assert isinstance(found, Mapped)
    return found


def of(name: str, mapping: dict[str, Any] | None = None, **given: Any) -> Source:
    return source(name, settings={} if mapping is None else {"mapping": mapping}, **given)


def ask(
    from_: Source,
    body: Any = b"",
    *,
    path: str = "",
    query: str = "",
    content_type: str | None = None,
    now: datetime = SIGNED_AT,
    **headers: str,
) -> Parsed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        named["content-type"] = content_type
    request = Request(url="", path=path, query=query, headers=named, body=raw, now=now)
    return kind(from_.type).read(from_, request)


def call(*parsed: Parsed) -> Projection:
    facts: list[Fact] = [fact for one in parsed for fact in one.facts]
    assert [one.errors for one in parsed] == [()] * len(parsed)
    assert len({fact.call_key for fact in facts}) == 1
    return project(facts)


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())
