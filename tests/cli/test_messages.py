"""`messages` and `explain-sms` against a running server that has no way out to people (S5, S8, W10)."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Process, Run
from tests.cli.test_send import ENDED

pytestmark = pytest.mark.e2e

NUMBER = "+14085551234"


@pytest.fixture
def here(server: Process, data: Path) -> tuple[str, ...]:
    return ("--data", str(data), "--url", server.url)


@pytest.fixture
def blocked(run: Run, here: tuple[str, ...]) -> str:
    """The id of a test that was not sent."""
    tried = run("messages", "test", NUMBER, *here)
    assert (tried.returncode, "no connection" in tried.stderr) == (1, True)
    return next(word for word in tried.stderr.split() if word.startswith("dl_"))


def test_message_is_listed_and_shown_with_the_reason(run: Run, here: tuple[str, ...], blocked: str) -> None:
    listed = run("messages", "list", *here).stdout
    assert (blocked in listed, "no connection" in listed) == (True, True)
    shown = run("messages", "show", blocked, *here).stdout
    assert "Blocked (no_connection)" in shown
    assert "Set up a connection for this channel" in shown
    assert "[Test] This is a test of AfterCall." in shown


def test_resend_asks_for_a_word(run: Run, here: tuple[str, ...], blocked: str) -> None:
    asked = run("messages", "resend", blocked, *here)
    assert (asked.returncode, "--confirm" in asked.stderr) == (2, True)
    refused = run("messages", "resend", blocked, "--confirm", *here)
    assert (refused.returncode, "test" in refused.stderr) == (1, True)


def test_text_is_explained_without_being_sent(run: Run, here: tuple[str, ...]) -> None:
    said = run(
        "explain-sms", "--to", NUMBER, "--text", "Hi {{ agent.name }}", "--category", "transactional", *here
    )
    assert said.stdout.startswith("Dry run: blocked (no_connection)")
    assert "says: Hi Jordan" in said.stdout
    assert run("messages", "list", *here).stdout.count("dl_") == 0


def test_text_about_a_call_has_its_values(run: Run, here: tuple[str, ...]) -> None:
    run("send", "-", *here, stdin=json.dumps(ENDED | {"call_id": "c1"}))
    listed = run("calls", "list", "--since", "1000d", *here).stdout
    call = next(word for word in listed.split() if word.startswith("cl_"))
    asked = ("--to", NUMBER, "--category", "promotional", "--call", call)
    said = run("explain-sms", "--text", "{{ call.duration_seconds }} s", *asked, *here).stdout
    assert "says: 60 s" in said


def test_explain_without_a_question_is_misuse(run: Run, here: tuple[str, ...]) -> None:
    assert run("explain-sms", *here).returncode == 2
