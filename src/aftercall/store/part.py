"""What every part of the store has."""

from aftercall.store.transaction import Database
from aftercall.store.vault import Vault


class Part:
    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
