# `send`: reading events from files of all shapes, batches, and what became of each.

import json
from pathlib import Path

import pytest

from aftercall.cli.send import ROOM, batches, events
from aftercall.cli.shell import Failure
from tests.cli.conftest import Process, Run

ENDED = {
    "event": "call.completed",
    "direction": "inbound",
    "from": "+14155550132",
    "to": "+14155550100",
    "started_at": "2026-01-31T10:00:00Z",
    "ended_at": "2026-01-31T10:01:00Z",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events"


@pytest.mark.parametrize(
    "text",
    [
        '{"n":1}\n{"n":2}\n',
        '\n{"n":1}\n\n{"n":2}',
        '[{"n":1},{"n":2}]',
        '[\n  {"n": 1},\n  {"n": 2}\n]\n',
    ],
)
def test_events_are_found_in_lines_and_lists(file: Path, text: str) -> None:
    file.write_text(text)
    assert [(n, json.loads(raw or b"")["n"]) for n, raw, _ in events(str(file))] == [(1, 1), (2, 2)]


@pytest.mark.parametrize("text", ['{"n":1}', '{\n  "n": 1\n}\n'])
def test_a_single_object_is_one_event(file: Path, text: str) -> None:
    file.write_text(text)
    assert [number for number, _, _ in events(str(file))] == [1]


def test_a_line_that_is_no_json_spoils_only_itself(file: Path) -> None:
    file.write_text('{"n":1}\n{bad\n{"n":3}\n')
    assert [(n, raw is None) for n, raw, _ in events(str(file))] == [(1, False), (2, True), (3, False)]


def test_an_empty_file_holds_no_events(file: Path) -> None:
    file.write_text("\n")
    assert list(events(str(file))) == []


@pytest.mark.parametrize("text", ["hello", "[1,", '{"n":'])
def test_what_is_no_json_at_all_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(Failure, match="neither JSON"):
        list(events(str(file)))


def test_a_missing_file_is_refused(file: Path) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        list(events(str(file)))


def test_batches_are_bounded_in_number_and_size() -> None:
    assert [len(b) for b in batches([(i, b"{}", "") for i in range(25)], 10)] == [10, 10, 5]
    assert [len(b) for b in batches([(i, b"x" * (ROOM // 2 + 1), "") for i in range(3)], 10)] == [1, 1, 1]


@pytest.mark.e2e
def test_a_file_is_sent_once_however_often_it_is_sent(
    server: Process, run: Run, data: Path, file: Path
) -> None:
    file.write_text("".join(json.dumps(ENDED | {"call_id": f"c{i}"}) + "\n" for i in range(2500)))
    here = ("--data", str(data), "--url", server.url)
    assert run("send", str(file), *here).stdout.split()[-4:] == ["2500", "2500", "0", "0"]
    assert run("send", str(file), *here).stdout.split()[-4:] == ["2500", "0", "2500", "0"]


@pytest.mark.e2e
def test_rejected_events_are_listed_and_tell_in_the_exit_code(server: Process, run: Run, data: Path) -> None:
    lines = [json.dumps(ENDED | {"call_id": "good"}), json.dumps({"event": "call.completed"}), "{bad"]
    sent = run("send", "-", "--data", str(data), "--url", server.url, stdin="\n".join(lines))
    assert sent.returncode == 1
    assert "2 of 3 events were rejected" in sent.stderr
    assert "call_id: is required" in sent.stdout


@pytest.mark.e2e
def test_no_server_is_said_so(run: Run) -> None:
    sent = run("send", "-", "--url", "http://127.0.0.1:9", "--key", "a-key-that-is-long", stdin="{}")
    assert sent.returncode == 5
    assert "No answer from http://127.0.0.1:9" in sent.stderr


@pytest.mark.e2e
def test_no_key_is_said_so(run: Run, tmp_path: Path) -> None:
    sent = run("send", "-", "--data", str(tmp_path), stdin="{}")
    assert sent.returncode == 2
    assert "No API key" in sent.stderr
