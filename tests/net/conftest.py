# Every test here runs under both event loops: asyncio's own and uvloop, which serves in production.

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
import uvloop

from aftercall.net.address import AddressRules, networks
from aftercall.net.door import Door, DoorRules
from aftercall.net.resolve import Resolver
from tests.support.certificates import Authority
from tests.support.receiver import Receiver

LOCAL = AddressRules(networks("127.0.0.1"))

MakeDoor = Callable[..., Door]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


@pytest.fixture
async def make_door() -> AsyncIterator[MakeDoor]:
    """Doors that allow http and 127.0.0.1 and are closed at the end; any rule can be replaced."""
    made: list[Door] = []

    def make(resolver: Resolver | None = None, **rules: object) -> Door:
        made.append(Door(DoorRules(**{"addresses": LOCAL, "allow_http": True, **rules}), resolver))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for door in made:
        await door.close()


@pytest.fixture
async def door(make_door: MakeDoor) -> Door:
    return make_door()


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port on which connecting hangs: its queue is full and nobody accepts."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listening.getsockname())
        waiting.append(sock)
    yield listening.getsockname()[1]
    for sock in (*waiting, listening):
        sock.close()


class Names:
    """A name server: the answers to each name, one look-up after the other; the last one stays."""

    def __init__(self, **answers: Sequence[Sequence[str] | OSError]) -> None:
        self._answers = {name.replace("_", "."): list(steps) for name, steps in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int, family: int) -> Sequence[str]:
        self.asked.append(host)
        steps = self._answers[host]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, OSError):
            raise step
        return step
