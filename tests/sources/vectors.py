# The signature vectors, and what every vendor's verifier must do with them: the security tests all inherit.

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Unauthenticated
from aftercall.domain.fact import Fact
from aftercall.domain.project import Projection, project
from aftercall.engine.upstream import Parsed, Request, SignedType
from aftercall.sources import SOURCES

VECTORS = json.loads((Path(__file__).parent / "signature-vectors.json").read_text())
SIGNED_AT = datetime.fromtimestamp(1755774164, UTC)


def source(type: str, secret: str = "secret-of-tests", **given: Any) -> Source:
    return Source(
        id="src_1",
        account_id="ac_1",
        type=type,
        token=secret,
        created_at=SIGNED_AT,
        updated_at=SIGNED_AT,
        **given,
    )


def signed_type(name: str) -> SignedType:
    kind = SOURCES[name]
    assert isinstance(kind, SignedType)
    return kind


def read(
    name: str, body: bytes, *, now: datetime = SIGNED_AT, query: str = "", of: Source | None = None
) -> Parsed:
    url = f"https://hooks.example.com/in/src_1{'?' if query else ''}{query}"
    request = Request(url=url, query=query, body=body, now=now)
    return signed_type(name).read(of or source(name), request)


def told(parsed: list[Parsed]) -> Projection:
    """The call that several requests make, whatever the order they come in, and however often."""
    facts: list[Fact] = [fact for one in parsed for fact in one.facts]
    assert [one.errors for one in parsed] == [()] * len(parsed)
    assert len({fact.call_key for fact in facts}) == 1
    projection = project(facts)
    assert project([*reversed(facts), *facts]) == projection
    assert project(facts[1::2] + facts[::2]) == projection
    return projection


def names(projection: Projection) -> list[str]:
    return [event.name.removeprefix("call.") for event in projection.events]


def accepted(name: str, secret: str, request: Request) -> bool:
    try:
        signed_type(name).verify(source(name, secret), request)
    except Unauthenticated:
        return False
    return True


def changed(request: Request, **to: Any) -> Request:
    return msgspec.structs.replace(request, **to)


def check_security(name: str, secret: str, request: Request, signature_header: str) -> None:
    """What holds for every vendor: the vector is accepted, and nothing else is."""
    assert accepted(name, secret, request)
    assert accepted(name, f"an-older-secret {secret}", request)
    assert not accepted(name, "x" + secret[1:], request)
    assert not accepted(name, "", request)
    for i in range(len(request.body)):
        flipped = request.body[:i] + bytes([request.body[i] ^ 1]) + request.body[i + 1 :]
        assert not accepted(name, secret, changed(request, body=flipped)), i
    assert not accepted(name, secret, changed(request, body=request.body + b"x"))
    assert not accepted(name, secret, changed(request, body=b""))
    headers = dict(request.headers)
    given = headers.pop(signature_header)
    assert not accepted(name, secret, changed(request, headers=headers))
    for bad in (
        "",
        "x",
        "é",
        given[:-1],
        f"x{given}",
        given[:-3] + ("AAA" if given[-3:] != "AAA" else "BBB"),
    ):
        assert not accepted(name, secret, changed(request, headers=headers | {signature_header: bad})), bad


def check_age(name: str, secret: str, request: Request, past: list[float]) -> None:
    """A stamp of long ago, or of the future, is refused: `past` holds seconds, the last allowed and the first not."""
    allowed, refused = past
    assert accepted(name, secret, changed(request, now=request.now + timedelta(seconds=allowed)))
    assert not accepted(name, secret, changed(request, now=request.now + timedelta(seconds=refused)))
    assert not accepted(name, secret, changed(request, now=request.now - timedelta(hours=1)))


def fixtures(test_file: str, pattern: str = "*") -> list[bytes]:
    return [path.read_bytes() for path in sorted((Path(test_file).parent / "fixtures").glob(pattern))]
