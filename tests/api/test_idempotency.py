# Idempotency-Key: a create that is asked twice happens once.

import asyncio

from tests.api.conftest import Api

BODY = {"url": "https://example.com/hook"}


async def test_create_when_repeated_gives_the_first_answer_without_its_secret(api: Api) -> None:
    first = await api.post("/v1/webhooks", BODY, Idempotency_Key="k1")
    again = await api.post("/v1/webhooks", BODY, Idempotency_Key="k1")
    assert (again.status, again["id"]) == (201, first["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert first["signing_secret"] is not None
    assert again["signing_secret"] is None
    assert len((await api.get("/v1/webhooks"))["items"]) == 1


async def test_key_when_used_for_something_else(api: Api) -> None:
    await api.post("/v1/webhooks", BODY, Idempotency_Key="k1")
    answer = await api.post("/v1/webhooks", BODY | {"name": "x"}, Idempotency_Key="k1")
    assert (answer.status, answer.code) == (409, "conflict")


async def test_key_when_the_first_try_was_refused_may_be_used_again(api: Api) -> None:
    assert (await api.post("/v1/webhooks", {"url": "x"}, Idempotency_Key="k1")).status == 422
    assert (await api.post("/v1/webhooks", BODY, Idempotency_Key="k1")).status == 201


async def test_key_when_both_requests_come_at_once(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("/v1/webhooks", BODY, Idempotency_Key="k1") for _ in range(5)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert len((await api.get("/v1/webhooks"))["items"]) == 1


async def test_key_of_another_account_is_another_key(api: Api, stranger: Api) -> None:
    mine = await api.post("/v1/webhooks", BODY, Idempotency_Key="k1")
    theirs = await stranger.post("/v1/webhooks", BODY, Idempotency_Key="k1")
    assert theirs.status == 201
    assert theirs["id"] != mine["id"]
