# `doctor`: what is found, and in which colour.

from pathlib import Path

import pytest

from aftercall.cli import checks
from aftercall.config import Config
from tests.cli.conftest import Process, Run


def colours(findings: list[checks.Finding]) -> dict[str, str]:
    return {finding.what: finding.colour for finding in findings}


def test_a_key_that_others_may_read_is_red(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    config.owner_key_file.write_text("x")
    config.owner_key_file.chmod(0o644)
    assert colours(checks.data_directory(config))["Permissions"] == "red"
    config.owner_key_file.chmod(0o600)
    assert colours(checks.data_directory(config))["Permissions"] == "green"


def test_a_directory_that_is_not_there_yet_is_yellow(tmp_path: Path) -> None:
    assert colours(checks.data_directory(Config(data=tmp_path / "none"))) == {"Data directory": "yellow"}


@pytest.mark.parametrize(("free", "colour"), [(50 << 20, "red"), (1 << 30, "yellow"), (50 << 30, "green")])
def test_space_runs_out_by_degrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, colour: str
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(free))
    assert colours(checks.data_directory(Config(data=tmp_path)))["Disk space"] == colour


def test_no_probe_is_left_behind(tmp_path: Path) -> None:
    checks.data_directory(Config(data=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
def test_a_healthy_server_has_nothing_red(server: Process, run: Run, data: Path) -> None:
    found = run("doctor", "--data", str(data), "--url", server.url)
    assert found.returncode == 0, found.stdout
    assert [
        what for what in ("Disk speed", "Server", "Backlog", "Webhooks") if what not in found.stdout
    ] == []


@pytest.mark.e2e
def test_a_server_that_is_down_is_red_and_the_database_is_looked_at(
    server: Process, run: Run, data: Path
) -> None:
    url = server.url
    server.stop()
    found = run("doctor", "--data", str(data), "--url", url)
    assert found.returncode == 1
    assert "aftercall serve" in found.stdout
    assert "reachable, schema" in found.stdout


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free
