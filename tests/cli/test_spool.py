# `spool`: the files mod_json_cdr leaves behind, sent by a real process to a real server. The records are those of
# tests/sources/freeswitch_cdr/fixtures (written from FreeSWITCH's source).

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aftercall.cli.spooled import GIVEN_UP, SETTLED, Left, Spool, Unfinished
from tests.cli.conftest import Process, Run

FIXTURES = Path(__file__).parent.parent / "sources" / "freeswitch_cdr" / "fixtures"
RECORD = '{"core-uuid": "c", "variables": {"uuid": "A1"}}'


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    made = tmp_path / "json_cdr"
    made.mkdir()
    return made


def leave(spool: Path, name: str, text: str, age: float = 10.0) -> Path:
    file = spool / name
    file.write_text(text)
    os.utime(file, (time.time() - age,) * 2)
    return file


def records() -> dict[str, str]:
    """By the names mod_json_cdr gives them."""
    legs = json.loads((FIXTURES / "inbound_answered.json").read_text())
    return {
        f"{'a_' if n == 0 else ''}{leg['variables']['uuid']}.cdr.json": json.dumps(leg)
        for n, leg in enumerate(legs)
    }


def test_record_is_read_when_it_is_whole_and_nobody_writes_any_more(spool: Path) -> None:
    files = Spool(spool, delete=True)
    assert files.read(leave(spool, "a.cdr.json", RECORD), time.time()) == RECORD.encode()
    with pytest.raises(Unfinished, match="still being written"):
        files.read(leave(spool, "b.cdr.json", RECORD, age=SETTLED / 2), time.time())
    with pytest.raises(Unfinished, match="no complete JSON"):
        files.read(leave(spool, "c.cdr.json", RECORD[:-1]), time.time())
    with pytest.raises(Left, match="no complete JSON") as left:
        files.read(leave(spool, "c.cdr.json", RECORD[:-1], age=GIVEN_UP + 1), time.time())
    assert not isinstance(left.value, Unfinished)


@pytest.mark.parametrize("text", ["", "[]", "17", '{"a": 1}{', "\x00", '"text"'])
def test_what_is_no_record_is_left(spool: Path, text: str) -> None:
    with pytest.raises(Left):
        Spool(spool, delete=True).read(leave(spool, "a.cdr.json", text), time.time())


def test_links_and_other_things_are_left(spool: Path, tmp_path: Path) -> None:
    elsewhere = leave(tmp_path, "secret", RECORD)
    (spool / "link.cdr.json").symlink_to(elsewhere)
    os.mkfifo(spool / "pipe.cdr.json")
    (spool / "directory.cdr.json").mkdir()
    files = Spool(spool, delete=True)
    found = {file.name: file for file, _ in files.waiting()}
    for name, why in (("link", "is a link"), ("pipe", "is no file"), ("directory", "is no file")):
        with pytest.raises(Left, match=why):
            files.read(found[f"{name}.cdr.json"], time.time())


def test_only_records_are_looked_at_the_oldest_first(spool: Path) -> None:
    leave(spool, "b.cdr.json", RECORD, age=20)
    leave(spool, "a_c.cdr.json", RECORD, age=30)
    leave(spool, "notes.txt", RECORD)
    assert [file.name for file, _ in Spool(spool, delete=False).waiting()] == ["a_c.cdr.json", "b.cdr.json"]


def test_place_for_what_was_sent_may_be_no_link(spool: Path, tmp_path: Path) -> None:
    (spool / "sent").symlink_to(tmp_path)
    with pytest.raises(OSError, match="is a link"):
        Spool(spool, delete=False)


class Source:
    """A source on a real server, as a user makes it."""

    def __init__(self, run: Run, server: Process, data: Path, tmp_path: Path) -> None:
        self._run, self.url = run, server.url
        self._key = (data / "owner.key").read_text().strip()
        made = self.ask("POST", "/v1/sources", {"type": "freeswitch_cdr"})
        self.id: str = made["id"]
        self.token: str = made["token"]
        self.file = tmp_path / "token"
        self.file.write_text(self.token + "\n")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        from urllib.request import Request, urlopen

        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, headers, method=method), timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def spool(self, directory: Path, *more: str) -> Any:
        where = ("--source", self.id, "--url", self.url)
        return self._run("spool", str(directory), *where, *(more or ("--token-file", str(self.file))))

    @property
    def calls(self) -> Any:
        return self.ask("GET", "/v1/calls")["items"]


@pytest.fixture
def source(run: Run, server: Process, data: Path, tmp_path: Path) -> Source:
    return Source(run, server, data, tmp_path)


@pytest.mark.e2e
def test_records_are_sent_and_put_away(source: Source, spool: Path) -> None:
    for name, text in records().items():
        leave(spool, name, text)
    done = source.spool(spool)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[-3:] == [str(len(records())), str(len(records())), "0"]
    assert sorted(file.name for file in (spool / "sent").iterdir()) == sorted(records())
    assert list(spool.glob("*.cdr.json")) == []
    [call] = source.calls
    assert (call["status"], call["talk_time_seconds"], call["agent"]["id"]) == ("answered", 60, "101")


@pytest.mark.e2e
def test_record_that_was_sent_before_is_harmless(source: Source, spool: Path) -> None:
    for _ in range(2):
        for name, text in records().items():
            leave(spool, name, text)
        assert source.spool(spool, "--token", source.token, "--delete").returncode == 0
        assert list(spool.iterdir()) == []
    assert len(source.calls) == 1


@pytest.mark.e2e
def test_what_is_refused_is_left_and_the_rest_is_sent(source: Source, spool: Path) -> None:
    good = leave(spool, next(iter(records())), next(iter(records().values())))
    bad = leave(spool, "bad.cdr.json", '{"variables": {}}')
    half = leave(spool, "half.cdr.json", RECORD[:-3])
    done = source.spool(spool)
    assert done.returncode == 1
    assert "2 of 3 files were left" in done.stderr
    assert "bad.cdr.json" in done.stdout
    assert "no complete JSON" in done.stdout
    assert (good.exists(), bad.exists(), half.exists()) == (False, True, True)


@pytest.mark.e2e
def test_nothing_is_moved_when_the_token_is_wrong(source: Source, spool: Path) -> None:
    file = leave(spool, "a.cdr.json", next(iter(records().values())))
    done = source.spool(spool, "--token", "a-wrong-token")
    assert done.returncode == 1
    assert "refuses the source or its token" in done.stderr
    assert "a-wrong-token" not in done.stdout + done.stderr
    assert file.exists()


@pytest.mark.e2e
def test_source_that_is_paused_takes_nothing(source: Source, spool: Path) -> None:
    file = leave(spool, "a.cdr.json", next(iter(records().values())))
    source.ask("PATCH", f"/v1/sources/{source.id}", {"status": "paused"})
    done = source.spool(spool)
    assert (done.returncode, "paused" in done.stderr, file.exists()) == (1, True, True)


@pytest.mark.e2e
def test_nothing_is_moved_when_there_is_no_server(run: Run, spool: Path) -> None:
    file = leave(spool, "a.cdr.json", RECORD)
    done = run("spool", str(spool), "--source", "src_1", "--token", "t", "--url", "http://127.0.0.1:9")
    assert done.returncode == 5
    assert "No answer from http://127.0.0.1:9" in done.stderr
    assert file.exists()


@pytest.mark.e2e
@pytest.mark.parametrize(
    "more", [(), ("--token", "a", "--token-file", "b"), ("--token", ""), ("--token-file", "/nowhere")]
)
def test_token_is_needed_once(run: Run, spool: Path, more: tuple[str, ...]) -> None:
    assert run("spool", str(spool), "--source", "src_1", *more).returncode == 2


@pytest.mark.e2e
def test_missing_directory_is_said_so(run: Run, spool: Path) -> None:
    done = run("spool", str(spool / "nowhere"), "--source", "src_1", "--token", "t", "--delete")
    assert done.returncode == 2
    assert "is no directory" in done.stderr


@pytest.mark.e2e
def test_watch_waits_for_a_server_that_is_away(
    run: Run, start: Callable[..., Process], spool: Path, data: Path, tmp_path: Path
) -> None:
    serve = ("serve", "--dev", "--data", str(data), "--port")
    first = start(*serve, "0")
    source = Source(run, first, data, tmp_path)
    first.stop()
    file = leave(spool, *next(iter(records().items())))
    where = ("--source", source.id, "--url", source.url, "--token-file", str(source.file))
    watching = start("spool", str(spool), *where, "--watch", "--every", "0.1")
    start(*serve, source.url.rpartition(":")[2])
    gone(file)
    _, said = watching.stop()
    assert said.count("Waiting for it.") <= 1
    assert (spool / "sent" / file.name).exists()


def gone(file: Path) -> None:
    deadline = time.monotonic() + 20
    while file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.e2e
def test_watch_sends_what_comes_and_waits_for_what_is_half_written(
    source: Source, spool: Path, start: Callable[..., Process]
) -> None:
    texts = list(records().values())
    half = leave(spool, "half.cdr.json", texts[0][:100])
    where = ("--source", source.id, "--url", source.url, "--token-file", str(source.file))
    watching = start("spool", str(spool), *where, "--watch", "--every", "0.1")
    whole = leave(spool, "whole.cdr.json", texts[1])
    gone(whole)
    assert half.exists()
    leave(spool, "half.cdr.json", texts[0])
    gone(half)
    assert watching.process.poll() is None
    [call] = source.calls
    assert call["status"] == "answered"
