"""The demo's texts and mails: what sends them and to whom, what is shown of them, and what was decided about each.

Everything is set up through the public API. Texts go to a gateway, mails to a mail server, both in this process.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

from aftercall.client import Client
from aftercall.demo.calls import MARCO, OUR_NUMBER, SALES, TOM
from aftercall.demo.gateway import SETTINGS, Gateway, Sent
from aftercall.demo.mailbox import Mailbox
from aftercall.demo.show import Show
from aftercall.domain.guard.decision import masked

SUPERVISOR = "supervisor@harbour-clinic.example"
SORRY = "Sorry we missed you, {{ customer.name | default: 'hello' }}. We will ring back. STOP ends texts."
OFFER = "Thank you for calling, {{ customer.name }}. This week 10 % off. STOP ends texts."
# Somewhere it is night: places less than nine hours apart, all around the world.
PLACES = ("Pacific/Honolulu", "America/New_York", "Europe/London", "Asia/Kolkata", "Asia/Tokyo")
NIGHT = (*range(7), 22, 23)  # hours of the day


class Messages:
    def __init__(self, show: Show) -> None:
        self._show = show
        self._gateway = Gateway(self._text, self._answer, {TOM: "STOP"}, show.pace)
        self._mailbox = Mailbox(self._mail)

    async def open(self, api: Client, stack: AsyncExitStack) -> None:
        url = await self._gateway.start()
        stack.push_async_callback(self._gateway.close)
        await self._mailbox.start()
        stack.push_async_callback(self._mailbox.close)
        await self._set_up_texts(api, url)
        await self._set_up_mails(api)

    async def _set_up_texts(self, api: Client, url: str) -> None:
        gateway = await api.post("/v1/connections", {
            "type": "generic", "name": "Text gateway", "settings": {"url": url, **SETTINGS},
        })  # fmt: skip
        sender = await api.post("/v1/senders", {
            "connection_id": gateway["id"], "value": OUR_NUMBER, "kind": "long_code", "a2p": {"registered": True},
        })  # fmt: skip
        await api.call("PUT", "/v1/contacts", {
            "number": MARCO, "name": "Marco Rossi", "time_zone": asleep(datetime.now(UTC)),
            "consents": [{"category": "promotional", "source": "sign-up form"}],
        })  # fmt: skip
        sorry = await api.post("/v1/message-templates", {
            "name": "Sorry we missed you", "channel": "sms", "category": "service_implicit", "text": SORRY,
        })  # fmt: skip
        offer = await api.post("/v1/message-templates", {
            "name": "Offer", "channel": "sms", "category": "promotional", "text": OFFER,
        })  # fmt: skip
        await api.post("/v1/rules", {
            "name": "Missed: text the caller", "channel": "sms", "events": ["missed"], "recipients": "caller",
            "template_id": sorry["id"], "sender_id": sender["id"], "filters": {"directions": ["inbound"]},
        })  # fmt: skip
        await api.post("/v1/rules", {
            "name": "Sales: an offer", "channel": "sms", "events": ["answered"], "recipients": "caller",
            "template_id": offer["id"], "sender_id": sender["id"], "filters": {"queues": [SALES["name"]]},
        })  # fmt: skip

    async def _set_up_mails(self, api: Client) -> None:
        server = await api.post("/v1/connections", {
            "type": "smtp", "name": "Mail server", "settings": {
                "host": self._mailbox.host, "port": self._mailbox.port, "security": "none",
                "from_address": "calls@harbour-clinic.example", "from_name": "Harbour Clinic calls"},
        })  # fmt: skip
        await api.post("/v1/rules", {
            "name": "Missed: mail the supervisor", "channel": "email", "events": ["missed"],
            "recipients": "fixed", "to": [SUPERVISOR], "connection_id": server["id"],
            "filters": {"directions": ["inbound"]},
        })  # fmt: skip

    async def summarise(self, api: Client) -> None:
        """Every message with what became of it, and the guard's decision in a line or two."""
        told = []
        for message in await settled(api):
            record = await api.get(f"/v1/messages/{message['id']}/decision")
            to = message["to"]
            told.append((self._who(to), masked(to), status(message), brief(record["explanation"])))
        self._show.screen.messages(told)

    def _text(self, sent: Sent) -> None:
        self._show.screen.wrote(self._who(sent.to), "text", masked(sent.to), sent.text)

    def _mail(self, mail: EmailMessage) -> None:
        to = str(mail["To"])
        self._show.screen.wrote(self._who(to), "mail", masked(to), str(mail["Subject"]))

    def _answer(self, number: str, text: str) -> None:
        self._show.screen.answered(self._who(number), text)

    def _who(self, address: str) -> str:
        return self._show.who(address) or "Supervisor"


def asleep(now: datetime) -> str:
    """A place where it is night at this moment."""
    return next(place for place in PLACES if now.astimezone(ZoneInfo(place)).hour in NIGHT)


async def settled(api: Client) -> list[dict[str, Any]]:
    """Oldest first, once the last results are recorded: that is after the provider's answer."""
    found: list[dict[str, Any]] = []
    for _ in range(40):
        found = [message async for message in api.pages("/v1/messages", {"limit": 100})]
        if "pending" not in map(status, found):
            break
        await asyncio.sleep(0.05)
    return found[::-1]


def status(message: dict[str, Any]) -> str:
    """A message that waits for its time is told from one that is on its way."""
    waits = message["status"] == "pending" and message["reason"] is not None
    return "deferred" if waits else str(message["status"])


def brief(explanation: str) -> str:
    """The outcome, every check that stops the message, and how many do not."""
    first, *lines, last = explanation.splitlines()
    stops = [line.removeprefix("  fail ") for line in lines if line.startswith("  fail ")]
    return "\n".join([first, *stops, last.strip()]) if stops else f"{first}: {last.strip()}"
