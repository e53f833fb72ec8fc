"""What an account texts with, written into the store of a server that starts later, or that runs beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aftercall.config import Config
from aftercall.domain.connection import Connection
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.domain.sender import A2p, Sender
from aftercall.engine.founding import found
from aftercall.engine.ids import new_id
from aftercall.engine.ports import S, Store
from aftercall.store.database import open_store
from aftercall.store.vault import Vault
from tests.support.house import Clock
from tests.support.server import KEY

OURS = "+14085550199"
TOKEN = "t" * 20


class Desk:
    """`connection`, `sender`, `template` and `rule` are kept in the store and returned."""

    def __init__(self, store: Store, account_id: str) -> None:
        self.store, self.account_id = store, account_id
        self._clock = Clock()

    async def connection(self, type_: str, settings: dict[str, Any], **more: Any) -> Connection:
        """An unlimited one for texts, unless told otherwise."""
        fields: dict[str, Any] = {"channel": "sms", "rate_limit": 0, "token": TOKEN} | more
        return await self._keep(
            Connection(id=new_id("cn"), type=type_, settings=settings, **fields, **self._common())
        )

    async def gateway(self, url: str, **more: Any) -> Connection:
        """A gateway that takes JSON, answers with an id and tells receipts and texts as JSON."""
        return await self.connection("generic", gateway(url), **more)

    async def sender(self, connection: Connection, value: str = OURS, **more: Any) -> Sender:
        fields: dict[str, Any] = {"a2p": A2p(registered=True)} | more
        return await self._keep(
            Sender(id=new_id("snd"), connection_id=connection.id, value=value, **fields, **self._common())
        )

    async def template(self, text: str = "Sorry we missed you.", **more: Any) -> MessageTemplate:
        fields: dict[str, Any] = {"name": "Sorry", "channel": "sms", "category": "service_implicit"} | more
        return await self._keep(MessageTemplate(id=new_id("tpl"), text=text, **fields, **self._common()))

    async def rule(self, **fields: Any) -> Rule:
        return await self._keep(Rule(id=new_id("rl"), **({"channel": "sms"} | fields), **self._common()))

    async def answers_missed_calls(self, connection: Connection, **more: Any) -> Rule:
        """Who calls in vain gets a text by this connection."""
        sender, template = await self.sender(connection), await self.template()
        return await self.rule(sender_id=sender.id, template_id=template.id, events=("missed",), **more)

    async def _keep(self, item: S) -> S:
        await self.store.add_setup(item)
        return item

    def _common(self) -> dict[str, Any]:
        now = self._clock.now()
        return {"account_id": self.account_id, "created_at": now, "updated_at": now}


def gateway(url: str) -> dict[str, Any]:
    return {
        "url": url,
        "json": {
            "to": "{{ to }}", "from": "{{ sender }}", "text": "{{ text }}", "ref": "{{ reference }}",
            "report_to": "{{ callback_url }}",
        },
        "id_path": "id",
        "receipts": {
            "status": "status", "id": "id", "reference": "ref",
            "statuses": {"delivered": "delivered", "failed": "undelivered"},
        },
        "inbound": {"from": "from", "to": "to", "text": "text", "id": "id"},
    }  # fmt: skip


@asynccontextmanager
async def desk(data: Path, database: str = "", **config: Any) -> AsyncIterator[Desk]:
    """The store of a server with this data directory and database, founded with the owner's key of the tests."""
    settings = Config(data=data, database=database, api_key=KEY, **config)
    store = await open_store(settings.database, vault=Vault(settings.secret_keys))
    try:
        await found(store, KEY, Clock().now())
        account = (await store.list_accounts(None, 1)).items[0]
        yield Desk(store, account.id)
    finally:
        await store.close()
