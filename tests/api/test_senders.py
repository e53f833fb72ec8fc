# /v1/senders: what each kind looks like, and who uses it (S3).

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.setups import connection, rule, sender


async def test_sender_when_made_changed_and_deleted(api: Api) -> None:
    way = (await connection(api))["id"]
    made = await sender(
        api, way, value="+1 (408) 555-0199", countries=["us", "CA", "US"], categories=["service_implicit"],
        a2p={"registered": True, "campaign_id": "C1"}, daily_cap=100,
    )  # fmt: skip
    assert (made["value"], made["countries"], made["replies"], made["notes"]) == (
        "+14085550199", ["US", "CA"], True, [],
    )  # fmt: skip
    assert made["a2p"] == {
        "registered": True, "campaign_id": "C1", "brand_id": None, "use_case": None, "verified_at": None,
    }  # fmt: skip
    path = f"/v1/senders/{made['id']}"
    changed = await api.patch(path, {"status": "paused", "a2p": None, "daily_cap": None})
    assert (changed["status"], changed["a2p"], changed["daily_cap"]) == ("paused", None, None)
    assert "A2P" in changed["notes"][0]
    assert (await api.get("/v1/senders"))["items"][0]["id"] == made["id"]
    assert (await api.delete(path)).status == 204
    assert (await api.get(path)).status == (await api.delete(path)).status == 404


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("long_code", "00 1 408 555 0199", "+14085550199"),
        ("toll_free", "+18005550199", "+18005550199"),
        ("short_code", "24365", "24365"),
        ("alphanumeric", " Acme Co 1 ", "Acme Co 1"),
        ("alphanumeric", "Æther", "Æther"),
        ("dlt_header", "ACMECO", "ACMECO"),
        ("dlt_header", "123456", "123456"),
        ("pool", "MG" + 32 * "0", "MG" + 32 * "0"),
    ],
)
async def test_value_of_a_kind_is_taken(api: Api, kind: str, value: str, stored: str) -> None:
    made = await sender(api, (await connection(api))["id"], kind=kind, value=value)
    assert made["value"] == stored
    assert made["replies"] == (kind not in ("alphanumeric", "dlt_header"))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"value": "102"}, "value"),
        ({"kind": "toll_free", "value": "Acme"}, "value"),
        ({"kind": "short_code", "value": "12"}, "value"),
        ({"kind": "short_code", "value": "123456789"}, "value"),
        ({"kind": "alphanumeric", "value": "AB"}, "value"),
        ({"kind": "alphanumeric", "value": "ABCDEFGHIJKL"}, "value"),
        ({"kind": "alphanumeric", "value": "12345"}, "value"),
        ({"kind": "alphanumeric", "value": "Ça va"}, None),
        ({"kind": "alphanumeric", "value": "Привет"}, "value"),
        ({"kind": "alphanumeric", "value": "A{B}"}, "value"),
        ({"kind": "dlt_header", "value": "AB-ACME"}, "value"),
        ({"kind": "dlt_header", "value": "ACMECOM"}, "value"),
        ({"kind": "pool", "value": "a b"}, "value"),
        ({"kind": "pigeon"}, "kind"),
        ({"countries": ["USA"]}, "countries[0]"),
        ({"categories": ["spam"]}, "categories[0]"),
        ({"dlt_entity_id": "12ab"}, "dlt_entity_id"),
        ({"daily_cap": 0}, "daily_cap"),
        ({"connection_id": "cn_none"}, "connection_id"),
        ({"name": "a\x1b"}, "name"),
    ],
)
async def test_sender_when_it_breaks_a_rule(api: Api, asked: dict[str, Any], field: str | None) -> None:
    way = (await connection(api))["id"]
    given = {"connection_id": way, "value": "+14085550199", "kind": "long_code"} | asked
    answer = await api.post("/v1/senders", given)
    if field is None:
        assert answer.status == 201
    else:
        assert (answer.status, answer.field) == (422, field), answer.body


async def test_connection_of_a_sender_carries_texts(api: Api) -> None:
    mail = {"type": "smtp", "settings": {"host": "mail.example", "from_address": "a@b.example"}}
    way = (await api.post("/v1/connections", mail))["id"]
    answer = await api.post("/v1/senders", {"connection_id": way, "value": "Acme", "kind": "alphanumeric"})
    assert (answer.status, answer.field) == (422, "connection_id")


async def test_sender_stands_once_in_a_connection(api: Api) -> None:
    way = (await connection(api))["id"]
    made = await sender(api, way)
    again = await api.post(
        "/v1/senders", {"connection_id": way, "value": "+14085550199", "kind": "long_code"}
    )
    assert (again.status, made["id"] in again["error"]["message"]) == (409, True)
    assert (await api.patch(f"/v1/senders/{made['id']}", {"value": "+14085550199"})).status == 200


async def test_number_is_read_in_the_accounts_country(api: Api) -> None:
    await api.patch("/v1/account", {"country": "GB"})
    made = await sender(api, (await connection(api))["id"], value="020 7946 0018")
    assert made["value"] == "+442079460018"


async def test_sender_of_an_action_stays(api: Api) -> None:
    made = await sender(api, (await connection(api))["id"])
    used = await rule(api, sender_id=made["id"])
    refused = await api.delete(f"/v1/senders/{made['id']}")
    assert (refused.status, used["id"] in refused["error"]["message"]) == (409, True)
    await api.patch(f"/v1/rules/{used['id']}", {"status": "disabled"})
    assert (await api.delete(f"/v1/senders/{made['id']}")).status == 204


async def test_toll_free_number_as_long_code_is_noted(api: Api) -> None:
    made = await sender(api, (await connection(api))["id"], value="+18005550199")
    assert "toll-free" in made["notes"][0]
