# `connections`, `senders`, `templates`, `rules` (S1-S3), against a real server.

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Process, Run

pytestmark = pytest.mark.e2e

SID = "account_sid=AC" + 32 * "0"


@pytest.fixture
def say(run: Run, server: Process, data: Path) -> Callable[..., str]:
    """What a command prints that works."""

    def said(*arguments: str) -> str:
        done = run(*arguments, "--data", str(data), "--url", server.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return said


def id_of(said: str) -> str:
    return said.split()[1]


def test_from_nothing_to_an_action(say: Callable[..., str], tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("12345678\n")
    made = say("connections", "create", "twilio", "--setting", SID, "--setting", f"auth_token=@{secret}")
    way = id_of(made)
    assert f"/callbacks/{way}/" in made
    sender = id_of(
        say("senders", "create", "--connection", way, "--value", "+14085550199", "--kind", "long_code")
    )
    text = "Sorry, {{ customer.label }}."
    template = id_of(
        say("templates", "create", "--name", "Missed", "--channel", "sms", "--category", "service_implicit",
            "--text", text)
    )  # fmt: skip
    shown = say("templates", "preview", template)
    assert "Sorry, Ada Lovelace" in shown
    assert "gsm7" in shown
    file = tmp_path / "rule.json"
    file.write_text(
        json.dumps({"channel": "sms", "filters": {"directions": ["inbound"]}, "events": ["missed"]})
    )
    rule = id_of(say("rules", "create", "--file", str(file), "--to", "both", "--template", template))
    say("rules", "disable", rule)
    (line,) = say("rules", "list").splitlines()[1:]
    assert line.split() == ["0", rule, "sms", "disabled", "missed", "abandoned", "both"]
    assert sender in say("senders", "list")
    assert "Missed" in say("templates", "list")
    say("connections", "pause", way)
    assert "paused" in say("connections", "list")
    assert "Resumed" in say("connections", "resume", way)


def test_types_tell_what_they_want_to_know(say: Callable[..., str]) -> None:
    assert "smtp" in say("connections", "types")
    listed = say("connections", "types", "twilio")
    (line,) = [line for line in listed.splitlines() if line.startswith("auth_token")]
    assert "required, secret" in line


def test_what_cannot_be_is_said_so(run: Run, server: Process, data: Path, tmp_path: Path) -> None:
    here = ("--data", str(data), "--url", server.url)
    wrong = run("connections", "create", "pigeon", *here)
    assert (wrong.returncode, "no type pigeon" in wrong.stderr) == (2, True)
    missing = run("connections", "create", "twilio", "--setting", SID, *here)
    assert (missing.returncode, "settings.auth_token: is required" in missing.stderr) == (1, True)
    unread = run("rules", "create", "--file", str(tmp_path / "none.json"), *here)
    assert (unread.returncode, "is not a JSON object" in unread.stderr) == (2, True)
    smtp = ("--setting", "host=127.0.0.1", "--setting", "port=9", "--setting", "security=none")
    made = run("connections", "create", "smtp", *smtp, "--setting", "from_address=a@b.example", *here)
    tried = run("connections", "test", id_of(made.stdout), *here)
    assert (tried.returncode, "refused" in tried.stderr) == (1, True)
