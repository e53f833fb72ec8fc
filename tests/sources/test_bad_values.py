# Whatever a vendor puts where: the request is refused in words or read, and what is read can be kept and told.

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from aftercall.domain.errors import Problem
from aftercall.domain.fact import Fact
from aftercall.domain.project import project
from aftercall.engine.upstream import Parsed, Request, RequestType, SignedType
from aftercall.sources import SOURCES
from tests.sources.vectors import SIGNED_AT, source

HERE = Path(__file__).parent
FORMS = ("twilio", "plivo")
SIGNED = ("twilio", "vapi", "retell", "elevenlabs", "livekit", "telnyx", "plivo", "jambonz")
ODD: list[Any] = [
    None, True, 0, -1, 1e300, 10**30, "", " ", "\0", "x\0y", "x" * 100_000, "-5", "nan", "inf", "1e999",
    "2025-13-45T99:99:99Z", "9999-12-31T23:59:59-23:59", [], [None], [[]], {}, {"": None}, ["é", 5, {}],
    {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": 1}}}}}}}}},
]  # fmt: skip


def samples(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Every request of a vendor's fixtures: its query, and its form or JSON body."""
    found: list[tuple[str, dict[str, Any]]] = []
    for path in sorted((HERE / name / "fixtures").glob("*.json*")):
        text = path.read_text()
        items = (
            [json.loads(line) for line in text.splitlines()]
            if path.suffix == ".jsonl"
            else [json.loads(text)]
        )
        for one in items[0] if type(items[0]) is list else items:
            body = one.get("params") or one.get("body") or one
            found.append((one.get("query", "") if "params" in one else "", body))
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for name, inner in list(members):
        yield value, name
        yield from places(inner)


def read(name: str, body: bytes, query: str) -> Parsed:
    kind, of = SOURCES[name], source(name)
    if isinstance(kind, RequestType):
        return kind.read(of, Request(url="", query=query, body=body, now=SIGNED_AT))
    return kind.parse(of, "", {}, body)


def check(facts: tuple[Fact, ...]) -> None:
    for fact in facts:
        text = msgspec.json.encode(fact)
        assert msgspec.json.decode(text, type=Fact) == fact
        assert b"\\u0000" not in text
        assert fact.occurred_at.utcoffset() is not None
    for call_key in {fact.call_key for fact in facts}:
        of_call = [fact for fact in facts if fact.call_key == call_key]
        msgspec.json.encode(project(of_call).call)


@pytest.mark.parametrize("name", [*SIGNED, "freeswitch_cdr"])
def test_odd_values_are_refused_or_read(name: str) -> None:
    chance = random.Random(name)
    requests = samples(name)
    assert requests
    for query, whole in requests:
        for i, _ in enumerate(places(whole)):
            for odd in chance.sample(ODD, 4):
                body = json.loads(json.dumps(whole))
                holder, member = list(places(body))[i]
                holder[member] = odd
                text = (
                    urlencode(body).encode()
                    if name in FORMS and "data" not in body
                    else json.dumps(body).encode()
                )
                try:
                    parsed = read(name, text, query)
                except Problem:
                    continue
                check(parsed.facts)


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"null", b"5", b"[5]", b"[" * 100_000, b'{"a": ', b"a=%ff&b=" + b"x" * 9]
)
def test_bodies_that_are_nothing(name: str, body: bytes) -> None:
    refused: Problem | None = None
    try:
        check(read(name, body, "").facts)
    except Problem as problem:
        refused = problem
    assert refused is None or refused.status in (400, 422)


@pytest.mark.parametrize("name", SIGNED)
def test_nothing_is_verified_without_a_signature(name: str) -> None:
    kind = SOURCES[name]
    assert isinstance(kind, SignedType)
    for secret in ("", " ", "a-secret"):
        for body in (b"", b"{}", b"\xff", b"CallSid=CA1"):
            with pytest.raises(Problem) as refused:
                kind.verify(source(name, secret), Request(url="", body=body, now=SIGNED_AT))
            assert refused.value.status == 401
