"""Deliveries that are not for a webhook; messages, what providers say of them, what is set up to send them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0004"
down_revision = "0003"

KEY = sa.Text().with_variant(TEXT(collation="C"), "postgresql")
KEPT = (
    "account_id, id, key, event_id, event, trigger, call_id, status, reason, attempts, due_at, owner, created_at, "
    "occurred_at, resend_of, is_test, content_type, query, body"
)
INDEXES = ("by_key", "by_webhook", "waiting", "in_hand", "held")


def upgrade() -> None:
    _deliveries()
    _lanes()
    _setup()
    _messages()
    _receipts()
    _texts()


def _deliveries() -> None:
    for name in INDEXES:
        op.drop_index(f"deliveries_{name}", "deliveries")
    op.rename_table("deliveries", "deliveries_before")
    if (
        op.get_bind().dialect.name == "postgresql"
    ):  # where the name of the key's index is the schema's, not the table's
        op.execute("ALTER INDEX deliveries_pkey RENAME TO deliveries_before_pkey")
    op.create_table(
        "deliveries",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("destination_id", KEY, nullable=False),
        sa.Column("channel", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("call_id", KEY),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("owner", KEY),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("resend_of", KEY),
        sa.Column("is_test", sa.Boolean, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.execute(
        f"INSERT INTO deliveries ({KEPT}, destination_id, channel, started) "  # noqa: S608  # names from here
        f"SELECT {KEPT}, webhook_id, 'webhook', attempts FROM deliveries_before"
    )
    op.drop_table("deliveries_before")
    op.create_index("deliveries_by_key", "deliveries", ["key", "account_id"], unique=True)
    op.create_index("deliveries_by_destination", "deliveries", ["destination_id", "id"])
    _partial(
        "deliveries_waiting",
        "deliveries",
        ["destination_id", "due_at"],
        "status = 'pending' AND owner IS NULL",
    )
    _partial(
        "deliveries_in_hand",
        "deliveries",
        ["account_id", "destination_id", "owner"],
        "status = 'pending' AND owner IS NOT NULL",
    )
    _partial("deliveries_held", "deliveries", ["account_id", "destination_id", "id"], "status = 'held'")


def _lanes() -> None:
    """What is remembered of failing receivers is not taken along: each gets a fresh chance."""
    op.drop_table("lanes")
    op.create_table(
        "lanes",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("destination_id", KEY, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )


def _setup() -> None:
    op.create_table(
        "setup",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_index("setup_by_id", "setup", ["id"], unique=True)


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("delivery_id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("channel", KEY, nullable=False),
        sa.Column("connection_id", KEY),
        sa.Column("rule_id", KEY),
        sa.Column("template_id", KEY),
        sa.Column("sender", KEY),
        sa.Column("call_id", KEY),
        sa.Column("address", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("is_test", sa.Boolean, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("submitted_at", sa.BigInteger),
        sa.Column("replied_at", sa.BigInteger),
        sa.Column("opted_out_at", sa.BigInteger),
        sa.Column("look_up_at", sa.BigInteger),
        sa.Column("deferred", sa.Boolean, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("messages_by_address", "messages", ["address", "created_at"])
    op.create_index("messages_by_sender", "messages", ["sender", "created_at"])
    op.create_index("messages_by_time", "messages", ["account_id", "created_at"])
    _partial("messages_in_doubt", "messages", ["look_up_at"], "look_up_at IS NOT NULL")
    op.create_table(
        "provider_ids",
        sa.Column("connection_id", KEY, primary_key=True),
        sa.Column("provider_id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("delivery_id", KEY, nullable=False),
        sqlite_with_rowid=False,
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("connection_id", KEY, primary_key=True),
        sa.Column("digest", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("delivery_id", KEY),
        sa.Column("provider_id", KEY),
        sa.Column("reference", KEY),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    _partial("receipts_by_delivery", "receipts", ["delivery_id"], "delivery_id IS NOT NULL")
    _partial("receipts_early", "receipts", ["provider_id", "connection_id"], "delivery_id IS NULL")
    _partial("receipts_early_by_reference", "receipts", ["reference"], "delivery_id IS NULL")
    _partial("receipts_early_by_age", "receipts", ["received_at"], "delivery_id IS NULL")


def _texts() -> None:
    op.create_table(
        "texts",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("connection_id", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("address", KEY, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("delivery_id", KEY),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("texts_by_digest", "texts", ["connection_id", "digest"], unique=True)
    op.create_index("texts_by_address", "texts", ["account_id", "address", "id"])


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
