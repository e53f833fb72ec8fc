# The directory, and how it names what sources say.

from typing import Any

import pytest

from tests.api.conftest import DOCUMENT, Api

KINDS = ["numbers", "agents", "queues", "menus", "dispositions"]
KEYS = {"numbers": "+14085559876"}


@pytest.mark.parametrize("kind", KINDS)
async def test_entry_when_made_changed_and_deleted(api: Api, kind: str) -> None:
    made = await api.post(f"/v1/{kind}", {"key": KEYS.get(kind, "k1"), "name": "One"})
    assert made.status == 201, made.body
    path = f"/v1/{kind}/{made['id']}"
    assert (await api.patch(path, {"name": "Two"}))["name"] == "Two"
    assert [entry["name"] for entry in (await api.get(f"/v1/{kind}"))["items"]] == ["Two"]
    assert (await api.get(path))["key"] == made["key"]
    assert (await api.delete(path)).status == 204
    assert (await api.get(path)).status == 404


async def test_entry_when_the_key_or_id_is_taken(api: Api) -> None:
    await api.post("/v1/agents", {"id": "ag_1", "key": "101"})
    assert (await api.post("/v1/agents", {"key": "101"})).code == "conflict"
    assert (await api.post("/v1/queues", {"id": "ag_1", "key": "q"})).code == "conflict"


async def test_number_when_written_nationally_is_kept_as_e164(api: Api) -> None:
    assert (await api.post("/v1/numbers", {"key": "(408) 555-9876"})).field == "key"
    await api.patch("/v1/account", {"country": "us"})
    assert (await api.post("/v1/numbers", {"key": "(408) 555-9876"}))["key"] == "+14085559876"


@pytest.mark.parametrize(
    "agent", [{"id": "ag_102"}, {"number": "102"}, {"number": "+14085550102"}, {"name": "Jordan"}, "102"]
)
async def test_agent_is_found_by_whatever_a_source_calls_it(api: Api, agent: Any) -> None:
    await api.post("/v1/agents", {
        "id": "ag_102", "key": "102", "name": "Jordan", "details": {"number": "+14085550102"},
    })  # fmt: skip
    taken = await api.post("/v1/events", DOCUMENT | {"agent": agent})
    known = (await api.get(f"/v1/calls/{taken['call_id']}"))["agent"]
    assert (known["id"], known["name"]) == ("ag_102", "Jordan")


async def test_direction_and_did_when_only_the_directory_knows(api: Api) -> None:
    await api.post("/v1/numbers", {"key": "+14085559876"})
    await api.post("/v1/queues", {"id": "q_23", "key": "support", "name": "Support"})
    taken = await api.post("/v1/events", DOCUMENT | {"direction": None, "queue": "support"})
    call = await api.get(f"/v1/calls/{taken['call_id']}")
    assert (call["direction"], call["did"], call["queue"]) == (
        "inbound", "+14085559876", {"id": "q_23", "name": "Support"}
    )  # fmt: skip


async def test_numbers_are_read_in_the_accounts_country(api: Api) -> None:
    await api.patch("/v1/account", {"country": "IN"})
    taken = await api.post("/v1/events", DOCUMENT | {"from": "098765 43210", "to": "anonymous"})
    call = await api.get(f"/v1/calls/{taken['call_id']}")
    assert (call["from"], call["to"]) == ("+919876543210", None)
