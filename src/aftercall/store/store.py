"""The store as a whole: its parts over one database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aftercall.store.accounts import SqlAccounts
from aftercall.store.call_log import SqlCallLog
from aftercall.store.contacts import SqlContacts
from aftercall.store.delivery_log import SqlDeliveryLog
from aftercall.store.directory import SqlDirectory
from aftercall.store.holding import SqlHolding
from aftercall.store.idempotency import SqlIdempotency
from aftercall.store.inputs import SqlInputs
from aftercall.store.messages import SqlMessages
from aftercall.store.nodes import SqlNodes
from aftercall.store.queue import SqlQueue
from aftercall.store.receipts import SqlReceipts
from aftercall.store.setup import SqlSetup
from aftercall.store.sources import SqlSources
from aftercall.store.suppressions import SqlSuppressions
from aftercall.store.webhooks import SqlWebhooks
from aftercall.store.work import SqlWork


class SqlStore(
    SqlAccounts,
    SqlWebhooks,
    SqlSources,
    SqlDirectory,
    SqlSetup,
    SqlContacts,
    SqlSuppressions,
    SqlCallLog,
    SqlDeliveryLog,
    SqlIdempotency,
    SqlInputs,
    SqlMessages,
    SqlReceipts,
    SqlQueue,
    SqlHolding,
    SqlNodes,
):
    """See `ports.Store`."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlWork]:
        """One transaction; what its body raises undoes it. Raises Collision when another one came first."""
        async with self._database.begin() as transaction:
            yield SqlWork(transaction)

    async def listen(self, wake: Callable[[], None]) -> None:
        await self._database.listen(wake)

    async def close(self) -> None:
        await self._database.close()
