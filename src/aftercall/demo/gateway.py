"""A provider of texts as small as one can be, for the demo only: it sends nothing to anybody.

It takes texts over HTTP, reports a moment later that each has arrived, and its people may write back.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from aftercall.client import Client
from aftercall.demo.catcher import Answer, Catcher, Caught

ARRIVES = 1.0  # seconds until a text is reported as delivered
ANSWERS = 1.0  # seconds after that until somebody writes back


class Sent(msgspec.Struct):
    """A text as it was handed over; the connection's settings say so (`SETTINGS`)."""

    to: str
    sender: str
    text: str
    reference: str
    callback_url: str


SETTINGS: dict[str, Any] = {
    "json": {
        "to": "{{ to }}", "sender": "{{ sender }}", "text": "{{ text }}", "reference": "{{ reference }}",
        "callback_url": "{{ callback_url }}",
    },
    "id_path": "id",
    "receipts": {"id": "id", "status": "status", "statuses": {"delivered": "delivered"}},
    "inbound": {"id": "id", "from": "from", "to": "to", "text": "text"},
}  # fmt: skip


class Gateway:
    """`replies`: what people answer to the first text they get, by number. `took` and `answered` hear of texts."""

    def __init__(
        self,
        took: Callable[[Sent], None],
        answered: Callable[[str, str], None],
        replies: Mapping[str, str],
        pace: float = 1.0,
    ) -> None:
        self._took, self._answered, self._pace = took, answered, pace
        self._replies = dict(replies)
        self._catcher = Catcher(self._take)
        self._ids = 0
        self._following: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; the address that texts are sent to."""
        return f"{await self._catcher.start()}/send"

    async def close(self) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        await self._catcher.close()

    async def idle(self) -> None:
        """Until everything has been reported and answered."""
        await asyncio.gather(*self._following)

    def _take(self, caught: Caught) -> Answer:
        try:
            sent = msgspec.json.decode(caught.body, type=Sent)
        except msgspec.DecodeError:
            return Answer(400)
        self._ids += 1
        id_ = f"text-{self._ids}"
        self._took(sent)
        task = asyncio.create_task(self._follow(sent, id_))
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        return Answer(body=msgspec.json.encode({"id": id_}))

    async def _follow(self, sent: Sent, id_: str) -> None:
        """The receipt, and what the recipient writes back."""
        where = urlsplit(sent.callback_url)
        async with Client(f"{where.scheme}://{where.netloc}", "") as server:
            await asyncio.sleep(ARRIVES * self._pace)
            path = f"{where.path}?{where.query}"
            await server.post(path, {"id": id_, "status": "delivered"})
            reply = self._replies.pop(sent.to, None)
            if reply is None:
                return
            await asyncio.sleep(ANSWERS * self._pace)
            self._answered(sent.to, reply)
            await server.post(
                where.path, {"id": f"in-{id_}", "from": sent.to, "to": sent.sender, "text": reply}
            )
