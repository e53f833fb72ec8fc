# The suppression list by API (S5).

import pytest

from tests.api.conftest import Api

ADA = "+14085551234"


async def suppressed(api: Api, address: str) -> bool:
    return bool(
        (await api.get(f"/v1/suppressions/check?address={address.replace('+', '%2B')}"))["suppressed"]
    )


async def test_an_address_is_suppressed_until_it_is_cleared_with_a_reason(api: Api) -> None:
    added = await api.post("/v1/suppressions", {"address": "+1 408 555 1234", "reason": "asked by phone"})
    assert added.status == 201
    assert (added["address"], added["channel"], added["source"], added["created_by"]) == (
        ADA,
        "sms",
        "manual",
        "owner",
    )
    assert await suppressed(api, ADA)
    path = f"/v1/suppressions?address=%2B{ADA[1:]}"
    assert (await api.delete(path)).field == "reason"
    (lifted,) = (await api.delete(f"{path}&reason=asked+again"))["items"]
    assert (lifted["cleared_by"], lifted["cleared_reason"]) == ("owner", "asked again")
    assert not await suppressed(api, ADA)
    assert (await api.delete(f"{path}&reason=again"))["items"] == []
    assert (await api.get("/v1/suppressions"))["items"] == []
    assert (await api.get("/v1/suppressions?cleared=true"))["items"] == [lifted]


async def test_adding_again_shows_what_there_is(api: Api) -> None:
    first = await api.post("/v1/suppressions", {"address": ADA, "reason": "first"})
    again = await api.post("/v1/suppressions", {"address": ADA, "reason": "second"})
    assert again.body == first.body


async def test_mail_addresses_are_known_in_any_case(api: Api) -> None:
    added = await api.post("/v1/suppressions", {"address": "Ada@Example.com"})
    assert (added["address"], added["channel"]) == ("ada@example.com", "email")
    assert await suppressed(api, "ADA@example.com")
    assert not await suppressed(api, "ben@example.com")


async def test_a_number_may_be_written_as_a_uri_and_a_mail_address_may_look_like_one(api: Api) -> None:
    for address, known in (("sip:+14085551234@example.com", ADA), ("sipho@example.com", "sipho@example.com")):
        assert (await api.post("/v1/suppressions", {"address": address}))["address"] == known


async def test_the_list_is_filtered(api: Api) -> None:
    for address in (ADA, "ada@example.com"):
        await api.post("/v1/suppressions", {"address": address})

    async def listed(query: str) -> list[str]:
        return [item["address"] for item in (await api.get(f"/v1/suppressions?{query}"))["items"]]

    assert await listed("channel=email") == await listed("address=ADA@example.com") == ["ada@example.com"]
    assert await listed("source=keyword,bounce") == []
    assert await listed("source=manual") == ["ada@example.com", ADA]


async def test_only_the_named_source_and_scope_are_lifted(api: Api) -> None:
    for scope in ("all", "ACME"):
        await api.post("/v1/suppressions", {"address": ADA, "scope": scope})
    path = f"/v1/suppressions?address=%2B{ADA[1:]}&reason=x"
    assert (await api.delete(f"{path}&source=keyword"))["items"] == []
    assert [row["scope"] for row in (await api.delete(f"{path}&scope=ACME"))["items"]] == ["ACME"]
    assert await suppressed(api, ADA)


@pytest.mark.parametrize("address", ["102", "anonymous", "@", "a@b", "a b@example.com"])
async def test_what_is_no_address_is_refused(api: Api, address: str) -> None:
    answer = await api.post("/v1/suppressions", {"address": address})
    assert (answer.status, answer.field) == (422, "address")
