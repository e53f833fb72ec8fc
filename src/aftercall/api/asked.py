"""A request for ingest as it was sent, and the answer to it."""

from datetime import datetime
from mmap import mmap
from typing import NamedTuple, cast

import msgspec

from aftercall.domain.errors import Problem
from aftercall.engine.upstream import Request

JSON = (b"content-type", b"application/json")


class Asked(msgspec.Struct):
    """A request as it was sent. `path` is `raw_path` with its escapes resolved; header names in lower case."""

    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | mmap = b""
    refused: Problem | None = None  # before it was read to its end


class Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class MethodNotAllowed(Problem):
    """Events are sent with POST."""

    code = "method_not_allowed"
    status = 405


def body_of(asked: Asked) -> bytes | mmap:
    """Raises what it was refused for before it was read to its end."""
    if asked.refused is not None:
        raise asked.refused
    return asked.body


def in_memory(asked: Asked) -> bytes:
    return cast("bytes", body_of(asked))  # only types that are streamed to may send more


def as_request(asked: Asked, public_url: str, now: datetime, body: bytes, path: str = "") -> Request:
    """As a source's type reads it; `path` is what follows the source's id."""
    query, raw = asked.query.decode("latin-1"), asked.raw_path.decode("latin-1")
    return Request(
        url=f"{public_url}{raw}{'?' if query else ''}{query}",
        path=path,
        query=query,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in asked.headers},
        body=body,
        now=now,
    )
