# `sources` and `rebuild --source` as a user runs them, against a running server.

import json
import sqlite3
import zlib
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cli.conftest import Process, Run

pytestmark = pytest.mark.e2e

INVITE = {"time": 1795164500.4, "method": "INVITE", "from_tag": "1a", "to_tag": "1b", "callid": "1@h",
          "sip_code": "486", "sip_reason": "Busy", "src_user": "+14085551234"}  # fmt: skip


class Desk:
    """The command line on one server."""

    def __init__(self, run: Run, data: Path, url: str) -> None:
        self._run, self._data, self.url = run, data, url

    def sources(self, *arguments: str) -> str:
        done = self._run("sources", *arguments, "--data", str(self._data), AFTERCALL_URL=self.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, *arguments: str) -> tuple[str, str]:
        """Its id and its token."""
        said = self.sources("create", *arguments)
        return said.split()[1], said.split()[-1]

    def post(self, source_id: str, token: str, body: bytes) -> int:
        headers = {"X-AfterCall-Token": token, "Content-Type": "application/json"}
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        connection.request("POST", f"/in/{source_id}", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def desk(server: Process, run: Run, data: Path) -> Desk:
    return Desk(run, data, server.url)


def test_a_source_is_created_watched_paused_resumed_and_rotated(desk: Desk) -> None:
    id_, token = desk.create("kamailio", "--name", "Proxy")
    assert "Proxy" in desk.sources("list")
    assert "silent" in desk.sources("show", id_)
    assert desk.post(id_, token, json.dumps(INVITE).encode()) == 200
    assert desk.post(id_, token, b"{nonsense") == 200
    shown = desk.sources("show", id_)
    assert "attention" in shown
    assert "could not be read" in shown
    assert token not in shown
    desk.sources("pause", id_)
    assert desk.post(id_, token, b"{}") == 403
    desk.sources("resume", id_)
    new = desk.sources("rotate", id_).splitlines()[0].removeprefix("Token: ")
    assert new != token
    assert desk.post(id_, token, json.dumps(INVITE).encode()) == 200
    assert desk.post(id_, new, json.dumps(INVITE).encode()) == 200
    desk.sources("rotate", id_, "--overlap", "0")
    assert desk.post(id_, new, b"{}") == 401


def test_what_a_source_sent_is_listed_and_shown(desk: Desk) -> None:
    id_, token = desk.create("kamailio")
    desk.post(id_, token, b"{nonsense")
    listed = desk.sources("inputs", id_, "--result", "unparsable")
    assert "not valid JSON" in listed
    input_id = listed.splitlines()[1].split()[0]
    assert "{nonsense" in desk.sources("inputs", id_, "--input", input_id)
    assert desk.sources("inputs", id_, "--result", "taken").count("\n") == 1


def test_a_test_makes_a_sample_call(desk: Desk, run: Run, data: Path) -> None:
    id_, _ = desk.create("twilio", "--secret", "0123456789abcdef", "--setting", "first_leg=agent")
    call_id = desk.sources("test", id_).split()[-1]
    shown = run("calls", "show", call_id, "--data", str(data), AFTERCALL_URL=desk.url)
    assert "is_test" in shown.stdout


def test_kept_input_is_read_again(desk: Desk, server: Process, run: Run, data: Path) -> None:
    id_, token = desk.create("kamailio")
    assert desk.post(id_, token, b"{nonsense") == 200
    here = ("--data", str(data), "--source", id_)
    assert "Stop the server" in run("rebuild", *here).stderr
    server.stop()
    said = run("rebuild", *here).stdout
    assert "not valid JSON" in said
    assert "0 of 1" in said
    with sqlite3.connect(data / "aftercall.db") as connection:  # as if today's parser could read it
        body = zlib.compress(json.dumps(INVITE).encode())
        size = len(json.dumps(INVITE))
        (document,) = connection.execute("SELECT document FROM inputs").fetchone()
        changed = json.dumps(json.loads(document) | {"size": size})
        connection.execute("UPDATE inputs SET body = ?, document = ?", (body, changed))
    connection.close()
    assert "1 would be made. --write does it." in run("rebuild", *here, "--since", "1h").stdout
    assert "1 made." in run("rebuild", *here, "--write").stdout
    assert "0 calls differ, 0 would be made." in run("rebuild", *here).stdout


@pytest.mark.parametrize("more", [("--all",), ("--call", "cl_1")])
def test_reading_again_is_for_a_source_alone(run: Run, more: tuple[str, ...]) -> None:
    assert run("rebuild", "--source", "src_1", *more).returncode == 2
