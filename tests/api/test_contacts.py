# Contacts by API, one by one and as tables (D1).

from typing import Any

import pytest

from tests.api.conftest import DOCUMENT, Api

ADA = {"number": "+14085551234", "name": "Ada Lovelace"}


async def load(api: Api, table: str | bytes, *, dry_run: bool = False) -> Any:
    path = f"/v1/contacts/import{'?dry_run=true' if dry_run else ''}"
    answer = await api.ask("POST", path, raw=table, Content_Type="text/csv")
    assert answer.status == 200, answer.body
    return answer.body


async def found(api: Api, query: str = "") -> list[str]:
    return [contact["name"] for contact in (await api.get(f"/v1/contacts{query}"))["items"]]


async def test_contact_when_made_changed_and_deleted(api: Api) -> None:
    made = await api.post("/v1/contacts", ADA | {
        "email": "ada@example.com", "time_zone": "IST", "tags": ["vip", "vip"], "details": {"crm": 5},
        "consents": [{"category": "promotional", "source": "form"}],
    })  # fmt: skip
    assert made.status == 201, made.body
    assert (made["time_zone"], made["tags"], made["details"]) == ("Asia/Kolkata", ["vip"], {"crm": 5})
    (consent,) = made["consents"]
    assert (consent["status"], consent["at"], consent["expires_at"]) == ("granted", made["created_at"], None)
    path = f"/v1/contacts/{made['id']}"
    changed = await api.patch(path, {"name": "Ada", "email": None})
    assert (changed["name"], changed["email"], changed["tags"]) == ("Ada", None, ["vip"])
    assert (await api.get(path)).body == changed.body
    assert (await api.delete(path)).status == 204
    assert (await api.get(path)).status == (await api.delete(path)).status == 404
    assert (await api.patch(path, {"name": "x"})).status == 404


async def test_number_is_read_in_the_accounts_country_and_belongs_to_one(api: Api) -> None:
    await api.patch("/v1/account", {"country": "US"})
    made = await api.post("/v1/contacts", {"number": "(408) 555-1234"})
    assert made["number"] == "+14085551234"
    assert (await api.post("/v1/contacts", {"number": "tel:+14085551234"})).code == "conflict"
    other = await api.post("/v1/contacts", {"number": "+14085550000"})
    assert (await api.patch(f"/v1/contacts/{other['id']}", {"number": "4085551234"})).code == "conflict"
    moved = await api.patch(f"/v1/contacts/{other['id']}", {"number": "4085550001"})
    assert (moved["id"], moved["number"]) == (other["id"], "+14085550001")


async def test_put_adds_and_then_changes_what_it_names(api: Api) -> None:
    made = await api.put("/v1/contacts", ADA | {"tags": ["vip"]})
    again = await api.put("/v1/contacts", {"number": "+1 408 555 1234", "email": "ada@example.com"})
    assert (made.status, again.status, again["id"]) == (200, 200, made["id"])
    assert (again["name"], again["tags"], again["email"]) == ("Ada Lovelace", ["vip"], "ada@example.com")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"number": "102"}, "number"), ({"number": "anonymous"}, "number"), ({"number": ""}, "number"),
        (ADA | {"email": "ada"}, "email"), (ADA | {"email": "a@b.c\nBcc: x@y.z"}, "email"),
        (ADA | {"time_zone": "Mars/Base"}, "time_zone"), (ADA | {"name": "a\x1bb"}, "name"),
        (ADA | {"tags": ["a\nb"]}, "tags"), (ADA | {"consents": [{}, {}]}, "consents"),
        (ADA | {"consents": [{"category": "spam"}]}, "consents[0].category"), (ADA | {"colour": 1}, "colour"),
        (ADA | {"details": {"x" * 101: 1}}, "details"),
    ],
)  # fmt: skip
async def test_what_breaks_a_rule_is_refused_by_name(api: Api, given: Any, field: str) -> None:
    answer = await api.post("/v1/contacts", given)
    assert (answer.status, answer.field) == (422, field)


async def test_contacts_are_found_by_name_number_and_tag(api: Api) -> None:
    await api.post("/v1/contacts", ADA | {"tags": ["VIP"]})
    await api.post("/v1/contacts", {"number": "+4930123456", "name": "Zoë"})
    assert await found(api) == ["Ada Lovelace", "Zoë"]
    assert await found(api, "?name=love") == await found(api, "?number=1234") == ["Ada Lovelace"]
    assert await found(api, "?number=%2B49") == await found(api, "?name=zoe") == ["Zoë"]
    assert await found(api, "?tag=vip") == ["Ada Lovelace"]
    assert (await api.get("/v1/contacts?number=abc")).status == 422


async def test_a_call_shows_whom_it_was_with(api: Api) -> None:
    contact = await api.post("/v1/contacts", ADA)
    taken = await api.post("/v1/events", DOCUMENT)
    named = {"id": contact["id"], "name": "Ada Lovelace"}
    assert (await api.get(f"/v1/calls/{taken['call_id']}"))["contact"] == named
    assert [call["contact"] for call in (await api.get("/v1/calls"))["items"]] == [named]


async def test_import_tells_of_every_row_and_importing_again_changes_nothing(api: Api) -> None:
    table = "number,name,tags,City\n+14085551234,Ada,vip;press,London\n102,Ben,,\n+14085551235,Cy,,\n"
    tried = await load(api, table, dry_run=True)
    assert (tried["dry_run"], tried["created"], tried["rejected"]) == (True, 2, 1)
    assert await found(api) == []
    done = await load(api, table)
    assert [(row["line"], row["result"]) for row in done["rows"]] == [
        (2, "created"), (3, "rejected"), (4, "created")
    ]  # fmt: skip
    assert "must be a phone number" in done["rows"][1]["reason"]
    ada = await api.get(f"/v1/contacts/{done['rows'][0]['contact_id']}")
    assert (ada["tags"], ada["details"]) == (["vip", "press"], {"City": "London"})
    again = await load(api, table)
    assert (again["unchanged"], again["rejected"], again["created"], again["updated"]) == (2, 1, 0, 0)


async def test_import_of_what_is_no_table_is_refused(api: Api) -> None:
    for table in ("", "name\nAda\n", "{}", "number,number\n", "number,consent_spam\n", b"\xff\xfen\x00"):
        answer = await api.ask("POST", "/v1/contacts/import", raw=table or b"", Content_Type="text/csv")
        assert (answer.status, answer.code) == (422, "invalid"), table


async def test_import_may_be_larger_than_other_bodies(api: Api) -> None:
    rows = [f"+4930{n:07},{'x' * 100}" for n in range(3000)]
    done = await load(api, "\n".join(["number,name", *rows]))
    assert (done["created"], done["rejected"]) == (3000, 0)


async def test_export_is_taken_back_by_the_import_and_is_no_formula_to_a_spreadsheet(api: Api) -> None:
    evil = '=HYPERLINK("http://x")'
    await api.post("/v1/contacts", ADA | {
        "name": evil, "tags": ["a", "b"], "details": {"@x": "-1", "n": 5},
        "consents": [{"category": "promotional", "status": "withdrawn", "source": "+call"}],
    })  # fmt: skip
    await api.post("/v1/contacts", {"number": "+4930123456", "details": {"n": 'two\nlines, "quoted"'}})
    answer = await api.get("/v1/contacts/export")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = answer.body.splitlines()
    assert lines[0] == "number,name,email,time_zone,tags,consent_promotional,consent_source,n,'@x"
    assert lines[-1].startswith('+14085551234,"\'=HYPERLINK(""http://x"")",,,a;b,no,\'+call,5,\'-1')
    again = await load(api, answer.body)
    assert (again["unchanged"], again["updated"], again["rejected"]) == (1, 1, 0)  # a number became a text
    assert (await load(api, answer.body))["unchanged"] == 2
    assert evil in await found(api)


async def test_export_of_no_contacts_is_a_header(api: Api) -> None:
    assert (await api.get("/v1/contacts/export")).body == "number,name,email,time_zone,tags\r\n"


async def test_keys_need_the_scopes(api: Api) -> None:
    key = (await api.post("/v1/keys", {"name": "k", "scopes": ["contacts:read"]}))["key"]
    async with Api(api.url, key) as reader:
        assert (
            (await reader.get("/v1/contacts")).status
            == (await reader.get("/v1/contacts/export")).status
            == 200
        )
        for answer in (
            await reader.post("/v1/contacts", ADA),
            await reader.ask("POST", "/v1/contacts/import", raw="number\n"),
            await reader.post("/v1/suppressions", {"address": ADA["number"]}),
        ):
            assert answer.status == 403
