# The front door over raw sockets: what HTTP/1.1 allows on one connection, and what a hostile client does with it.

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.api.conftest import Api
from tests.support.wait import until

EVENT = {"event": "call.received", "occurred_at": "2026-11-20T10:00:00Z", "from": "+14085551234"}


@dataclass
class Said:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, written to byte by byte as a test likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self.reader, self.writer, self.key = reader, writer, key

    def request(self, body: bytes, *headers: str, line: str = "POST /v1/events HTTP/1.1") -> bytes:
        lines = [
            line,
            "Host: here",
            f"Authorization: Bearer {self.key}",
            f"Content-Length: {len(body)}",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self, *, bodiless: bool = False) -> Said:
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])
            }
            length = 0 if bodiless else int(headers.get("content-length", "0"))
            return Said(int(head[0].split()[1]), headers, await self.reader.readexactly(length))

    async def closed(self) -> bool:
        async with asyncio.timeout(10):
            return await self.reader.read(1) == b""


@asynccontextmanager
async def wire(api: Api, key: str | None = None) -> AsyncIterator[Wire]:
    at = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        yield Wire(reader, writer, key or api.key)
    finally:
        writer.close()


def event(call_id: str, **more: Any) -> bytes:
    return json.dumps(EVENT | {"call_id": call_id} | more).encode()


async def test_requests_one_after_the_other_share_a_connection(api: Api) -> None:
    async with wire(api) as w:
        for call in ("a", "b", "c"):
            w.write(w.request(event(call)))
            said = await w.read()
            assert (said.status, said.json["status"]) == (200, "accepted")
            assert said.headers["content-type"] == "application/json"
            assert said.headers["date"].endswith("GMT")


async def test_pipelined_requests_are_answered_in_order(api: Api) -> None:
    async with wire(api) as w:
        bad = w.request(b"{", line="POST /v1/events HTTP/1.1")
        api_route = w.request(b"", line="GET /v1/calls HTTP/1.1")
        w.write(w.request(event("p1")) + api_route + bad + w.request(event("p2")) + w.request(event("p1")))
        assert [(await w.read()).status for _ in range(3)] == [200, 200, 400]
        assert (await w.read()).json["status"] == "accepted"
        assert (await w.read()).status == 200


async def test_pipelined_request_whose_body_comes_later(api: Api) -> None:
    async with wire(api) as w:
        second = w.request(event("late"))
        w.write(w.request(event("first")) + second[:-10])
        assert (await w.read()).json["status"] == "accepted"
        await asyncio.sleep(0.05)
        w.write(second[-10:])
        assert (await w.read()).json["status"] == "accepted"


async def test_request_in_single_bytes(api: Api) -> None:
    async with wire(api) as w:
        for byte in w.request(event("slow")):
            w.write(bytes([byte]))
            await w.writer.drain()
        assert (await w.read()).json["status"] == "accepted"


async def test_chunked_body(api: Api) -> None:
    body = event("chunked")
    async with wire(api) as w:
        head = w.request(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:20], body[20:]))
        w.write(head + chunks + b"0\r\n\r\n")
        assert (await w.read()).json["status"] == "accepted"
        w.write(w.request(event("after")))
        assert (await w.read()).status == 200


async def test_expect_continue(api: Api) -> None:
    body = event("polite")
    async with wire(api) as w:
        w.write(w.request(body, "Expect: 100-continue")[: -len(body)])
        assert (await w.read(bodiless=True)).status == 100
        w.write(body)
        assert (await w.read()).json["status"] == "accepted"


async def test_expect_continue_when_the_body_would_be_too_large(api: Api) -> None:
    async with wire(api) as w:
        w.write(w.request(b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: 99999999"))
        assert (await w.read()).status == 413


async def test_body_that_grows_too_large_is_not_kept(api: Api) -> None:
    async with wire(api) as w:
        w.write(w.request(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b""))
        piece = b"%x\r\n%s\r\n" % (65536, b" " * 65536)
        for _ in range(40):
            w.write(piece)
            await w.writer.drain()
        assert (await w.read()).json["error"]["code"] == "too_large"
        w.write(b"0\r\n\r\n" + w.request(event("next")))  # what was refused was read to its end
        assert (await w.read()).status == 200


async def test_connection_is_closed_when_asked(api: Api) -> None:
    async with wire(api) as w:
        w.write(w.request(event("bye"), "Connection: close"))
        said = await w.read()
        assert (said.status, said.headers["connection"]) == (200, "close")
        assert await w.closed()


async def test_http_1_0_is_answered_and_closed(api: Api) -> None:
    async with wire(api) as w:
        w.write(w.request(event("old"), line="POST /v1/events HTTP/1.0"))
        assert (await w.read()).status == 200
        assert await w.closed()


async def test_head_has_no_body(api: Api) -> None:
    async with wire(api) as w:
        w.write(w.request(b"", line="HEAD /v1/events HTTP/1.1"))
        said = await w.read(bodiless=True)
        assert (said.status, said.headers["allow"]) == (405, "POST")
        w.write(w.request(event("then")))
        assert (await w.read()).status == 200


async def test_path_with_escapes_is_the_same_path(api: Api) -> None:
    source = (await api.post("/v1/sources", {"type": "http"})).body
    at = source["ingest_url"].partition("/in/")[2].replace("_", "%5F")
    async with wire(api, source["token"]) as w:
        w.write(w.request(event("escaped"), line=f"POST /in/{at} HTTP/1.1"))
        assert (await w.read()).json["status"] == "accepted"


async def test_other_paths_that_begin_alike_are_not_ours(api: Api) -> None:
    async with wire(api) as w:
        for path in ("/v1/eventsx", "/v1/events/x", "/inx", "/in"):
            w.write(w.request(event("x"), line=f"POST {path} HTTP/1.1"))
            assert (await w.read()).status == 404


async def test_client_that_leaves_before_the_answer_loses_nothing(api: Api) -> None:
    async with wire(api) as w:
        w.write(w.request(event("gone")))
        await w.writer.drain()

    async def kept() -> bool:
        calls = await api.get("/v1/calls")
        return any(call["source_call_key"] == "gone" for call in calls["items"])

    await until(kept)


async def test_nonsense_is_refused(api: Api) -> None:
    async with wire(api) as w:
        w.write(b"POST /v1/events HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        assert (await w.read()).status == 400
        assert await w.closed()
