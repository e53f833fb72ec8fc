# Bodies that do not fit into the network's buffers: sent at the receiver's pace, and no longer than the deadline.

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from aftercall.net.door import Door
from aftercall.net.errors import NetError
from aftercall.net.message import Request
from tests.net.conftest import MakeDoor
from tests.support.certificates import Authority
from tests.support.receiver import Answer, Receiver

BODY = b"0123456789abcdef" * 327_680  # 5 MB

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, asyncio.Event], Awaitable[None]]


@asynccontextmanager
async def narrow(serve: Serve) -> AsyncIterator[str]:
    """A server with small buffers; it hangs up when `serve` ends. The event says that the test is over."""
    over = asyncio.Event()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer, over)
        writer.close()

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # those it accepts inherit it
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(run, sock=listening, limit=16_384)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        over.set()
        server.close()


async def test_a_large_body_arrives_at_a_slow_reader(door: Door) -> None:
    got = bytearray()

    async def read_slowly(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, over: asyncio.Event
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while len(got) < len(BODY):
            got.extend(await reader.read(50_000))
            await asyncio.sleep(0)
        writer.write(Answer().encode())

    async with narrow(read_slowly) as url:
        assert (await door.request(Request("POST", url, body=BODY, timeout=30))).body == b"ok"
    assert got == BODY


async def test_a_large_body_arrives_over_tls(make_door: MakeDoor, authority: Authority) -> None:
    async with Receiver(authority.context(["127.0.0.1"])) as receiver:
        door = make_door(ca_file=authority.ca_file)
        await door.request(Request("POST", receiver.url(), body=BODY, timeout=30))
        assert receiver.requests[0].body == BODY


async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, over: asyncio.Event) -> None:
    await over.wait()


async def test_the_deadline_holds_while_sending(door: Door) -> None:
    async with narrow(never_read) as url:
        with pytest.raises(NetError) as caught:
            await door.request(Request("POST", url, body=BODY, timeout=0.15))
    assert (caught.value.code, caught.value.sent) == ("timeout", True)
    assert caught.value.detail.endswith("sending the request")


async def test_a_request_may_be_cancelled_while_sending(make_door: MakeDoor) -> None:
    door = make_door(max_connections=1)
    async with narrow(never_read) as url, Receiver() as receiver:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await door.request(Request("POST", url, body=BODY))
        assert (await door.request(Request("GET", receiver.url()))).status == 200


async def test_an_answer_that_comes_before_the_body_is_sent_counts(door: Door) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, over: asyncio.Event) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(Answer(413, body=b"too large").encode())
        await over.wait()

    async with narrow(refuse) as url:
        for _ in range(2):  # the second time on a connection of its own
            response = await door.request(Request("POST", url, body=BODY))
            assert (response.status, response.body) == (413, b"too large")


async def test_a_connection_that_breaks_while_sending_is_told(door: Door) -> None:
    async def hang_up(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, over: asyncio.Event
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with narrow(hang_up) as url:
        with pytest.raises(NetError) as caught:
            await door.request(Request("POST", url, body=BODY))
    assert (caught.value.code, caught.value.sent) == ("protocol", True)
    assert "while sending the request" in caught.value.detail
