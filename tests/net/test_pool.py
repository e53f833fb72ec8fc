# Connections at rest, the limit on all of them, and the queue when it is reached.

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from aftercall.net import door as door_module
from aftercall.net import url
from aftercall.net.door import Door
from aftercall.net.errors import NetError
from aftercall.net.http1 import Connection
from aftercall.net.message import Request, Response
from aftercall.net.pool import Pool
from tests.net.conftest import MakeDoor
from tests.support.receiver import Answer, Exchange, Receiver

OK = Answer().encode()


def ask(door: Door, receiver: Receiver, path: str) -> asyncio.Task[Response]:
    return asyncio.create_task(door.request(Request("GET", receiver.url(path))))


async def refusal(task: asyncio.Task[Response]) -> NetError:
    with pytest.raises(NetError) as caught:
        await task
    return caught.value


@asynccontextmanager
async def watched(
    then: bytes | None = b"", *, when: asyncio.Event | None = None
) -> AsyncIterator[tuple[str, asyncio.Queue[bytes]]]:
    """A server that answers once, goes on with `then` (None: hangs up), and tells what came until the end."""
    ends: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        if when is not None:
            await when.wait()
        writer.write_eof() if then is None else writer.write(then)
        ends.put_nowait(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", ends
    finally:
        server.close()


async def test_the_connection_that_rested_last_is_used_first(door: Door, receiver: Receiver) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    receiver.plan("/first", Answer(hold=first))
    receiver.plan("/second", Answer(hold=second))
    one = ask(door, receiver, "/first")
    await receiver.wait(1)
    two = ask(door, receiver, "/second")
    await receiver.wait(2)
    second.set()
    await two
    first.set()
    await one
    await ask(door, receiver, "/200")
    assert [r.connection for r in receiver.requests] == [1, 2, 1]


async def test_an_answer_that_ends_with_the_connection_frees_its_place(
    make_door: MakeDoor, receiver: Receiver
) -> None:
    door = make_door(max_connections=1)
    for _ in range(3):
        await ask(door, receiver, "/until-close")
    receiver.plan("/closing", Answer(headers=(("Connection", "close"),)))
    for _ in range(3):
        await ask(door, receiver, "/closing")
    assert receiver.connections == 6


async def test_no_more_connections_than_allowed_are_opened(make_door: MakeDoor, receiver: Receiver) -> None:
    door = make_door(max_connections=3)
    answers = await asyncio.gather(*(ask(door, receiver, "/200") for _ in range(50)))
    assert {a.status for a in answers} == {200}
    assert receiver.connections == 3


async def test_failed_attempts_give_their_places_back(make_door: MakeDoor, receiver: Receiver) -> None:
    door = make_door(max_connections=1)
    for path in ("/close", "/reset", "/garbage", "/endless", "/short"):
        with pytest.raises(NetError):
            await door.request(Request("GET", receiver.url(path), timeout=0.3, body_cap=1 << 40))
    async with Receiver() as gone:
        pass
    assert (await refusal(ask(door, gone, "/200"))).code == "connect"
    assert (await ask(door, receiver, "/200")).status == 200


async def test_who_waits_longest_is_served_first(make_door: MakeDoor, receiver: Receiver) -> None:
    door = make_door(max_connections=1)
    held = asyncio.Event()
    receiver.plan("/held", Answer(hold=held))
    tasks = [ask(door, receiver, "/held")]
    await receiver.wait(1)
    for n in range(5):
        tasks.append(ask(door, receiver, f"/hook/{n}"))
        await asyncio.sleep(0)
    held.set()
    await asyncio.gather(*tasks)
    assert [r.path for r in receiver.requests[1:]] == [f"/hook/{n}" for n in range(5)]
    assert receiver.connections == 1


async def test_who_waits_for_another_receiver_gets_the_place(make_door: MakeDoor, receiver: Receiver) -> None:
    door = make_door(max_connections=1)
    held = asyncio.Event()
    receiver.plan("/held", Answer(hold=held))
    first = ask(door, receiver, "/held")
    await receiver.wait(1)
    async with Receiver() as other:
        second = ask(door, other, "/200")
        await asyncio.sleep(0)
        third = ask(door, receiver, "/200")
        await asyncio.sleep(0)
        held.set()
        assert [(await t).status for t in (first, second, third)] == [200] * 3
        assert (receiver.connections, other.connections) == (2, 1)


async def test_a_resting_connection_makes_room_for_another_receiver(
    make_door: MakeDoor, receiver: Receiver
) -> None:
    door = make_door(max_connections=1)
    async with Receiver() as other:
        for each in (receiver, other, receiver):
            await ask(door, each, "/200")
        assert (receiver.connections, other.connections) == (2, 1)


async def test_a_request_that_gave_up_waiting_passes_its_turn_on(
    make_door: MakeDoor, receiver: Receiver
) -> None:
    door = make_door(max_connections=1)
    held = asyncio.Event()
    receiver.plan("/held", Answer(hold=held))
    tasks = [ask(door, receiver, path) for path in ("/held", "/gave-up", "/200")]
    await receiver.wait(1)
    tasks[1].cancel()
    held.set()
    assert (await tasks[2]).status == 200
    assert [r.path for r in receiver.requests] == ["/held", "/200"]


class Line(Connection):
    """A connection that is always in order."""

    @property
    def usable(self) -> bool:
        return True


@pytest.mark.parametrize("other", ["http://a.test/", "http://b.test/"])
async def test_a_request_that_gives_up_as_its_turn_comes_passes_it_on(other: str) -> None:
    async def dial(target: url.Target) -> Connection:
        return Line(target.origin, "127.0.0.1", lambda _: None)

    pool = Pool(dial, 1, 60)
    first = await pool.take(url.parse("http://a.test/"))
    gives_up, waits = (asyncio.create_task(pool.take(url.parse(u))) for u in (other, "http://a.test/"))
    await asyncio.sleep(0)
    pool.rest(first)
    gives_up.cancel()
    assert (await waits).origin == "http://a.test"
    with pytest.raises(asyncio.CancelledError):
        await gives_up
    pool.close()


async def test_an_idle_connection_is_closed(make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "KEEP_ALIVE", 0.05)
    door = make_door()
    async with watched() as (place, ends):
        await door.request(Request("GET", place))
        assert await ends.get() == b""


async def test_stray_bytes_close_an_idle_connection(door: Door) -> None:
    rests = asyncio.Event()
    async with watched(b"x", when=rests) as (place, ends):
        assert (await door.request(Request("GET", place))).body == b"ok"
        rests.set()
        assert await ends.get() == b""


async def test_a_connection_that_the_receiver_ended_is_not_used_again(door: Door) -> None:
    async with watched(None) as (place, ends):
        for _ in range(3):
            assert (await door.request(Request("GET", place))).body == b"ok"
            assert await ends.get() == b""


async def test_a_door_that_closes_ends_what_waits(make_door: MakeDoor, receiver: Receiver) -> None:
    door = make_door(max_connections=1)
    first = ask(door, receiver, "/silent")
    await receiver.wait(1)
    second = ask(door, receiver, "/200")
    await asyncio.sleep(0)
    await door.close()
    errors = [await refusal(first), await refusal(second)]
    assert [(e.code, e.sent) for e in errors] == [("closed", True), ("closed", False)]


async def test_a_door_that_closes_ends_what_is_dialling(door: Door, full_port: int) -> None:
    task = asyncio.create_task(door.request(Request("GET", f"http://127.0.0.1:{full_port}/", timeout=60)))
    await asyncio.sleep(0)
    await door.close()
    error = await refusal(task)
    assert (error.code, error.sent) == ("closed", False)


async def test_a_door_that_closes_ends_its_idle_connections(make_door: MakeDoor) -> None:
    door = make_door()
    async with watched() as (place, ends):
        await door.request(Request("GET", place))
        await door.close()
        assert await ends.get() == b""


async def test_the_place_of_a_slow_body_is_not_shared(door: Door, receiver: Receiver) -> None:
    async def halves(x: Exchange) -> None:
        await x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await receiver.wait(2)
        await x.send(b"cd")

    receiver.plan("/halves", halves)
    slow = ask(door, receiver, "/halves")
    await receiver.wait(1)
    assert (await ask(door, receiver, "/200")).body == b"ok"
    assert ((await slow).body, receiver.connections) == (b"abcd", 2)


async def test_no_place_is_lost_in_a_storm(make_door: MakeDoor, receiver: Receiver) -> None:
    door = make_door(max_connections=4)
    chance = random.Random(7)
    async with Receiver() as other:

        async def one() -> None:
            path = chance.choice(["/200", "/200", "/close", "/reset", "/silent", "/long", "/twice", "/drip"])
            url = chance.choice([receiver, other]).url(path)
            with suppress(NetError):
                await door.request(
                    Request("GET", url, timeout=chance.choice([0.002, 0.02, 0.2]), body_cap=50)
                )

        tasks = [asyncio.create_task(one()) for _ in range(400)]
        for task in chance.sample(tasks, 200):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait(tasks)
        held = [ask(door, receiver, "/silent") for _ in range(4)]
        before = len(receiver.requests)
        await receiver.wait(before + 4)  # all four places can be taken
        waiting = ask(door, receiver, "/200")
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done()  # and no fifth
        for silent in held:
            silent.cancel()
        assert (await waiting).status == 200
