# A door that may dial this machine, a channel behind it, and a mail.

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aftercall.channels.email.smtp import Smtp
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Outcome
from aftercall.domain.message import Email
from aftercall.net.address import AddressRules, networks
from aftercall.net.door import Door, DoorRules
from tests.net.conftest import Names
from tests.support.certificates import Authority

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
REFERENCE = "dl_01JD4Q8Z3E6X"


def email(**more: Any) -> Email:
    fields: dict[str, Any] = {
        "to": "ann@example.org",
        "subject": "Missed call from +14085551234",
        "text": "Hello\n",
        "category": "transactional",
    } | more
    return Email(**fields)


def connection(port: int, *, host: str = "127.0.0.1", **more: Any) -> Connection:
    settings = {
        "host": host, "port": port, "security": "none", "from_address": "calls@example.com",
    }  # fmt: skip
    own: dict[str, Any] = {
        k: more.pop(k) for k in ("max_in_flight", "timeout_seconds", "id", "secrets") if k in more
    }
    return Connection(
        account_id="ac_1", channel="email", type="smtp", settings=settings | more, created_at=NOW, updated_at=NOW,
        **{"id": "cn_1", "timeout_seconds": 5.0, **own},
    )  # fmt: skip


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def smtp(authority: Authority) -> AsyncIterator[Smtp]:
    rules = DoorRules(addresses=AddressRules(networks("127.0.0.1")), ca_file=authority.ca_file)
    door = Door(rules, Names(mail_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]]))
    channel = Smtp(door)
    yield channel
    await channel.close()
    await door.close()


async def send(channel: Smtp, to: Connection, what: Email | None = None) -> Outcome:
    return await channel.send(to, what or email(), REFERENCE, None, NOW)
