# `aftercall sources dry-run` against a running server.

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aftercall.client import Client
from tests.cli.conftest import Process, Run

pytestmark = pytest.mark.e2e

MAPPING = {"call": "id", "events": {"*": "call.completed"}, "fields": {"from": "caller"}}


@pytest.fixture
def source(server: Process, data: Path) -> Any:
    async def add() -> Any:
        async with Client(server.url, (data / "owner.key").read_text().strip()) as api:
            return await api.post("/v1/sources", {"type": "acefone", "name": "Acefone"})

    return asyncio.run(add())


@pytest.fixture
def dry(server: Process, data: Path, run: Run, source: Any) -> Any:
    here = ("--data", str(data), "--url", server.url)
    return lambda *arguments, **more: run("sources", "dry-run", source["id"], *arguments, *here, **more)


def test_request_is_shown_as_facts_call_and_events(dry: Any, tmp_path: Path) -> None:
    file = tmp_path / "body.txt"
    file.write_text(
        "call_id=c1&hangup_cause=USER_BUSY&direction=inbound&caller_id_number=%2B917011234567"
        "&end_stamp=1755773893"
    )
    shown = dry(str(file), "--path", "hangup")
    assert shown.returncode == 0, shown.stderr
    for word in ("Call c1", "call.completed", "missed", "busy", "+917011234567", "call.ended"):
        assert word in shown.stdout
    assert "Nothing was found" not in shown.stdout
    assert dry("-", stdin=file.read_text()).stdout == dry(str(file)).stdout


def test_answer_as_json(dry: Any) -> None:
    shown = dry("-", "--query", "call_id=c1&hangup_cause=USER_BUSY", "--json", stdin="")
    assert json.loads(shown.stdout)["calls"][0]["call"]["reason"] == "busy"


def test_mapping_is_tried_from_a_file(dry: Any, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps(MAPPING | {"event": None, "call": "id"}))
    shown = dry("-", "--mapping", str(mapping), stdin='{"id": "mine", "caller": "+14085551234"}')
    assert "Call mine" in shown.stdout
    mapping.write_text(json.dumps(MAPPING | {"call": "a..b"}))
    refused = dry("-", "--mapping", str(mapping), stdin="{}")
    assert (refused.returncode, "settings.mapping.call" in refused.stderr) == (1, True)
    mapping.write_text("{")
    assert dry("-", "--mapping", str(mapping), stdin="{}").returncode == 2


def test_record_that_cannot_be_read_fails_the_command(dry: Any) -> None:
    shown = dry("-", "--path", "hangup", stdin="hangup_cause=USER_BUSY")
    assert shown.returncode == 1
    assert "call_id or uuid" in shown.stdout
    assert dry("/nowhere/at/all").returncode == 2
