# Plain byte streams, for SMTP and the like: the same checks as for HTTP.

import pytest

from aftercall.net.door import Door
from aftercall.net.errors import NetError
from tests.net.conftest import MakeDoor, Names
from tests.support.certificates import Authority
from tests.support.receiver import Receiver

ASK = b"GET /200 HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_stream_carries_bytes_both_ways(door: Door, receiver: Receiver) -> None:
    reader, writer = await door.connect("127.0.0.1", receiver.port, tls=False, timeout=5)
    writer.write(ASK)
    assert await reader.readline() == b"HTTP/1.1 200 Status\r\n"
    writer.close()
    await writer.wait_closed()


async def test_a_tls_stream_checks_the_name(make_door: MakeDoor, authority: Authority) -> None:
    names = Names(mail_test=[["10.0.0.1", "127.0.0.1"]], other_test=[["127.0.0.1"]])
    door = make_door(names, ca_file=authority.ca_file)
    async with Receiver(authority.context(["mail.test"])) as receiver:
        reader, writer = await door.connect("mail.test", receiver.port, tls=True, timeout=5)
        writer.write(ASK)
        assert await reader.readline() == b"HTTP/1.1 200 Status\r\n"
        writer.close()
        with pytest.raises(NetError, match="another host name") as caught:
            await door.connect("other.test", receiver.port, tls=True, timeout=5)
    assert caught.value.code == "tls"


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.2", "address_refused"),
        ("::1", "address_refused"),
        ("inside.test", "address_refused"),
        ("2130706433", "invalid_url"),
        ("a b", "invalid_url"),
        ("", "invalid_url"),
    ],
)
async def test_a_stream_to_a_refused_address_is_refused(make_door: MakeDoor, host: str, code: str) -> None:
    with pytest.raises(NetError) as caught:
        await make_door(Names(inside_test=[["10.0.0.1"]])).connect(host, 25, tls=False, timeout=5)
    assert (caught.value.code, caught.value.sent) == (code, False)


async def test_the_second_address_is_dialled_when_the_first_is_dead(
    make_door: MakeDoor, receiver: Receiver
) -> None:
    door = make_door(Names(mail_test=[["::ffff:127.0.0.1", "127.0.0.1"]]))
    _, writer = await door.connect("mail.test", receiver.port, tls=False, timeout=5)
    writer.close()


async def test_the_deadline_holds_while_connecting_a_stream(door: Door, full_port: int) -> None:
    with pytest.raises(NetError) as caught:
        await door.connect("127.0.0.1", full_port, tls=False, timeout=0.15)
    assert (caught.value.code, caught.value.sent) == ("timeout", False)
    assert caught.value.detail.endswith("while connecting")


async def test_a_closed_door_opens_no_stream(door: Door) -> None:
    await door.close()
    with pytest.raises(NetError) as caught:
        await door.connect("127.0.0.1", 25, tls=False, timeout=5)
    assert caught.value.code == "closed"


async def test_a_dialled_socket_is_connected_and_the_callers(door: Door, receiver: Receiver) -> None:
    with await door.dial("127.0.0.1", receiver.port, timeout=5) as sock:
        assert sock.getpeername() == ("127.0.0.1", receiver.port)
        assert not sock.getblocking()


@pytest.mark.parametrize("host", ["127.0.0.2", "inside.test"])
async def test_a_socket_to_a_refused_address_is_refused(make_door: MakeDoor, host: str) -> None:
    with pytest.raises(NetError) as caught:
        await make_door(Names(inside_test=[["10.0.0.1"]])).dial(host, 25, timeout=5)
    assert caught.value.code == "address_refused"


async def test_a_closed_door_dials_nobody(door: Door) -> None:
    await door.close()
    with pytest.raises(NetError) as caught:
        await door.dial("127.0.0.1", 25, timeout=5)
    assert caught.value.code == "closed"
