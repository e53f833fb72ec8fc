# Receivers that answer badly, too much, too slowly or never. Whatever they do: a NetError, in time.

import asyncio
from functools import partial

import pytest

from aftercall.net.door import Door
from aftercall.net.errors import NetError
from aftercall.net.message import MAX_HEADER_BYTES, MAX_HEADERS, Request
from tests.net.conftest import MakeDoor
from tests.support.receiver import Answer, Exchange, Receiver

SOON = 0.15


async def failure(door: Door, request: Request) -> NetError:
    with pytest.raises(NetError) as caught:
        await door.request(request)
    return caught.value


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/close", "closed the connection while waiting for the answer"),
        ("/reset", "while waiting for the answer"),
        ("/garbage", "not valid HTTP"),
        ("/short", "while reading the body"),
        ("/bad-chunk", "not valid HTTP"),
        ("/huge-header", "headers are too large"),
        ("/many-headers", "headers are too large"),
    ],
)
async def test_a_broken_answer_is_a_protocol_error(
    door: Door, receiver: Receiver, path: str, detail: str
) -> None:
    error = await failure(door, Request("POST", receiver.url(path), body=b"x"))
    assert (error.code, error.sent) == ("protocol", True)
    assert detail in error.detail


@pytest.mark.parametrize(
    "raw",
    [b"\x00" * 100, b"HTTP/1.1\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n",
     b"\x16\x03\x01\x02", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
     b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n" * 50_000],
)  # fmt: skip
async def test_any_bytes_end_in_a_net_error(door: Door, receiver: Receiver, raw: bytes) -> None:
    receiver.plan("/raw", partial(_send, raw))
    assert (await failure(door, Request("GET", receiver.url("/raw")))).code == "protocol"


async def _send(raw: bytes, x: Exchange) -> None:
    await x.send(raw)


@pytest.mark.parametrize(
    ("path", "phase"),
    [
        ("/silent", "waiting for the answer"),
        ("/drip-head", "waiting for the answer"),
        ("/drip", "reading the body"),
    ],
)
async def test_the_deadline_holds_for_a_slow_answer(
    door: Door, receiver: Receiver, path: str, phase: str
) -> None:
    error = await failure(door, Request("POST", receiver.url(path), body=b"x", timeout=SOON))
    assert (error.code, error.sent) == ("timeout", True)
    assert error.detail.endswith(phase)
    assert SOON * 0.9 <= error.elapsed < 5  # uvloop counts in whole milliseconds


async def test_the_deadline_holds_while_connecting(door: Door, full_port: int) -> None:
    error = await failure(door, Request("POST", f"http://127.0.0.1:{full_port}/", timeout=SOON))
    assert (error.code, error.sent) == ("timeout", False)
    assert error.detail.endswith("while connecting")


async def test_the_deadline_holds_while_waiting_for_a_free_connection(
    make_door: MakeDoor, receiver: Receiver
) -> None:
    door = make_door(max_connections=1)
    held = asyncio.Event()
    receiver.plan("/held", Answer(hold=held))
    first = asyncio.create_task(door.request(Request("GET", receiver.url("/held"))))
    await receiver.wait(1)
    error = await failure(door, Request("POST", receiver.url(), timeout=SOON))
    held.set()
    assert (error.code, error.sent, (await first).status) == ("timeout", False, 200)
    assert error.detail.endswith("waiting for a free connection")


async def test_a_refused_connection_is_told(door: Door, receiver: Receiver) -> None:
    await receiver.__aexit__()
    error = await failure(door, Request("POST", receiver.url()))
    assert (error.code, error.sent) == ("connect", False)
    assert "refused" in error.detail


@pytest.mark.parametrize("cap", [0, 1, 16_384, 100_000])
async def test_an_endless_body_is_cut_at_the_cap(door: Door, receiver: Receiver, cap: int) -> None:
    response = await door.request(Request("GET", receiver.url("/endless"), body_cap=cap))
    assert (response.status, response.truncated, len(response.body)) == (200, True, cap)


async def test_a_body_of_exactly_the_cap_is_whole(door: Door, receiver: Receiver) -> None:
    response = await door.request(Request("GET", receiver.url("/200"), body_cap=2))
    assert (response.body, response.truncated) == (b"ok", False)


async def test_a_connection_with_an_unread_body_is_dropped(door: Door, receiver: Receiver) -> None:
    receiver.plan("/big", Answer(body=b"x" * 5_000_000))
    await door.request(Request("GET", receiver.url("/big"), body_cap=1))
    await door.request(Request("GET", receiver.url("/200")))
    assert receiver.connections == 2


async def test_a_compressed_body_stays_compressed(door: Door, receiver: Receiver) -> None:
    response = await door.request(Request("GET", receiver.url("/bomb"), body_cap=100_000))
    assert response.body.startswith(b"\x1f\x8b")
    assert len(response.body) < 20_000


async def test_more_body_than_announced_is_a_protocol_error(door: Door, receiver: Receiver) -> None:
    assert (await failure(door, Request("GET", receiver.url("/long")))).code == "protocol"
    assert (await door.request(Request("GET", receiver.url()))).status == 200


async def test_a_stray_second_answer_does_not_answer_the_next_request(door: Door, receiver: Receiver) -> None:
    assert (await door.request(Request("GET", receiver.url("/twice")))).body == b"first"
    assert (await door.request(Request("GET", receiver.url()))).status == 200


async def test_an_answer_that_comes_while_the_connection_rests_is_not_taken(
    door: Door, receiver: Receiver
) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def answer_and_stay(x: Exchange) -> None:
        writers.append(x.writer)
        await x.send(Answer(body=b"first").encode())
        await x.stop.wait()

    receiver.plan("/hook", answer_and_stay)
    assert (await door.request(Request("GET", receiver.url("/hook")))).body == b"first"
    async with Receiver() as other:
        writers[0].write(Answer(500, body=b"stray").encode())
        await door.request(Request("GET", other.url()))  # by its end the stray bytes have been read, too
    assert (await door.request(Request("GET", receiver.url()))).status == 200


async def test_headers_are_kept_up_to_a_number(door: Door, receiver: Receiver) -> None:
    receiver.plan("/hook", Answer(headers=tuple((f"X-{n}", "v") for n in range(100))))
    response = await door.request(Request("GET", receiver.url("/hook")))
    assert len(response.headers) == MAX_HEADERS


async def test_headers_are_kept_up_to_a_size(door: Door, receiver: Receiver) -> None:
    receiver.plan("/hook", Answer(headers=tuple((f"X-{n}", "v" * 1000) for n in range(20))))
    response = await door.request(Request("GET", receiver.url("/hook")))
    assert 7000 < sum(len(n) + len(v) for n, v in response.headers) <= MAX_HEADER_BYTES


async def test_header_bytes_that_are_no_text_become_text(door: Door, receiver: Receiver) -> None:
    receiver.plan(
        "/raw", partial(_send, b"HTTP/1.1 200 OK\r\nX-Odd: \xff\xc3\xa9\r\nContent-Length: 0\r\n\r\n")
    )
    response = await door.request(Request("GET", receiver.url("/raw")))
    assert ("X-Odd", "\ufffdé") in response.headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_nothing_is_sent_twice_when_a_used_connection_breaks(
    door: Door, receiver: Receiver, method: str
) -> None:
    await door.request(Request("GET", receiver.url()))
    error = await failure(door, Request(method, receiver.url("/reset")))
    assert (error.code, error.sent) == ("protocol", True)
    assert ([r.path for r in receiver.requests], receiver.connections) == (["/200", "/reset"], 1)


async def test_an_error_repeats_no_secret(door: Door, receiver: Receiver) -> None:
    request = Request(
        "POST", receiver.url("/garbage?token=hunter2"), (("Authorization", "hunter2"),), b"hunter2"
    )
    error = await failure(door, request)
    assert "hunter2" not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None
