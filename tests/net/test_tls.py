import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from aftercall.net.errors import NetError
from aftercall.net.message import Request
from tests.net.conftest import MakeDoor, Names
from tests.support.certificates import Authority
from tests.support.receiver import Answer, Exchange, Receiver


async def failure(make_door: MakeDoor, authority: Authority, context: ssl.SSLContext) -> NetError:
    async with Receiver(context) as receiver:
        with pytest.raises(NetError) as caught:
            await make_door(ca_file=authority.ca_file).request(
                Request("POST", receiver.url(), body=b"secret")
            )
        assert receiver.requests == []
    assert (caught.value.code, caught.value.sent) == ("tls", False)
    return caught.value


async def test_a_valid_chain_is_accepted(make_door: MakeDoor, authority: Authority) -> None:
    door = make_door(Names(hook_test=[["127.0.0.1"]]), ca_file=authority.ca_file, allow_http=False)
    async with Receiver(authority.context(["hook.test", "127.0.0.1"])) as receiver:
        by_name = await door.request(Request("POST", receiver.url(host="hook.test"), body=b"x" * 100_000))
        by_address = await door.request(Request("GET", receiver.url()))
        await door.request(Request("GET", receiver.url()))
        assert (by_name.status, by_address.status, receiver.connections) == (200, 200, 2)


async def test_http_1_1_is_offered_to_web_servers_and_nothing_to_others(
    make_door: MakeDoor, authority: Authority
) -> None:
    agreed: list[str | None] = []

    async def note(x: Exchange) -> None:
        agreed.append(x.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await x.send(Answer().encode())

    context = authority.context(["127.0.0.1"])
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with Receiver(context) as receiver:
        receiver.plan("/note", note)
        door = make_door(ca_file=authority.ca_file)
        await door.request(Request("GET", receiver.url("/note")))
        reader, writer = await door.connect("127.0.0.1", receiver.port, tls=True, timeout=5)
        writer.write(b"GET /note HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readline()
        writer.close()
    assert agreed == ["http/1.1", None]


async def test_an_authority_that_is_not_allowed_is_refused(make_door: MakeDoor, authority: Authority) -> None:
    async with Receiver(authority.context()) as receiver:
        with pytest.raises(NetError, match="issuer is not trusted") as caught:
            await make_door().request(Request("GET", receiver.url()))
    assert caught.value.code == "tls"


async def test_an_expired_certificate_is_refused(make_door: MakeDoor, authority: Authority) -> None:
    context = authority.context(valid_for=timedelta(days=-1))
    assert "expired" in (await failure(make_door, authority, context)).detail


async def test_a_self_signed_certificate_is_refused(make_door: MakeDoor, authority: Authority) -> None:
    context = authority.context(self_signed=True)
    assert "self-signed" in (await failure(make_door, authority, context)).detail


async def test_a_certificate_for_another_address_is_refused(
    make_door: MakeDoor, authority: Authority
) -> None:
    context = authority.context(["other.test"])
    assert "another address" in (await failure(make_door, authority, context)).detail


async def test_a_certificate_for_another_name_is_refused(make_door: MakeDoor, authority: Authority) -> None:
    door = make_door(Names(hook_test=[["127.0.0.1"]]), ca_file=authority.ca_file)
    async with Receiver(authority.context(["other.test"])) as receiver:
        with pytest.raises(NetError, match="another host name") as caught:
            await door.request(Request("GET", receiver.url(host="hook.test")))
    assert caught.value.code == "tls"


async def test_tls_1_1_is_refused(make_door: MakeDoor, authority: Authority) -> None:
    context = authority.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that they are old is the point
        try:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        except (ValueError, ssl.SSLError) as exc:
            pytest.skip(f"this OpenSSL cannot offer TLS 1.1: {exc}")
    await failure(make_door, authority, context)


def test_tls_1_2_is_the_oldest_offered(make_door: MakeDoor) -> None:
    # The test above cannot tell: OpenSSL's own security level may be what refuses there.
    assert make_door().tls.minimum_version is ssl.TLSVersion.TLSv1_2


@asynccontextmanager
async def speaking(first_words: bytes | None) -> AsyncIterator[str]:
    """A server that says this, whatever the client says, and hangs up; with None it never says a word."""
    stop = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if first_words is None:
            await stop.wait()
        writer.write(first_words or b"")
        await reader.read(10_000)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        stop.set()
        server.close()


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"),
        (b"\x15\x03\x02\x00\x02\x02\x46", "TLS 1.2 or newer"),  # a TLS 1.1 server's alert "protocol version"
        (b"\x15\x03\x03\x00\x02\x02\x28", "handshake failed"),
        (b"", "closed the connection"),
    ],
)
async def test_a_failed_handshake_is_told(make_door: MakeDoor, words: bytes, detail: str) -> None:
    async with speaking(words) as url:
        with pytest.raises(NetError) as caught:
            await make_door().request(Request("POST", url))
    assert (caught.value.code, caught.value.sent) == ("tls", False)
    assert detail in caught.value.detail


async def test_the_deadline_holds_in_the_handshake(make_door: MakeDoor) -> None:
    async with speaking(None) as url:
        with pytest.raises(NetError) as caught:
            await make_door().request(Request("POST", url, timeout=0.15))
    assert (caught.value.code, caught.value.sent) == ("timeout", False)
    assert caught.value.detail.endswith("negotiating TLS")


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_a_useless_ca_file_is_told_at_start(make_door: MakeDoor, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match="cannot be read as PEM"):
        make_door(ca_file=str(file))
