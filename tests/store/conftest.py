# A store over each database in turn, and the same for those tests that need a second one beside it.

from collections.abc import AsyncIterator

import pytest

from aftercall.store.database import open_store
from aftercall.store.store import SqlStore
from aftercall.store.vault import Vault

KEY = bytes(range(32))


@pytest.fixture
def vault() -> Vault:
    return Vault([KEY])


@pytest.fixture
async def store(database_url: str, vault: Vault) -> AsyncIterator[SqlStore]:
    store = await open_store(database_url, vault=vault)
    yield store
    await store.close()
