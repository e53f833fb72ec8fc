# `serve` and `migrate`: what they say, leave behind and end with.

import json
import signal
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Process, Run

pytestmark = pytest.mark.e2e
KEY = "a-key-of-my-own-choice"


def get(url: str, key: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def test_a_server_says_where_it_is_and_answers_there(server: Process) -> None:
    assert get(server.url + "/readyz")[0] == 200
    assert "owner.key" in server.said
    assert "Not for production" in server.said


def test_the_owner_key_is_in_its_file_and_works(server: Process, data: Path) -> None:
    key = (data / "owner.key").read_text().strip()
    assert key not in server.said
    assert get(server.url + "/v1/webhooks", key)[0] == 200
    assert get(server.url + "/v1/webhooks", key + "x")[0] == 401


def test_nobody_else_may_read_what_it_leaves(server: Process, data: Path) -> None:
    assert [f.name for f in (data, *data.iterdir()) if stat.S_IMODE(f.stat().st_mode) & 0o077] == []


def test_a_preset_key_works_and_is_not_written_down(start: Callable[..., Process], data: Path) -> None:
    server = start("serve", "--port", "0", "--data", str(data), AFTERCALL_API_KEY=KEY)
    assert get(server.url + "/v1/webhooks", KEY)[0] == 200
    assert not (data / "owner.key").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_when_told(server: Process, number: signal.Signals) -> None:
    code, complaint = server.stop(number)
    assert (code, complaint) == (0, "")
    assert "Stopped." in server.said


def test_a_second_server_on_the_same_data_is_refused(server: Process, run: Run, data: Path) -> None:
    second = run("serve", "--port", "0", "--data", str(data))
    assert second.returncode == 4
    assert "is in use by another AfterCall process" in second.stderr


def test_a_taken_port_is_said_before_anything_is_opened(server: Process, run: Run, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    other = run("serve", "--port", port, "--data", str(tmp_path / "other"))
    assert other.returncode == 3
    assert f"127.0.0.1:{port} is taken" in other.stderr
    assert not (tmp_path / "other").exists()


def test_a_configuration_that_is_wrong_ends_it(run: Run) -> None:
    ended = run("serve", AFTERCALL_PROT="1")
    assert ended.returncode == 2
    assert "Did you mean AFTERCALL_PORT?" in ended.stderr


def test_a_database_that_is_not_there_ends_it(run: Run, data: Path) -> None:
    ended = run(
        "serve",
        "--port",
        "0",
        "--data",
        str(data),
        "--database",
        "postgresql://nobody:secret@127.0.0.1:9/none",
    )
    assert ended.returncode == 5
    assert "secret" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_migrate_makes_what_serve_can_use(run: Run, start: Callable[..., Process], data: Path) -> None:
    assert "The schema is at version" in run("migrate", "--data", str(data)).stdout
    assert get(start("serve", "--port", "0", "--data", str(data)).url + "/readyz")[0] == 200


def test_a_log_line_is_an_object_when_asked(start: Callable[..., Process], data: Path, run: Run) -> None:
    server = start("serve", "--dev", "--port", "0", "--data", str(data), "--log-json", "--log-level", "debug")
    here = ("--data", str(data), "--url", server.url)
    run("webhooks", "create", "http://127.0.0.1:9/x", *here)
    said = run("webhooks", "list", *here).stdout
    run("webhooks", "test", said.splitlines()[1].split()[0], *here)
    _, log = server.stop()
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"at", "level", "event"} <= line.keys() for line in lines)
    assert [lines[0]["event"], lines[-1]["event"]] == ["server_started", "server_stopped"]
