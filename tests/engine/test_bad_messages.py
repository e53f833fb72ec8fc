"""Whatever keeps a text from going or arriving is a named reason on its delivery, readable by an admin (S5, S6)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.connection import Connection
from aftercall.domain.sender import Sender
from aftercall.engine.ids import new_id
from tests.support.house import house
from tests.support.receiver import Answer, Receiver
from tests.support.texting import Texting, decision

JSON = (("Content-Type", "application/json"),)


@pytest.fixture
async def texting(database_url: str, tmp_path: Path) -> AsyncIterator[Texting]:
    async with Receiver() as receiver, house(database_url, tmp_path) as home:
        made = Texting(home, receiver)
        await made.set_up()
        yield made


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"from_": None, "from_presentation": "anonymous"}, "anonymous_caller"),
        ({"from_": None}, "no_number"),
        ({"from_": "102"}, "internal_extension"),
        ({"from_": "+15551234567"}, "invalid_number"),
        ({"from_": "+442079460018"}, "landline"),
    ],
)
async def test_number_that_takes_no_texts_is_named(
    texting: Texting, call: dict[str, Any], reason: str
) -> None:
    await texting.rule()
    await texting.missed(**call)
    row = await texting.message("blocked")
    assert row.delivery.reason == reason
    assert any(check.result == "fail" and check.hint for check in decision(row).checks)
    assert texting.sent() == []


async def test_placeholder_without_a_value_is_named(texting: Texting) -> None:
    await _template(texting, "Your ticket is {{ call.custom_fields.ticket }}.")
    await texting.missed()
    row = await texting.message("blocked")
    assert row.delivery.reason == "placeholder_missing"
    shown = next(check for check in decision(row).checks if check.code == "content.unresolved_placeholder")
    assert "call.custom_fields.ticket" in shown.observed


async def test_text_that_is_too_long_is_named(texting: Texting) -> None:
    await _template(texting, "{{ call.notes }}")
    await texting.missed(notes="long " * 500)
    assert (await texting.message("blocked")).delivery.reason == "too_long"


async def test_text_of_nothing_but_space_is_named(texting: Texting) -> None:
    await _template(texting, "{{ call.notes | default: ' ' }}")
    await texting.missed()
    assert (await texting.message("blocked")).delivery.reason == "empty"


async def test_login_that_has_expired_is_named(texting: Texting) -> None:
    texting.receiver.plan("/send", Answer(401, JSON, b'{"error": "bad token"}'))
    await texting.rule()
    await texting.missed()
    row = await texting.message("failed")
    (attempt,) = await texting.home.attempts(row.delivery.id)
    assert (row.delivery.reason, attempt.outcome.error) == ("credentials", "credentials")


async def test_error_inside_a_200_is_named(texting: Texting) -> None:
    settings = {**texting.connection.settings, "code_path": "error.code", "said_path": "error.text"}
    settings["codes"] = {"17": {"error": "invalid_recipient", "hint": "the number does not exist"}}
    changed = msgspec.structs.replace(texting.connection, settings=settings, version=2)
    assert await texting.home.app.store.update_setup(changed)
    texting.receiver.plan("/send", Answer(200, JSON, b'{"error": {"code": "17", "text": "no such number"}}'))
    await texting.rule()
    await texting.missed()
    row = await texting.message("failed")
    (attempt,) = await texting.home.attempts(row.delivery.id)
    assert row.delivery.reason == "invalid_recipient"
    assert "the number does not exist" in attempt.outcome.detail


async def test_account_without_a_way_to_send_is_told_so(texting: Texting) -> None:
    await texting.rule()
    store, now = texting.home.app.store, texting.home.clock.now()
    assert await store.delete_setup(Sender, texting.home.account_id, texting.sender.id, now)
    assert await store.delete_setup(Connection, texting.home.account_id, texting.connection.id, now)
    await texting.missed()
    row = await texting.message("blocked")
    assert row.delivery.reason == "no_connection"


async def _template(texting: Texting, text: str) -> None:
    template = msgspec.structs.replace(texting.template, id=new_id("tpl"), text=text)
    await texting.home.app.store.add_setup(template)
    await texting.rule(template_id=template.id)
