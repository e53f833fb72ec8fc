# Keys, accounts, logs, replay, backup, rebuild: against a running server, and without one.

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Process, Run
from tests.cli.test_send import ENDED

pytestmark = pytest.mark.e2e


def ids(listed: str) -> list[str]:
    return [line.split()[0] for line in listed.splitlines()[1:] if line.strip()]


def tamper(database: Path) -> None:
    """As if an older version had read the facts differently."""
    with sqlite3.connect(database) as connection:
        (record,) = connection.execute("SELECT record FROM calls").fetchone()
        wrong = json.dumps(json.loads(record) | {"talk_time_seconds": 9999})
        connection.execute(
            "UPDATE calls SET record = ?", (wrong.encode() if isinstance(record, bytes) else wrong,)
        )
    connection.close()


def test_a_key_is_made_listed_and_revoked_while_the_server_runs(
    server: Process, run: Run, data: Path
) -> None:
    here = ("--data", str(data))
    with_server = {"AFTERCALL_URL": server.url}
    key = run("keys", "create", "--name", "crm", *here, **with_server).stdout.strip()
    assert run("webhooks", "list", "--url", server.url, "--key", key).returncode == 0
    listed = run("keys", "list", *here, **with_server).stdout
    assert "crm" in listed
    assert key not in listed
    crm = next(line.split()[0] for line in listed.splitlines() if " crm " in line)
    assert run("keys", "revoke", crm, *here, **with_server).returncode == 0
    refused = run("webhooks", "list", "--url", server.url, "--key", key)
    assert refused.returncode == 1
    assert "revoked" in refused.stderr


def test_a_key_made_while_no_server_runs_is_good_later(
    server: Process, start: Callable[..., Process], run: Run, data: Path
) -> None:
    server.stop()
    key = run("keys", "create", "--data", str(data)).stdout.strip()
    again = start("serve", "--port", "0", "--data", str(data))
    assert run("webhooks", "list", "--url", again.url, "--key", key).returncode == 0


def test_an_account_is_made_with_or_without_a_server(server: Process, run: Run, data: Path) -> None:
    made = run("accounts", "create", "Acme", "--data", str(data), AFTERCALL_URL=server.url)
    assert run("webhooks", "list", "--url", server.url, "--key", made.stdout.split()[-1]).returncode == 0
    server.stop()
    run("accounts", "create", "Bolt", "--data", str(data))
    listed = run("accounts", "list", "--data", str(data)).stdout
    assert [name for name in ("Default", "Acme", "Bolt") if name not in listed] == []


def test_a_call_is_shown_with_what_came_of_it(server: Process, run: Run, data: Path) -> None:
    here = ("--data", str(data), "--url", server.url)
    run("webhooks", "create", "http://127.0.0.1:9/x", "--events", "missed", *here)
    event = ENDED | {"call_id": "c1", "status": "answered", "connected_at": "2026-01-31T10:00:10Z"}
    run("send", "-", *here, stdin=json.dumps(event))
    (call,) = ids(run("calls", "list", "--since", "1000d", *here).stdout)
    shown = run("calls", "show", call, *here).stdout
    assert "+14155550132" in shown
    assert "Timeline" in shown
    assert "answered" in shown


def test_what_has_failed_is_replayed(
    server: Process, start: Callable[..., Process], run: Run, data: Path
) -> None:
    here = ("--data", str(data), "--url", server.url)
    gone = start("catch", "--port", "0", "--status", "410", "--count", "1")
    made = run("webhooks", "create", f"{gone.url}/x", *here).stdout
    webhook = made.split()[1].rstrip(",")
    run("send", "-", *here, stdin=json.dumps(ENDED | {"call_id": "c1"}))
    gone.process.wait(10)
    listed = run("deliveries", "list", "--status", "failed", *here).stdout
    assert len(ids(listed)) == 1
    refused = run("replay", "--webhook", webhook, "--since", "1h", *here)
    assert refused.returncode == 1
    assert "disabled" in refused.stderr


def test_a_backup_made_beside_a_running_server_can_be_served(
    server: Process, start: Callable[..., Process], run: Run, data: Path, tmp_path: Path
) -> None:
    here = ("--data", str(data), "--url", server.url)
    run("send", "-", *here, stdin=json.dumps(ENDED | {"call_id": "c1"}))
    restored = tmp_path / "restored"
    restored.mkdir()
    assert run("backup", str(restored / "aftercall.db"), "--data", str(data)).returncode == 0
    for name in ("secret.key", "owner.key"):
        (restored / name).write_text((data / name).read_text())
    second = start("serve", "--port", "0", "--data", str(restored))
    calls = run("calls", "list", "--since", "1000d", "--data", str(restored), "--url", second.url).stdout
    assert len(ids(calls)) == 1


def test_a_backup_never_writes_over_a_file(server: Process, run: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "b.db").write_text("precious")
    assert run("backup", str(tmp_path / "b.db"), "--data", str(data)).returncode == 2
    assert (tmp_path / "b.db").read_text() == "precious"


def test_rebuild_shows_then_corrects_a_record_that_differs_from_its_facts(
    server: Process, run: Run, data: Path
) -> None:
    here = ("--data", str(data), "--url", server.url)
    run(
        "send",
        "-",
        *here,
        stdin=json.dumps(ENDED | {"call_id": "c1", "connected_at": "2026-01-31T10:00:10Z"}),
    )
    assert run("rebuild", "--all", "--data", str(data)).returncode == 4
    server.stop()
    tamper(data / "aftercall.db")
    compared = run("rebuild", "--all", "--data", str(data)).stdout
    assert "talk_time_seconds" in compared
    assert "9999" in compared
    assert "1 corrected" in run("rebuild", "--all", "--write", "--data", str(data)).stdout
    assert "all as they should be" in run("rebuild", "--all", "--data", str(data)).stdout


@pytest.mark.parametrize("choice", [(), ("--all", "--since", "1h")])
def test_rebuild_wants_to_know_which_calls(run: Run, choice: tuple[str, ...]) -> None:
    assert run("rebuild", *choice).returncode == 2


def test_config_shows_where_each_option_comes_from(run: Run, data: Path) -> None:
    shown = run(
        "config", "--data", str(data), AFTERCALL_PORT="1234", AFTERCALL_API_KEY="never-shown-anywhere"
    ).stdout
    assert [line.split() for line in shown.splitlines() if line.startswith("port ")] == [
        ["port", "1234", "AFTERCALL_PORT"]
    ]
    assert "never-shown" not in shown
