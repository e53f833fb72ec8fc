"""The tables. Times are microseconds since the epoch, UTC; documents are JSON text of domain values.

Every key holds `account_id`, so that PostgreSQL can partition by account. Where rows come in by the thousand the
ULID leads: whatever the number of accounts, new rows lie side by side, in few pages. Event and delivery keys
lead with the call's ULID: a call's rows lie together and need no second index.

Each lookup of the hot path has one index only that can serve it. Otherwise a plan made while the tables are
empty, when all indexes cost the same, picks any, and reads all of an account's rows for each one.

What is filtered by stands before the long documents, so that a scan need not read past them.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TEXT

metadata = MetaData()

# Keys compare byte by byte on every server, whatever its locale: ranges over prefixes depend on it.
Key = Text().with_variant(TEXT(collation="C"), "postgresql")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


accounts = Table(
    "accounts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column(
        "version", Integer, nullable=False
    ),  # grows with every change of the account or what it has set up
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("digest", Key, nullable=False),  # SHA-256 of the key, hex
    Column("document", Text, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("api_keys_by_digest", "digest", unique=True),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("document", Text, nullable=False),  # without secrets
    Column("secrets", Text, nullable=False),  # encrypted
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted_at", BigInteger),
)

sources = Table(
    "sources",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("type", Text, nullable=False),
    Column("document", Text, nullable=False),  # without secrets
    Column("secrets", Text, nullable=False),  # encrypted
    Column("version", Integer, nullable=False),
    Column("deleted_at", BigInteger),
    Index("sources_by_id", "id", unique=True),  # /in/{source} names no account
)

directory = Table(
    "directory",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("kind", Key, nullable=False),
    Column("key", Key, nullable=False),
    Column("document", Text, nullable=False),
    Index("directory_by_key", "account_id", "kind", "key", unique=True),
)

contacts = Table(
    "contacts",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("number", Key, nullable=False),
    Column("ending", Key, nullable=False),  # the number's digits, reversed
    Column("name", Key, nullable=False),  # folded, a space before each word
    Column("tags", Text),  # as in calls
    Column("updated_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("contacts_by_number", "number", "account_id", unique=True),
    Index("contacts_by_name", "account_id", "name", "id"),
    Index("contacts_by_ending", "account_id", "ending"),
)

# To whom nothing is sent. Those that were cleared stay, with who cleared them and why.
suppressions = Table(
    "suppressions",
    metadata,
    Column("address", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    Column("scope", Key, primary_key=True),
    Column("source", Key, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("cleared_at", BigInteger),
    Column("document", Text, nullable=False),
    Index("suppressions_by_age", "account_id", "created_at"),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    Column("source_id", Key, nullable=False),
    Column("call_key", Key, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("facts", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # What the call log filters and sorts by; derived from the record.
    Column("started_at", BigInteger, nullable=False),
    Column("direction", Text),
    Column("call_type", Text),
    Column("status", Text),
    Column("did", Text),
    Column("duration_seconds", Integer),
    Column("customer", Key),  # digits, reversed: a search by suffix is a search by prefix
    Column("queue", Text),  # "\nid\nname\n" in lower case; likewise agent (all of them) and tags
    Column("agent", Text),
    Column("tags", Text),
    Column("speech", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("fold", LargeBinary),
    Index("calls_by_key", "source_id", "call_key", "generation", "account_id", unique=True),
    Index("calls_by_start", "account_id", "started_at", "id"),
    Index(
        "calls_by_customer", "account_id", "customer", "started_at", "id", **_where("customer IS NOT NULL")
    ),
    Index("calls_due", "due_at", **_where("due_at IS NOT NULL")),
)

# Names that calls go by besides their keys: those that share one are one call (H8, H16).
aliases = Table(
    "aliases",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("name", Key, primary_key=True),
    Column("call_id", Key, nullable=False),
    sqlite_with_rowid=False,
)

# Calls that live on as another, which their record names. The log lists and counts that one only.
merged_calls = Table(
    "merged_calls",
    metadata,
    Column("call_id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    sqlite_with_rowid=False,
)

facts = Table(
    "facts",
    metadata,
    Column("call_id", Key, primary_key=True),
    Column("natural_id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("event_id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    Column("document", Text, nullable=False),
    Column("skipped", Text),  # webhooks that chose it and did not get it, with the reason
    sqlite_with_rowid=False,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("destination_id", Key, nullable=False),  # a webhook, or the connection a message goes by
    Column("channel", Key, nullable=False),
    Column("key", Key, nullable=False),
    Column("event_id", Key, nullable=False),
    Column("event", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("call_id", Key),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("started", Integer, nullable=False),  # the attempt that was begun; more than `attempts`: in doubt
    Column("due_at", BigInteger),
    Column("owner", Key),  # the node incarnation that has it in hand
    Column("created_at", BigInteger, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("resend_of", Key),
    Column("is_test", Boolean, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("deliveries_by_key", "key", "account_id", unique=True),
    Index("deliveries_by_destination", "destination_id", "id"),
    # The queue. Destination first: the due ones of each lane are found without reading another lane's backlog.
    Index("deliveries_waiting", "destination_id", "due_at", **_where("status = 'pending' AND owner IS NULL")),
    Index(
        "deliveries_in_hand",
        "account_id",
        "destination_id",
        "owner",
        **_where("status = 'pending' AND owner IS NOT NULL"),
    ),
    Index("deliveries_held", "account_id", "destination_id", "id", **_where("status = 'held'")),
)

# What an account has set up to write to people: connections, senders, templates, rules, changes of policies.
setup = Table(
    "setup",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("kind", Key, nullable=False),
    Column("document", Text, nullable=False),  # without secrets
    Column("secrets", Text, nullable=False),  # encrypted; empty where there are none
    Column("version", Integer, nullable=False),
    Column("deleted_at", BigInteger),
    Index("setup_by_id", "id", unique=True),  # a provider's callback names no account
)

# Of deliveries that are messages: what the guard decided, and what became of them.
messages = Table(
    "messages",
    metadata,
    Column("delivery_id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    Column("channel", Key, nullable=False),
    Column("connection_id", Key),
    Column("rule_id", Key),
    Column("template_id", Key),
    Column("sender", Key),
    Column("call_id", Key),
    Column("address", Key, nullable=False),  # E.164 or mail address; empty where there was none
    Column("created_at", BigInteger, nullable=False),
    Column("is_test", Boolean, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("submitted_at", BigInteger),
    Column("replied_at", BigInteger),
    Column("opted_out_at", BigInteger),
    Column("look_up_at", BigInteger),  # in doubt: when its provider is asked. Not an index of all deliveries.
    Column("deferred", Boolean, nullable=False),  # put off by the guard, or held, at least once
    Column("progress", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Index("messages_by_address", "address", "created_at"),
    Index("messages_by_sender", "sender", "created_at"),
    Index("messages_by_time", "account_id", "created_at"),
    Index("messages_in_doubt", "look_up_at", **_where("look_up_at IS NOT NULL")),
    sqlite_with_rowid=False,
)

# What providers call messages: one id, or one a segment.
provider_ids = Table(
    "provider_ids",
    metadata,
    Column("connection_id", Key, primary_key=True),
    Column("provider_id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    Column("delivery_id", Key, nullable=False),
    sqlite_with_rowid=False,
)

# Receipts of providers. One that came before its message was known to be sent has no delivery yet.
receipts = Table(
    "receipts",
    metadata,
    Column("connection_id", Key, primary_key=True),
    Column("digest", Key, primary_key=True),  # of what it says: the same one twice is one
    Column("account_id", Key, primary_key=True),
    Column("delivery_id", Key),
    Column("provider_id", Key),
    Column("reference", Key),
    Column("received_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("receipts_by_delivery", "delivery_id", **_where("delivery_id IS NOT NULL")),
    Index("receipts_early", "provider_id", "connection_id", **_where("delivery_id IS NULL")),
    Index("receipts_early_by_reference", "reference", **_where("delivery_id IS NULL")),
    Index("receipts_early_by_age", "received_at", **_where("delivery_id IS NULL")),
    sqlite_with_rowid=False,
)

# Texts that came in.
texts = Table(
    "texts",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("connection_id", Key, nullable=False),
    Column("digest", Key, nullable=False),  # of what it says and when: the same one twice is one
    Column("address", Key, nullable=False),  # who wrote it
    Column("received_at", BigInteger, nullable=False),
    Column("delivery_id", Key),  # the message it answers
    Column("document", Text, nullable=False),
    Index("texts_by_digest", "connection_id", "digest", unique=True),
    Index("texts_by_address", "account_id", "address", "id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", Key, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("account_id", Key, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("latency_us", BigInteger, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

lanes = Table(
    "lanes",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("destination_id", Key, primary_key=True),
    Column("document", Text, nullable=False),
)

nodes = Table(
    "nodes",
    metadata,
    Column("incarnation", Key, primary_key=True),
    Column("name", Key, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("account_id", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("request", Text, nullable=False),  # SHA-256 of method, path and body
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("idempotency_by_age", "created_at"),
)

inputs = Table(
    "inputs",
    metadata,
    Column("source_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("account_id", Key, primary_key=True),
    Column("result", Key, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # deflated (zlib)
    Index("inputs_by_result", "source_id", "result", "id"),
    Index("inputs_by_age", "expires_at"),
)

traffic = Table(
    "traffic",
    metadata,
    Column("source_id", Key, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),  # since the epoch
    Column("incarnation", Key, primary_key=True),  # the node that counted
    Column("account_id", Key, primary_key=True),
    Column("document", Text, nullable=False),
    Index("traffic_by_age", "hour"),
    sqlite_with_rowid=False,
)
