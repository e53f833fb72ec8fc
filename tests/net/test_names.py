# Host names: every address is checked, and the checked address is the one dialled.

import asyncio
import socket

import pytest

from aftercall.net import connector, resolve
from aftercall.net import door as door_module
from aftercall.net.address import AddressRules, networks
from aftercall.net.connector import open_socket
from aftercall.net.errors import AddressRefusedError, NetError
from aftercall.net.message import Request
from aftercall.net.resolve import SystemResolver
from tests.net.conftest import MakeDoor, Names
from tests.support.receiver import Answer, Receiver


async def test_a_name_is_resolved_once_and_dialled(make_door: MakeDoor, receiver: Receiver) -> None:
    names = Names(hook_test=[["127.0.0.1"]])
    door = make_door(names)
    responses = [await door.request(Request("GET", receiver.url(host="hook.test"))) for _ in range(3)]
    assert [r.address for r in responses] == ["127.0.0.1"] * 3
    assert receiver.requests[0].header("Host") == f"hook.test:{receiver.port}"
    assert names.asked == ["hook.test"]


@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        (["10.0.0.1"], "private"),
        (["10.0.0.1", "::1"], "loopback, private"),
        (["169.254.169.254"], "metadata"),
        (["::ffff:127.0.0.2"], "loopback"),
        (["fe80::1%2"], "zone id"),
    ],
)
async def test_a_name_with_only_refused_addresses_is_refused(
    make_door: MakeDoor, receiver: Receiver, addresses: list[str], why: str
) -> None:
    door = make_door(Names(hook_test=[addresses]))
    with pytest.raises(NetError) as caught:
        await door.request(Request("POST", receiver.url(host="hook.test")))
    error = caught.value
    assert (error.code, error.sent, receiver.connections) == ("address_refused", False, 0)
    assert f"({why})" in error.detail
    assert addresses[0] not in error.detail


async def test_of_mixed_addresses_only_the_allowed_one_is_dialled(
    make_door: MakeDoor, receiver: Receiver
) -> None:
    door = make_door(Names(hook_test=[["10.0.0.1", "::1", "127.0.0.1", "169.254.169.254"]]))
    response = await door.request(Request("GET", receiver.url(host="hook.test")))
    assert response.address == "127.0.0.1"


async def test_a_refused_address_is_no_fallback_for_a_dead_one(make_door: MakeDoor) -> None:
    door = make_door(Names(hook_test=[["127.0.0.1", "127.0.0.2"]]))
    async with Receiver(host="127.0.0.2") as private:
        with pytest.raises(NetError) as caught:
            await door.request(Request("GET", private.url(host="hook.test")))
        assert (caught.value.code, private.connections) == ("connect", 0)


async def test_the_second_allowed_address_is_dialled_when_the_first_is_dead(make_door: MakeDoor) -> None:
    rules = AddressRules(networks("127.0.0.0/8"))
    door = make_door(Names(hook_test=[["127.0.0.3", "127.0.0.2"]]), addresses=rules)
    async with Receiver(host="127.0.0.2") as alive:
        assert (await door.request(Request("GET", alive.url(host="hook.test")))).address == "127.0.0.2"


async def test_a_silent_address_has_only_a_head_start(
    make_door: MakeDoor, full_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "HEAD_START", 0.02)
    rules = AddressRules(networks("127.0.0.0/8"))
    door = make_door(Names(hook_test=[["127.0.0.1", "127.0.0.2"]]), addresses=rules)
    async with Receiver(host="127.0.0.2", port=full_port) as alive:
        response = await door.request(Request("GET", alive.url(host="hook.test"), timeout=60))
    assert response.address == "127.0.0.2"


async def test_a_late_first_address_still_counts_when_the_second_is_dead(
    make_door: MakeDoor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "HEAD_START", 0)  # both are dialled at once
    rules = AddressRules(networks("127.0.0.0/8"))
    door = make_door(Names(hook_test=[["127.0.0.1", "127.0.0.9"]]), addresses=rules)
    assert (await door.request(Request("GET", receiver.url(host="hook.test")))).status == 200


async def test_a_rebound_name_cannot_slip_in_after_the_check(make_door: MakeDoor, receiver: Receiver) -> None:
    names = Names(hook_test=[["127.0.0.1"], ["10.0.0.1"]])
    response = await make_door(names).request(Request("GET", receiver.url(host="hook.test")))
    assert (response.address, names.asked) == ("127.0.0.1", ["hook.test"])


async def test_a_rebound_name_is_refused_at_the_next_look_up(
    make_door: MakeDoor, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "DNS_TTL", 0)
    receiver.plan("/hook", Answer(headers=(("Connection", "close"),)))
    door = make_door(Names(hook_test=[["127.0.0.1"], ["10.0.0.1"]]))
    await door.request(Request("GET", receiver.url("/hook", host="hook.test")))
    with pytest.raises(NetError) as caught:
        await door.request(Request("GET", receiver.url("/hook", host="hook.test")))
    assert (caught.value.code, len(receiver.requests)) == ("address_refused", 1)


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.2", "address_refused"),
        ("127.0.0.2.", "address_refused"),
        ("10.0.0.1", "address_refused"),
        ("169.254.169.254", "address_refused"),
        ("0.0.0.0", "address_refused"),
        ("[::1]", "address_refused"),
        ("[::]", "address_refused"),
        ("[::ffff:10.0.0.1]", "address_refused"),
        ("[64:ff9b::a00:1]", "address_refused"),
        ("[2002:a00:1::]", "address_refused"),
        ("2130706434", "invalid_url"),
        ("0x7f000002", "invalid_url"),
        ("0177.0.0.2", "invalid_url"),
        ("127.2", "invalid_url"),
    ],
)
async def test_a_literal_address_that_is_not_allowed_is_refused(
    make_door: MakeDoor, host: str, code: str
) -> None:
    names = Names()
    with pytest.raises(NetError) as caught:
        await make_door(names).request(Request("GET", f"http://{host}/"))
    assert (caught.value.code, names.asked) == (code, [])


def test_the_socket_is_the_last_check() -> None:
    with pytest.raises(AddressRefusedError, match="loopback"):
        open_socket(AddressRules(), (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80)))


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (socket.gaierror(socket.EAI_NONAME, "?"), "does not exist"),
        (socket.gaierror(socket.EAI_AGAIN, "?"), "name server did not answer"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable"), "Non-recoverable"),
        ([], "does not exist"),
    ],
)
async def test_a_failed_look_up_is_told(
    make_door: MakeDoor, answer: list[str] | OSError, detail: str
) -> None:
    with pytest.raises(NetError) as caught:
        await make_door(Names(hook_test=[answer])).request(Request("GET", "http://hook.test/"))
    assert (caught.value.code, caught.value.sent) == ("dns", False)
    assert detail in caught.value.detail


class Hanging:
    async def resolve(self, host: str, port: int, family: int) -> list[str]:
        await asyncio.Event().wait()
        return []


async def test_the_deadline_holds_while_looking_up(make_door: MakeDoor) -> None:
    with pytest.raises(NetError) as caught:
        await make_door(Hanging()).request(Request("GET", "http://hook.test/", timeout=0.1))
    assert (caught.value.code, caught.value.sent) == ("timeout", False)
    assert caught.value.detail.endswith("looking up the host name")


class Slow:
    def __init__(self) -> None:
        self.asked = 0
        self.answer = asyncio.Event()

    async def resolve(self, host: str, port: int, family: int) -> list[str]:
        self.asked += 1
        await self.answer.wait()
        return ["127.0.0.1"]


async def test_a_look_up_is_shared_and_outlives_who_asked_first(
    make_door: MakeDoor, receiver: Receiver
) -> None:
    slow = Slow()
    door = make_door(slow)
    url = receiver.url(host="hook.test")
    with pytest.raises(NetError, match="looking up"):
        await door.request(Request("GET", url, timeout=0.01))
    tasks = [asyncio.create_task(door.request(Request("GET", url))) for _ in range(5)]
    await asyncio.sleep(0)
    slow.answer.set()
    assert [t.status for t in await asyncio.gather(*tasks)] == [200] * 5
    assert slow.asked == 1


async def test_a_failed_look_up_is_tried_again(make_door: MakeDoor, receiver: Receiver) -> None:
    door = make_door(Names(hook_test=[socket.gaierror(socket.EAI_AGAIN, "?"), ["127.0.0.1"]]))
    with pytest.raises(NetError, match="name server"):
        await door.request(Request("GET", receiver.url(host="hook.test")))
    assert (await door.request(Request("GET", receiver.url(host="hook.test")))).status == 200


async def test_only_so_many_names_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "MAX_KNOWN", 2)
    names = Names(a=[["127.0.0.1"]], b=[["127.0.0.1"]], c=[["127.0.0.1"]])
    checked = resolve.CheckedResolver(AddressRules(networks("127.0.0.1")), names, 10)
    for name in "abcca":
        await checked.addresses(name, 80)
    assert names.asked == ["a", "b", "c", "a"]


async def test_a_door_that_closes_ends_a_look_up(make_door: MakeDoor) -> None:
    door = make_door(Hanging())
    task = asyncio.create_task(door.request(Request("GET", "http://hook.test/", timeout=60)))
    await asyncio.sleep(0)
    await door.close()
    with pytest.raises(NetError) as caught:
        await task
    assert (caught.value.code, caught.value.sent) == ("closed", False)


async def test_the_systems_look_up_knows_localhost() -> None:
    found = await SystemResolver().resolve("localhost", 80, socket.AF_UNSPEC)
    assert {"127.0.0.1", "::1"} & set(found)


async def test_the_systems_look_up_fails_like_the_system() -> None:
    with pytest.raises(socket.gaierror):
        await SystemResolver().resolve("a" * 64, 80, socket.AF_UNSPEC)


async def test_localhost_is_refused_by_default(make_door: MakeDoor, receiver: Receiver) -> None:
    with pytest.raises(NetError) as caught:
        await make_door(addresses=AddressRules()).request(Request("GET", receiver.url(host="localhost")))
    assert (caught.value.code, receiver.connections) == ("address_refused", 0)
