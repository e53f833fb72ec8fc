"""What comes back from providers: receipts to their messages, texts to the suppression list and to whoever listens.

Everything is committed before the provider hears that it was taken (S5, S6). The same thing twice changes nothing.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec

from aftercall.domain.clean import line
from aftercall.domain.connection import Connection
from aftercall.domain.contact import SuppressionSource
from aftercall.domain.delivery import Delivery
from aftercall.domain.guard.keywords import Heard, read_keyword, suppressions_after
from aftercall.domain.message import Receipt, Text
from aftercall.domain.phone import normalise
from aftercall.engine.answering import answer_to
from aftercall.engine.contacts import Clearance
from aftercall.engine.message_rows import Reported, StoredText
from aftercall.engine.notices import Notices
from aftercall.engine.ports import Clock, Store
from aftercall.engine.settings import SettingsCache

log = logging.getLogger(__name__)

TOLD = {"delivered": "message.delivered", "undelivered": "message.undelivered"}


class Receiving:
    def __init__(
        self, store: Store, clock: Clock, settings: SettingsCache, notices: Notices, wake: Callable[[], None]
    ) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._notices, self._wake = notices, wake

    async def hear(self, connection: Connection, receipts: Sequence[Receipt], texts: Sequence[Text]) -> None:
        """Commit what a connection told. Raises Unavailable; then the provider is to tell it again."""
        if receipts:
            reported = await self._store.take_receipts(connection, receipts, self._clock.now())
            for one in reported:
                await self._tell(connection, one)
        for text in texts:
            await self._take_text(connection, text)

    async def _tell(self, connection: Connection, reported: Reported) -> None:
        name = TOLD.get(reported.status or "")
        if name is None or not await self._notices.heard(connection.account_id, name):
            return
        details = {
            "delivery_id": reported.delivery_id,
            "call_id": reported.call_id,
            "connection_id": connection.id,
            "provider_id": reported.receipt.provider_id,
            "error": reported.receipt.error,
            "detail": reported.receipt.detail,
        }
        if await self._notices.tell(connection.account_id, name, details):
            self._wake()

    async def _take_text(self, connection: Connection, text: Text) -> None:
        settings = await self._settings.get(connection.account_id)
        country = settings.account.country if settings is not None else None
        read = line(normalise(text.from_, country).best or text.from_)
        text = msgspec.structs.replace(text, from_=read)
        keyword = read_keyword(text.text, text.keyword)
        stopped = keyword.kind == "stop" and keyword.match != "fuzzy"
        new = StoredText(
            id="",
            account_id=connection.account_id,
            connection_id=connection.id,
            text=text,
            received_at=self._clock.now(),
            keyword=keyword.kind,
        )
        kept, is_new = await self._store.take_text(new, stopped=stopped)
        suppressed = await self._store.find_suppressions(connection.account_id, [read])
        heard = Heard(
            account_id=connection.account_id,
            address=read,
            text=text.text,
            at=new.received_at,
            delivery_id=kept.delivery_id,
            replies=connection.keyword_replies,
            stopped=any(entry.source == "keyword" for entry in suppressed.get(read, ())),
        )
        follows = suppressions_after(keyword, heard)
        if follows.reply is not None and settings is not None:
            # Before the entry that says that a STOP was confirmed: told again after a crash, it is answered once.
            await self._answer(
                answer_to(kept, follows.reply, connection, settings.senders, self._clock.now())
            )
        if follows.add:
            await self._store.add_suppressions(follows.add)
        if follows.clear and is_new:  # a START that is told again may be older than the last STOP
            await self._clear(connection, read, follows.clear)
        if is_new:
            await self._tell_text(connection, kept, opted_out=bool(follows.add))

    async def _answer(self, answer: Delivery) -> None:
        if await self._store.add_once(answer):
            self._wake()

    async def _clear(
        self, connection: Connection, address: str, sources: Sequence[SuppressionSource]
    ) -> None:
        await self._store.clear_suppressions(
            connection.account_id,
            Clearance(
                address=address,
                sources=sources,
                by="recipient",
                reason="START",
                at=self._clock.now(),
            ),
        )

    async def _tell_text(self, connection: Connection, text: StoredText, *, opted_out: bool) -> None:
        names = ["message.received", *(["message.opted_out"] if opted_out else [])]
        details = {
            "text_id": text.id,
            "connection_id": connection.id,
            "from": text.text.from_,
            "to": text.text.to,
            "text": text.text.text,
            "keyword": text.keyword,
            "delivery_id": text.delivery_id,
        }
        for name in names:
            heard = await self._notices.heard(connection.account_id, name)
            if heard and await self._notices.tell(connection.account_id, name, details):
                self._wake()
