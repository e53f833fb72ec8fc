# The websocket and the single GET, against servers that are not Asterisk.

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from aftercall.net.door import Door
from aftercall.net.errors import AnswerError, HungUpError
from aftercall.net.fetch import fetch
from aftercall.net.websocket import RejectedError, WebSocket

Speak = Callable[[ServerConnection], AsyncIterator[None]]
CAP = 1000


@asynccontextmanager
async def spoken_to(door: Door, *said: str | bytes | list[str]) -> AsyncIterator[WebSocket]:
    """A connection to a server that says all this and then goodbye."""

    async def speak(connection: ServerConnection) -> None:
        for message in said:
            await connection.send(message)

    async with serve(speak, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        reader, writer = await door.connect("127.0.0.1", port, tls=False, timeout=5)
        socket = WebSocket(reader, writer, f"ws://127.0.0.1:{port}/x", CAP)
        await socket.open({"X-Test": "1"})
        yield socket
        writer.close()


async def all_of(socket: WebSocket) -> list[str]:
    found: list[str] = []
    try:
        while True:
            found += await socket.receive()
    except HungUpError:
        return found


@asynccontextmanager
async def answering(
    door: Door, answer: bytes
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A stream to a server that answers any request with these bytes, and closes."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await door.connect("127.0.0.1", port, tls=False, timeout=5)
        yield reader, writer
        writer.close()


async def test_messages_when_whole_or_in_fragments(door: Door) -> None:
    async with spoken_to(door, "one", ["tw", "o"], "☎" * 100) as socket:
        assert await all_of(socket) == ["one", "two", "☎" * 100]


@pytest.mark.parametrize("said", ["x" * (CAP + 1), ["x" * CAP, "x"]])
async def test_connection_ends_when_a_message_is_too_long(door: Door, said: str | list[str]) -> None:
    async with spoken_to(door, "one", said) as socket:
        assert await all_of(socket) == ["one"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404),
        (
            b"HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            0,
        ),
        (b"220 internal.example ESMTP\r\n", 0),
        (b"", 0),
    ],
)
async def test_handshake_when_it_is_answered_with_something_else(
    door: Door, answer: bytes, status: int
) -> None:
    async with answering(door, answer) as (reader, writer):
        socket = WebSocket(reader, writer, "ws://127.0.0.1/x", CAP)
        with pytest.raises(RejectedError) as caught:
            await socket.open({})
        assert caught.value.status == status


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n[]",
    ],
)
async def test_fetched_when_the_end_is_told_in_any_way(door: Door, answer: bytes) -> None:
    async with answering(door, answer) as (reader, writer):
        assert await fetch(reader, writer, "pbx", "/", {}, CAP) == (200, b"[]")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, AnswerError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[]", HungUpError),
        (b"220 internal.example ESMTP\r\n", AnswerError),
        (b"", HungUpError),
    ],
)
async def test_not_fetched_when_the_answer_is_too_long_or_none(
    door: Door, answer: bytes, error: type[Exception]
) -> None:
    async with answering(door, answer) as (reader, writer):
        with pytest.raises(error):
            await fetch(reader, writer, "pbx", "/", {}, CAP)
