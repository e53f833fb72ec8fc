"""The HTTP server's own parts: a taken port, and answers that leave in one write."""

import asyncio
from pathlib import Path

import pytest

from aftercall.config import Config
from aftercall.server import PortTaken, Server, _OneWrite


class Wire(asyncio.Transport):
    """Remembers what was written, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def test_head_and_body_leave_in_one_write() -> None:
    wire = Wire()
    one = _OneWrite(wire)
    one.write(b"head")
    one.write(b"body")
    await asyncio.sleep(0)
    assert wire.pieces == [b"headbody"]


async def test_head_whose_body_is_not_there_yet_does_not_wait() -> None:
    wire = Wire()
    one = _OneWrite(wire)
    one.write(b"head")
    await asyncio.sleep(0)
    one.write(b"body")
    await asyncio.sleep(0)
    assert wire.pieces == [b"head", b"body"]


async def test_closing_sends_what_is_held() -> None:
    wire = Wire()
    one = _OneWrite(wire)
    one.write(b"head")
    one.close()
    assert (wire.pieces, wire.closed) == ([b"head"], True)


async def test_port_that_is_taken_is_known_before_anything_is_opened(tmp_path: Path) -> None:
    first = Server(Config(data=tmp_path, port=0))
    with pytest.raises(PortTaken):
        Server(Config(data=tmp_path, port=first.config.port))
    first._socket.close()
    assert not (tmp_path / "aftercall.db").exists()
