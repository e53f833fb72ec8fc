# An account that texts through a real HTTP gateway on a loopback socket, asked over the real API.

import asyncio
import json
from typing import Any

from aftercall.domain.connection import Connection
from aftercall.domain.contact import Suppression
from aftercall.domain.message import Receipt, Text
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.domain.sender import A2p, Sender
from aftercall.engine.ids import new_id
from aftercall.server import Server
from tests.api.conftest import DOCUMENT, Api
from tests.support.receiver import Answer, Receiver

CALLER = "+14085551234"
TAKEN = Answer(200, (("Content-Type", "application/json"),), b'{"id": "p-1"}')


class Desk:
    """A gateway, a registered sender and a template; rules are added by the tests."""

    def __init__(self, server: Server, api: Api, receiver: Receiver) -> None:
        self.app, self.api, self.receiver = server.app, api, receiver
        self.account_id: str
        self.connection: Connection
        self.sender: Sender
        self.template: MessageTemplate

    async def open(self, **more: Any) -> "Desk":
        self.account_id = (await self.api.get("/v1/account"))["id"]
        self.connection = await self.add(
            Connection,
            "cn",
            channel="sms",
            type="generic",
            token="t" * 20,
            timeout_seconds=2.0,
            rate_limit=0,
            price="0.01",
            currency="USD",
            settings={
                "url": self.receiver.url("/send"),
                "json": {"to": "{{ to }}", "text": "{{ text }}", "ref": "{{ reference }}"},
                "id_path": "id",
            },
            **more,
        )
        self.sender = await self.add(
            Sender,
            "snd",
            connection_id=self.connection.id,
            value="+14085550199",
            a2p=A2p(registered=True),
        )
        self.template = await self.add(
            MessageTemplate,
            "tpl",
            name="Sorry",
            channel="sms",
            category="service_implicit",
            text="Sorry we missed you, {{ customer.name | default: 'caller' }}.",
        )
        self.receiver.plan("/send", TAKEN)
        return self

    async def add(self, kind: Any, prefix: str, **fields: Any) -> Any:
        now = self.app.clock.now()
        item = kind(id=new_id(prefix), account_id=self.account_id, created_at=now, updated_at=now, **fields)
        await self.app.store.add_setup(item)
        self.app.dispatcher.forget(self.account_id)
        return item

    async def rule(self, **more: Any) -> Rule:
        fields: dict[str, Any] = {"channel": "sms", "name": "Missed", "template_id": self.template.id} | more
        made: Rule = await self.add(Rule, "rl", **fields)
        return made

    async def missed(self, key: str = "c1", **more: Any) -> str:
        event = DOCUMENT | {"event_id": key, "call_id": key, "status": "missed", "from": CALLER} | more
        event = {name: value for name, value in event.items() if name not in ("connected_at", "agent")}
        taken = await self.api.post("/v1/events", event)
        assert taken.status in (200, 202), taken.body
        return str(taken["call_id"])

    async def message(self, status: str, **query: str) -> Any:
        """The newest message, once one has this status."""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        async with asyncio.timeout(15):
            while True:
                page = await self.api.get(f"/v1/messages?status={status}{more}")
                if page["items"]:
                    return page["items"][0]
                await asyncio.sleep(0.02)

    async def suppress(self) -> None:
        entry = Suppression(
            account_id=self.account_id, address=CALLER, channel="sms", source="manual", reason="asked by phone",
            created_at=self.app.clock.now(), created_by="jo",
        )  # fmt: skip
        await self.app.store.add_suppressions([entry])

    async def told(self, *receipts: Receipt) -> None:
        await self.app.receiving.hear(self.connection, receipts, ())

    async def heard(self, *texts: Text) -> None:
        await self.app.receiving.hear(self.connection, (), texts)

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(r.body) for r in self.receiver.requests if r.path == "/send"]
