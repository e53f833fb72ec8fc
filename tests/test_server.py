"""The HTTP server's own parts: a taken port, and answers that leave in one write."""

from pathlib import Path

import pytest

from aftercall.config import Config
from aftercall.server import PortTaken, Server


async def test_port_that_is_taken_is_known_before_anything_is_opened(tmp_path: Path) -> None:
    first = Server(Config(data=tmp_path, port=0))
    with pytest.raises(PortTaken):
        Server(Config(data=tmp_path, port=first.config.port))
    first._socket.close()
    assert not (tmp_path / "aftercall.db").exists()
