"""What the engine needs from the outside: a clock, a store, a way out. Small Protocols."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from aftercall.domain.account import Account, ApiKey, DirectoryKind, Entry, Source
from aftercall.domain.breaker import LaneState
from aftercall.domain.connection import Connection
from aftercall.domain.contact import Contact
from aftercall.domain.delivery import Attempt, Delivery, Outcome
from aftercall.domain.fact import Fact
from aftercall.domain.guard.changes import AccountPolicies
from aftercall.domain.message import Receipt
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.domain.sender import Sender
from aftercall.domain.webhook import Webhook
from aftercall.engine.contacts import Contacts, Suppressions
from aftercall.engine.input_rows import HourRow, Input, InputQuery
from aftercall.engine.message_rows import (
    Counted,
    Decided,
    Lately,
    MessageQuery,
    MessageRow,
    Reported,
    StoredReceipt,
    StoredText,
)
from aftercall.engine.rows import (
    CallQuery,
    CallRow,
    DeliveryQuery,
    Finished,
    Health,
    Page,
    Remembered,
    Settings,
    Setup,
    SilentCall,
    SpokenEvent,
)

S = TypeVar("S", Connection, Sender, MessageTemplate, Rule, AccountPolicies)


class Collision(Exception):
    """Another node was faster with the same call; the transaction is to be tried again."""


class Clock(Protocol):
    def now(self) -> datetime: ...


class Channel(Protocol):
    """A way out. Sends one delivery and says what came of it; decides nothing, raises nothing."""

    async def send(self, delivery: Delivery, destination: Any, attempt: int, now: datetime) -> Outcome:
        """`destination`: the webhook or connection the delivery names."""
        ...


class Work(Protocol):
    """One transaction of accept. Every method is one statement per table, whatever the number of rows."""

    async def settings_versions(self, accounts: Iterable[str]) -> dict[str, int]: ...

    async def find_calls(self, keys: Sequence[tuple[str, str, str]]) -> list[CallRow]:
        """The calls under these (account, source, call key), all generations, locked, in key order."""
        ...

    async def lock_calls(self, ids: Sequence[tuple[str, str]]) -> list[CallRow]:
        """The calls with these (account, id), locked in order; those another node holds are left out."""
        ...

    async def known_facts(self, facts: Sequence[tuple[str, str, str]]) -> set[tuple[str, str]]:
        """Which of these (account, call id, natural id) are stored already, as (call id, natural id)."""
        ...

    async def load_facts(self, calls: Sequence[tuple[str, str]]) -> dict[str, list[Fact]]: ...

    async def spoken(self, events: Sequence[tuple[str, str, str]]) -> set[str]:
        """Which of these (account, call id, event id) have been spoken already."""
        ...

    async def due_calls(self, now: datetime, limit: int) -> list[CallRow]:
        """Calls that have something to say by now, locked; those another node holds are left out."""
        ...

    async def find_aliases(self, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The calls that have these (account, name), as far as there are any."""
        ...

    async def find_contacts(self, numbers: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Contact]:
        """The contacts with these (account, number), as far as there are any."""
        ...

    async def add_aliases(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Give names to calls, as (account, name, call id). Raises Collision when one is taken."""
        ...

    async def hide_merged(self, calls: Sequence[tuple[str, str]]) -> None:
        """Leave these (account, id) out of the call log from now on: they live on as others."""
        ...

    async def add_facts(self, rows: Sequence[tuple[str, str, Fact]]) -> None: ...

    async def add_calls(self, rows: Sequence[CallRow]) -> None: ...

    async def update_calls(self, rows: Sequence[CallRow]) -> None: ...

    async def add_events(self, rows: Sequence[SpokenEvent]) -> None: ...

    async def add_deliveries(self, rows: Sequence[Delivery], owners: Sequence[str | None]) -> None: ...

    async def add_inputs(self, rows: Sequence[Input]) -> None: ...

    async def replace_inputs(self, rows: Sequence[Input]) -> None: ...

    async def sent_by_rules(self, calls: Sequence[tuple[str, str]]) -> dict[str, list[Delivery]]:
        """What the rules of these (account, call id) have sent so far, by call id."""
        ...

    async def drop_facts(self, facts: Sequence[tuple[str, str, str]]) -> None:
        """Remove these (account, call id, natural id)."""
        ...


class Queue(Protocol):
    """The deliveries' side of the store."""

    async def join(self, node: str, incarnation: str, now: datetime) -> None:
        """Take over from dead predecessors of the same name, at once."""
        ...

    async def beat(self, incarnation: str, now: datetime) -> list[str]:
        """Say that this node lives; release what dead ones owned; the live incarnations."""
        ...

    async def leave(self, incarnation: str) -> None: ...

    async def claim(
        self, incarnation: str, now: datetime, buckets: Sequence[int] | None, full: Sequence[str], limit: int
    ) -> list[Delivery]:
        """Due deliveries nobody owns, oldest first, except of the webhooks in `full`; owned by us from now."""
        ...

    async def unclaim(self, deliveries: Sequence[Delivery], owner: str) -> None:
        """These are nobody's again, as far as they are still `owner`'s."""
        ...

    async def release_lost(self, owner: str, in_hand: Collection[str], before: datetime) -> int:
        """Give back what is `owner`'s, was made before then, and is not `in_hand`; how many there were."""
        ...

    async def next_due(self, buckets: Sequence[int] | None, full: Sequence[str]) -> datetime | None: ...

    async def record(self, finished: Sequence[Finished], lanes: Sequence[LaneState]) -> None: ...

    async def lane_states(self) -> list[LaneState]: ...

    async def hold(self, account_id: str, destination_id: str, reason: str) -> int:
        """Pending deliveries of a webhook become held."""
        ...

    async def release(self, account_id: str, destination_id: str, now: datetime) -> int:
        """Held deliveries of a webhook become pending and due."""
        ...

    async def disable_webhook(self, account_id: str, webhook_id: str, reason: str, now: datetime) -> bool:
        """Status disabled, pending deliveries held, settings version raised; False when not enabled."""
        ...

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` when another node left a delivery to claim; returns at once where that cannot be."""
        ...


class Records(Protocol):
    """What the account has set up, and the logs. Every change raises the account's settings version."""

    async def add_account(self, account: Account) -> None: ...
    async def get_account(self, account_id: str) -> Account | None: ...
    async def list_accounts(self, cursor: str | None, limit: int) -> Page[Account]: ...
    async def update_account(self, account: Account) -> None: ...

    async def add_key(self, key: ApiKey) -> None: ...
    async def find_key(self, digest: str) -> ApiKey | None: ...
    async def use_keys(self, keys: Sequence[tuple[str, str]], now: datetime) -> None:
        """These keys, as (account, id), were used until now."""
        ...

    async def list_keys(self, account_id: str, cursor: str | None, limit: int) -> Page[ApiKey]: ...
    async def revoke_key(self, account_id: str, key_id: str, now: datetime) -> bool: ...

    async def add_webhook(self, webhook: Webhook) -> None: ...
    async def get_webhook(self, account_id: str, webhook_id: str) -> Webhook | None: ...
    async def list_webhooks(self, account_id: str, cursor: str | None, limit: int) -> Page[Webhook]: ...
    async def update_webhook(self, webhook: Webhook) -> bool:
        """False when another change came first: `webhook.version` must be one more than the stored one."""
        ...

    async def delete_webhook(self, account_id: str, webhook_id: str, now: datetime) -> bool: ...

    async def add_source(self, source: Source) -> None: ...
    async def get_source(self, account_id: str, source_id: str) -> Source | None: ...
    async def find_source(self, source_id: str) -> Source | None:
        """By id alone, for `/in/{source}`, which names no account."""
        ...

    async def list_sources(self, account_id: str, cursor: str | None, limit: int) -> Page[Source]: ...
    async def sources_of(self, types: Sequence[str]) -> list[tuple[str, str]]:
        """The (account, id) of every source of these types, whatever the account."""
        ...

    async def update_source(self, source: Source) -> bool: ...
    async def delete_source(self, account_id: str, source_id: str, now: datetime) -> bool: ...

    async def put_entry(self, entry: Entry) -> None: ...
    async def get_entry(self, account_id: str, kind: DirectoryKind, entry_id: str) -> Entry | None: ...
    async def list_entries(
        self, account_id: str, kind: DirectoryKind, cursor: str | None, limit: int
    ) -> Page[Entry]: ...
    async def delete_entry(self, account_id: str, kind: DirectoryKind, entry_id: str) -> bool: ...

    async def get_call(self, account_id: str, call_id: str) -> CallRow | None: ...
    async def list_calls(self, account_id: str, query: CallQuery) -> Page[CallRow]: ...
    async def open_calls(self, account_id: str, source_id: str, since: datetime) -> list[tuple[str, str]]:
        """The (key, id) of a source's calls that started after `since` and have not ended, merged ones too."""
        ...

    async def silent_calls(self, after: datetime, until: datetime, limit: int) -> list[SilentCall]:
        """Open calls, of all accounts, that are due after the one time and until the other, soonest first."""
        ...

    async def call_facts(self, account_id: str, call_id: str) -> list[Fact]: ...
    async def call_events(self, account_id: str, call_id: str) -> list[SpokenEvent]: ...
    async def get_event(self, account_id: str, event_id: str) -> SpokenEvent | None: ...

    async def get_delivery(self, account_id: str, delivery_id: str) -> Delivery | None: ...
    async def list_deliveries(self, account_id: str, query: DeliveryQuery) -> Page[Delivery]: ...
    async def delivery_attempts(self, account_id: str, delivery_id: str) -> list[Attempt]: ...
    async def add_once(self, delivery: Delivery) -> bool:
        """False when there is one with its key."""
        ...

    async def add_resends(self, deliveries: Sequence[Delivery], owner: str | None = None) -> None: ...
    async def cancel_delivery(self, account_id: str, delivery_id: str, owner: str | None = None) -> bool:
        """Only what is pending or held, and in nobody's hand but the `owner`'s who asks, can be cancelled."""
        ...

    async def health(self, account_id: str, destination_id: str) -> Health: ...
    async def backlog(self) -> dict[str, int]:
        """Deliveries by state (pending, held), over all accounts."""
        ...

    async def recall(self, account_id: str, key: str) -> Remembered | None: ...
    async def remember(self, account_id: str, key: str, remembered: Remembered, now: datetime) -> None: ...
    async def forget(self, before: datetime) -> int:
        """Drop idempotency keys older than this."""
        ...


class Setups(Protocol):
    """What accounts have set up to write to people. Every change raises the account's settings version."""

    async def add_setup(self, item: Setup) -> None: ...
    async def get_setup(self, kind: type[S], account_id: str, item_id: str) -> S | None: ...
    async def list_setup(self, kind: type[S], account_id: str, cursor: str | None, limit: int) -> Page[S]: ...
    async def update_setup(self, item: Setup) -> bool:
        """False when another change came first: its version must be one more than the stored one."""
        ...

    async def delete_setup(self, kind: type[S], account_id: str, item_id: str, now: datetime) -> bool:
        """What is pending or held for a connection is cancelled."""
        ...

    async def find_connection(self, connection_id: str) -> Connection | None:
        """By id alone, for a provider's callback, which names no account."""
        ...

    async def connection_accounts(self) -> list[tuple[str, str]]:
        """The (account, id) of every connection."""
        ...


class Messages(Protocol):
    """Deliveries that are messages: what was decided, what became of them, what people answer."""

    async def decide(self, rows: Sequence[Decided], owner: str, now: datetime) -> set[str]:
        """Record what was decided, and for what goes that its attempt begins; the ids of those whose does.

        One that was cancelled or held meanwhile is left as it is, and does not go.
        """
        ...

    async def lately(
        self,
        sent: Delivery,
        address: str,
        rule_id: str | None,
        sender: str | None,
        since: datetime,
        today: datetime,
        most: int,
    ) -> Lately:
        """What was handed over to this address since (the last so many), and by this sender today."""
        ...

    async def get_message(self, account_id: str, delivery_id: str) -> MessageRow | None: ...
    async def get_messages(self, account_id: str, ids: Collection[str]) -> dict[str, MessageRow]:
        """Those of these deliveries that are messages, by id."""
        ...

    async def list_messages(self, account_id: str, query: MessageQuery) -> Page[MessageRow]: ...
    async def message_rates(self, account_id: str, by: str, query: MessageQuery) -> list[Counted]:
        """Counts grouped by `rule_id`, `template_id`, `sender` or `connection_id`."""
        ...

    async def take_receipts(
        self, connection: Connection, told: Sequence[Receipt], now: datetime
    ) -> list[Reported]:
        """Keep the receipts of one connection and move their messages on; those that were new."""
        ...

    async def take_text(self, text: StoredText, *, stopped: bool) -> tuple[StoredText, bool]:
        """Keep a text that came in: as stored, with the message it answers, and whether it is new.

        `stopped`: it opts out.
        """
        ...

    async def list_texts(
        self, account_id: str, address: str | None, cursor: str | None, limit: int
    ) -> Page[StoredText]: ...
    async def message_receipts(self, account_id: str, delivery_id: str) -> list[StoredReceipt]: ...
    async def drop_early_receipts(self, before: datetime) -> int:
        """Those that no message has claimed."""
        ...

    async def doubts(self, now: datetime, buckets: Sequence[int] | None, limit: int) -> list[Delivery]:
        """Messages that may have been taken and whose provider is to be asked now."""
        ...

    async def resolve(self, doubt: Delivery, ids: Sequence[str], now: datetime) -> bool:
        """A message in doubt as it is from now on; False when a receipt was faster."""
        ...


class Inputs(Protocol):
    """What sources sent, and how much of it."""

    async def add_inputs(self, rows: Sequence[Input]) -> None: ...
    async def get_input(self, account_id: str, source_id: str, input_id: str) -> Input | None: ...
    async def list_inputs(self, account_id: str, query: InputQuery) -> Page[Input]: ...
    async def drop_inputs(self, now: datetime, most: int) -> int:
        """Drop those that have expired, the oldest first, at most so many."""
        ...

    async def put_traffic(self, rows: Sequence[HourRow]) -> None:
        """Replaces what this node has written of the same hours."""
        ...

    async def traffic(self, account_id: str, source_id: str, since: int) -> list[HourRow]:
        """From this hour on (since the epoch); when there is nothing, the last hour there was."""
        ...

    async def drop_traffic(self, before: datetime) -> int: ...


class Store(Queue, Records, Setups, Messages, Inputs, Contacts, Suppressions, Protocol):
    """Where everything is kept."""

    def begin(self) -> AbstractAsyncContextManager[Work]: ...

    async def settings(self, account_id: str) -> Settings | None: ...

    async def settings_version(self, account_id: str) -> int | None: ...

    async def close(self) -> None: ...
