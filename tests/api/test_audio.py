# Recordings posted by a source: they pass through a file, verified, and leave a fact behind.

import asyncio
import hashlib
import hmac
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aftercall.server import Server
from tests.api.conftest import Answer, Api
from tests.api.test_front import wire
from tests.support.wait import until

SECRET = "wsec_0123456789abcdef"


def audio(size: int, conversation: str = "conv_1") -> bytes:
    data = {"agent_id": "a", "conversation_id": conversation, "full_audio": "SUQz" * (size // 4)}
    return json.dumps({"type": "post_call_audio", "event_timestamp": 1755774231, "data": data}).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    at = str(int(time.time()))
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v0={made}"


async def source(api: Api) -> str:
    made = await api.post("/v1/sources", {"type": "elevenlabs", "secret": SECRET})
    return str(made["ingest_url"]).partition("/in/")[2]


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 50_000):
        yield body[start : start + 50_000]


async def send(api: Api, source_id: str, body: Any, signed: str) -> Answer:
    raw = io.BytesIO(body) if isinstance(body, bytes) else body
    return await api.ask("POST", f"/in/{source_id}", raw=raw, ElevenLabs_Signature=signed)


@pytest.mark.parametrize("chunked", [True, False])
async def test_audio_larger_than_a_body_may_be_becomes_a_recording(api: Api, chunked: bool) -> None:
    body, at = audio(3_000_000), await source(api)
    answer = await send(api, at, pieces(body) if chunked else body, signature(body))
    assert answer.status == 200
    [call] = (await api.get("/v1/calls"))["items"]
    shown = await api.get(f"/v1/calls/{call['call_id']}")
    [recording] = shown["recordings"]
    assert recording["url"] == "https://api.elevenlabs.io/v1/convai/conversations/conv_1/audio"


async def test_audio_with_a_wrong_signature_is_refused(api: Api) -> None:
    body, at = audio(1_000_000), await source(api)
    answer = await send(api, at, body, signature(body, "wsec_another"))
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert (await api.get("/v1/calls"))["items"] == []


async def test_large_body_that_is_no_json(api: Api) -> None:
    body, at = b'{"type": "' + b"a" * 300_000, await source(api)
    assert (await send(api, at, body, signature(body))).code == "unreadable"
    body = b'{"type": "post_call_audio", "data": {"full_audio": "' + b"A" * 300_000 + b'"}}'
    answer = await send(api, at, body, signature(body))
    assert (answer.status, answer.field) == (422, "data.conversation_id")


async def test_more_than_audio_may_have_is_refused_before_it_is_sent(api: Api) -> None:
    async with wire(api) as w:
        head = w.request(b"", "Expect: 100-continue", line=f"POST /in/{await source(api)} HTTP/1.1")
        w.write(head.replace(b"Length: 0", b"Length: 999999999"))
        assert (await w.read()).status == 413


async def test_sources_that_send_no_audio_may_not_send_so_much(api: Api) -> None:
    made = await api.post("/v1/sources", {"type": "retell", "secret": SECRET})
    answer = await send(api, made["id"], b" " * 300_000, "")
    assert (answer.status, answer.code) == (413, "too_large")


async def test_only_a_few_large_bodies_at_once_and_who_leaves_makes_room(api: Api, server: Server) -> None:
    at, body = await source(api), audio(1_000_000)
    held = []
    for _ in range(4):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
        writer.write(f"POST /in/{at} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        writer.write(body[:500_000])
        held.append((reader, writer))

    async def full() -> bool:
        return (await send(api, at, body, signature(body))).status == 429

    await until(full)
    for _, writer in held:
        writer.close()

    async def room() -> bool:
        return (await send(api, at, body, signature(body))).status == 200

    await until(room)


async def test_connection_goes_on_after_a_large_body(api: Api) -> None:
    body, at = audio(500_000), await source(api)
    async with wire(api) as w:
        line, signed = f"POST /in/{at} HTTP/1.1", f"ElevenLabs-Signature: {signature(body)}"
        w.write(w.request(body, signed, line=line) + w.request(body, signed, line=line))
        assert [(await w.read()).status for _ in range(2)] == [200, 200]
