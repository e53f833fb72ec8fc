"""An account that texts: a house with a real HTTP gateway, a registered sender and a template."""

import asyncio
import json
from typing import Any

import msgspec

from aftercall.domain.connection import Connection
from aftercall.domain.contact import Consent, Contact
from aftercall.domain.delivery import Attempt, Delivery
from aftercall.domain.guard.decision import Decision
from aftercall.domain.message import Receipt
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.domain.sender import A2p, Sender
from aftercall.engine.ids import new_id
from aftercall.engine.message_rows import MessageRow
from aftercall.engine.rehearsal import Wanted, as_test, by_hand
from tests.support.house import House
from tests.support.receiver import Answer, Receiver

CALLER, AGENT = "+14085551234", "+14085550102"
TAKEN = Answer(200, (("Content-Type", "application/json"),), b'{"id": "p-1"}')


class Texting:
    """A house with a gateway, a registered sender, and a template."""

    def __init__(self, home: House, receiver: Receiver) -> None:
        self.home, self.receiver = home, receiver
        self.connection: Connection
        self.sender: Sender
        self.template: MessageTemplate
        self.hold: asyncio.Event | None = None  # set: the gateway answers

    async def set_up(self) -> None:
        now, account_id = self.home.clock.now(), self.home.account_id
        common: dict[str, Any] = {"account_id": account_id, "created_at": now, "updated_at": now}
        self.connection = Connection(
            id=new_id("cn"),
            channel="sms",
            type="generic",
            token="t" * 20,
            timeout_seconds=2.0,
            rate_limit=0,
            settings={
                "url": self.receiver.url("/send"),
                "json": {"to": "{{ to }}", "text": "{{ text }}", "ref": "{{ reference }}"},
                "id_path": "id",
            },
            **common,
        )
        self.sender = Sender(
            id=new_id("snd"),
            connection_id=self.connection.id,
            value="+14085550199",
            a2p=A2p(registered=True),
            **common,
        )
        self.template = MessageTemplate(
            id=new_id("tpl"),
            name="Sorry",
            channel="sms",
            category="service_implicit",
            text="Sorry we missed you, {{ customer.name | default: 'caller' }}.",
            **common,
        )
        for item in (self.connection, self.sender, self.template):
            await self.home.app.store.add_setup(item)
        self.receiver.plan("/send", TAKEN)

    async def rule(self, **more: Any) -> Rule:
        now = self.home.clock.now()
        fields: dict[str, Any] = {"channel": "sms", "template_id": self.template.id} | more
        rule = Rule(
            id=new_id("rl"), account_id=self.home.account_id, created_at=now, updated_at=now, **fields
        )
        await self.home.app.store.add_setup(rule)
        return rule

    async def missed(self, key: str = "c1", **data: Any) -> str:
        fields = {"from_": CALLER, "status": "missed", "from_name": "Ana"} | data
        (taken,) = await self.home.post(self.home.finished(key, **fields))
        return taken.call_id

    async def message(self, status: str, **query: Any) -> MessageRow:
        (delivery,) = await self.home.settled(status, channel="sms", **query)
        row = await self.home.app.store.get_message(self.home.account_id, delivery.id)
        assert row is not None
        return row

    async def send_test(self) -> tuple[Delivery, Decision, Attempt | None]:
        settings = await self.home.app.settings.get(self.home.account_id)
        assert settings is not None
        wanted = Wanted(template=self.template, to=CALLER)
        made, _ = as_test(by_hand(wanted, None, None, settings.office, self.home.clock.now()))
        return await self.home.app.trials.message(made, settings)

    async def told(self, *receipts: Receipt) -> None:
        await self.home.app.receiving.hear(self.connection, receipts, ())

    async def consent(self) -> None:
        now = self.home.clock.now()
        contact = Contact(
            id=new_id("ct"), account_id=self.home.account_id, number=CALLER, created_at=now, updated_at=now,
            consents=(Consent(category="promotional", source="form", at=now),),
        )  # fmt: skip
        await self.home.app.store.put_contacts([contact])

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(r.body) for r in self.receiver.requests if r.path == "/send"]


def decision(row: MessageRow) -> Decision:
    return msgspec.json.decode(row.decision, type=Decision)
