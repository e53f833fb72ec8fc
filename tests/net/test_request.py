# What a well-behaved receiver sees and what comes back.

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from aftercall.net.door import Door
from aftercall.net.errors import NetError
from aftercall.net.message import Request
from tests.net.conftest import MakeDoor
from tests.support.receiver import Answer, Receiver


async def test_a_post_arrives_byte_for_byte(door: Door, receiver: Receiver) -> None:
    headers = (("Content-Type", "application/json"), ("x-CASE", "Ä b\tc"), ("X-Twice", "1"), ("X-Twice", "2"))
    body = bytes(range(256))
    await door.request(Request("POST", receiver.url("/hook?b=2&a=%20"), headers, body))
    (seen,) = receiver.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/hook?b=2&a=%20", body)
    host = ("Host", f"127.0.0.1:{receiver.port}")
    assert seen.headers == (host, *headers, ("Content-Length", "256"))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_each_method_is_sent_without_extra_headers(door: Door, receiver: Receiver, method: str) -> None:
    await door.request(Request(method, receiver.url()))
    (seen,) = receiver.requests
    extra = () if method == "GET" else (("Content-Length", "0"),)
    assert (seen.method, seen.headers[1:]) == (method, extra)


async def test_a_body_of_megabytes_arrives(door: Door, receiver: Receiver) -> None:
    body = b"0123456789abcdef" * 200_000
    await door.request(Request("POST", receiver.url(), body=body))
    assert receiver.requests[0].body == body


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 404, 410, 418, 429, 500, 503, 599])
async def test_every_status_is_an_answer(door: Door, receiver: Receiver, status: int) -> None:
    response = await door.request(Request("GET", receiver.url(f"/{status}")))
    assert (response.status, response.body) == (status, b"" if status == 204 else b"ok")
    assert (response.truncated, response.address) == (False, "127.0.0.1")
    assert 0 < response.elapsed < 5


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://10.0.0.1/", "https://example.com/", "/200", "::"])
async def test_a_redirect_is_an_answer_and_not_followed(
    door: Door, receiver: Receiver, status: int, location: str
) -> None:
    response = await door.request(Request("POST", receiver.url(f"/{status}?location={location}"), body=b"x"))
    assert (response.status, len(receiver.requests)) == (status, 1)
    assert ("Location", location) in response.headers


async def test_retry_after_comes_back_as_written(door: Door, receiver: Receiver) -> None:
    later = format_datetime(datetime(2031, 1, 2, tzinfo=UTC), usegmt=True)
    receiver.plan("/busy", Answer(429, (("Retry-After", "7"),)), Answer(503, (("Retry-After", later),)))
    seconds = await door.request(Request("GET", receiver.url("/busy")))
    date = await door.request(Request("GET", receiver.url("/busy")))
    assert (dict(seconds.headers)["Retry-After"], dict(date.headers)["Retry-After"]) == ("7", later)


async def test_a_chunked_body_is_put_together(door: Door, receiver: Receiver) -> None:
    assert (await door.request(Request("GET", receiver.url("/chunked")))).body == b"abcdefg"


async def test_a_body_may_end_with_the_connection(door: Door, receiver: Receiver) -> None:
    assert (await door.request(Request("GET", receiver.url("/until-close")))).body == b"old but fine"


async def test_an_interim_answer_is_passed_over(door: Door, receiver: Receiver) -> None:
    response = await door.request(Request("GET", receiver.url("/informed")))
    assert (response.status, response.body) == (200, b"final")


async def test_a_connection_is_used_again(door: Door, receiver: Receiver) -> None:
    for _ in range(3):
        await door.request(Request("POST", receiver.url(), body=b"x"))
    assert receiver.connections == 1


async def test_cookies_are_not_kept(door: Door, receiver: Receiver) -> None:
    receiver.plan("/hook", Answer(headers=(("Set-Cookie", "a=b; Path=/"),)))
    for _ in range(2):
        await door.request(Request("GET", receiver.url("/hook")))
    assert receiver.requests[1].header("Cookie") is None


async def test_a_proxy_in_the_environment_is_ignored(
    door: Door, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await door.request(Request("GET", receiver.url()))).status == 200


async def test_many_requests_at_once_all_get_their_own_answer(door: Door, receiver: Receiver) -> None:
    bodies = [str(n).encode() for n in range(300)]
    for n, body in enumerate(bodies):
        receiver.plan(f"/hook/{n}", Answer(body=body))
    requests = [Request("GET", receiver.url(f"/hook/{n}")) for n in range(300)]
    responses = await asyncio.gather(*(door.request(r) for r in requests))
    assert [r.body for r in responses] == bodies


async def test_a_cancelled_request_is_cancelled_and_its_connection_not_used_again(
    door: Door, receiver: Receiver
) -> None:
    task = asyncio.create_task(door.request(Request("GET", receiver.url("/silent"))))
    await receiver.wait(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await door.request(Request("GET", receiver.url()))).status == 200
    assert receiver.connections == 2


async def test_http_is_refused_unless_allowed(make_door: MakeDoor, receiver: Receiver) -> None:
    with pytest.raises(NetError, match="only https") as caught:
        await make_door(allow_http=False).request(Request("GET", receiver.url()))
    assert (caught.value.code, caught.value.sent, receiver.connections) == ("invalid_url", False, 0)


@pytest.mark.parametrize(
    "header",
    [("X-A", "b\r\nX-C: d"), ("X-A", "b\nc"), ("X-A", "\0"), ("X-A\r\n", "b"), ("X A", "b"), ("X:A", "b"),
     ("", "b"), ("Ä", "b"), ("X-A", "\ud800"), ("Host", "other"), ("content-length", "3"),
     ("Transfer-Encoding", "chunked"), ("Connection", "close"), ("Upgrade", "h2c"),
     ("Expect", "100-continue")],
)  # fmt: skip
async def test_a_header_that_would_change_the_message_is_refused(
    door: Door, receiver: Receiver, header: tuple[str, str]
) -> None:
    with pytest.raises(NetError) as caught:
        await door.request(Request("POST", receiver.url(), (header,)))
    assert (caught.value.code, receiver.connections) == ("invalid_request", 0)


@pytest.mark.parametrize("method", ["HEAD", "CONNECT", "get", "POST / HTTP/1.1\r\nX: y\r\n\r\n", ""])
async def test_another_method_is_refused(door: Door, receiver: Receiver, method: str) -> None:
    with pytest.raises(NetError) as caught:
        await door.request(Request(method, receiver.url()))
    assert caught.value.code == "invalid_request"


async def test_a_door_that_closes_ends_what_is_in_flight(door: Door, receiver: Receiver) -> None:
    task = asyncio.create_task(door.request(Request("POST", receiver.url("/silent"))))
    await receiver.wait(1)
    await door.close()
    with pytest.raises(NetError) as caught:
        await task
    assert (caught.value.code, caught.value.sent) == ("closed", True)


async def test_a_closed_door_refuses(door: Door, receiver: Receiver) -> None:
    await door.request(Request("GET", receiver.url()))
    await door.close()
    with pytest.raises(NetError) as caught:
        await door.request(Request("GET", receiver.url()))
    assert (caught.value.code, caught.value.sent) == ("closed", False)
