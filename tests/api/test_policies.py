# /v1/policies: where each rule comes from, and what an account may change (S5).

from typing import Any

import pytest

from tests.api.conftest import Api

TIGHTER = {"rule": "us.tcpa.hours", "values": {"start": "09:00"}, "reason": "Our promise"}
LOOSER = {"rule": "us.tcpa.hours", "values": {"end": "22:00"}}
QUIET = {"kind": "window", "start": "08:00", "end": "20:00", "countries": ["DE"]}


async def policy_rule(api: Api, name: str) -> Any:
    for policy in (await api.get("/v1/policies"))["items"]:
        for rule in policy["rules"]:
            if rule["id"] == name:
                return rule | {"policy": policy["id"], "version": policy["version"]}
    return None


async def change(api: Api, *changes: dict[str, Any]) -> Any:
    return await api.ask("PATCH", "/v1/policies", {"changes": list(changes)})


async def test_rules_say_where_they_come_from(api: Api) -> None:
    found = await policy_rule(api, "us.tcpa.hours")
    assert (found["policy"], found["kind"], found["change"]) == ("us.tcpa", "window", None)
    assert found["source_url"].startswith("https://")
    assert (found["values"]["start"], found["values"]["end"], found["values"]["roles"]) == (
        "08:00",
        "21:00",
        [],
    )


async def test_change_says_what_was_before_and_whose_it_is(api: Api) -> None:
    version = (await policy_rule(api, "us.tcpa.hours"))["version"]
    assert (await change(api, TIGHTER)).status == 200
    found = await policy_rule(api, "us.tcpa.hours")
    assert found["values"]["start"] == "09:00"
    assert found["version"].startswith(f"{version}+")
    told = found["change"]
    assert (told["before"], told["values"], told["reason"]) == (
        {"start": "08:00"},
        {"start": "09:00"},
        "Our promise",
    )
    assert told["by"]
    assert told["at"]
    assert (await api.delete("/v1/policies/us.tcpa.hours")).status == 204
    assert (await policy_rule(api, "us.tcpa.hours"))["change"] is None
    assert (await api.delete("/v1/policies/us.tcpa.hours")).status == 404


async def test_changes_of_several_rules_stand_beside_each_other(api: Api) -> None:
    await change(api, TIGHTER)
    await change(api, {"rule": "account.germany", "values": QUIET})
    assert (await policy_rule(api, "us.tcpa.hours"))["change"] is not None
    own = await policy_rule(api, "account.germany")
    assert (own["policy"], own["values"]["countries"]) == ("account", ["DE"])
    await api.delete("/v1/policies/account.germany")
    assert await policy_rule(api, "account.germany") is None


async def test_loosening_is_meant_allowed_and_noted(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    refused = await change(api, LOOSER)
    assert (refused.status, refused.field) == (422, "us.tcpa.hours.end")
    scopes = ["messages:read", "messages:write"]
    key = (await api.post("/v1/keys", {"name": "k", "scopes": scopes}))["key"]
    async with Api(api.url, key) as other:
        assert (await change(other, LOOSER | {"loosens": True})).status == 403
        assert (await change(other, TIGHTER)).status == 200
    with caplog.at_level("INFO", "aftercall.api.policies"):
        assert (await change(api, LOOSER | {"loosens": True})).status == 200
    (noted,) = [record for record in caplog.records if record.message == "policy_loosened"]
    assert noted.__dict__["policy_rule"] == "us.tcpa.hours"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"rule": "us.nonsense", "values": {"start": "09:00"}}, "rule"),
        ({"rule": "us.tcpa.hours", "values": {"colour": 1}}, "us.tcpa.hours"),
        ({"rule": "us.tcpa.hours", "values": {"start": "9"}}, "us.tcpa.hours.start"),
        (
            {"rule": "us.tcpa.hours", "values": {"source_url": "https://a.example"}},
            "us.tcpa.hours.source_url",
        ),
        ({"rule": "account.x", "values": {"kind": "window"}}, "account.x"),
        ({"rule": "us.tcpa.hours", "values": {}}, "changes[0].values"),
        ({"rule": "us.tcpa.hours"}, "changes[0].values"),
    ],
)
async def test_change_when_it_cannot_be(api: Api, asked: dict[str, Any], field: str) -> None:
    answer = await change(api, asked)
    assert (answer.status, answer.field) == (422, field), answer.body
