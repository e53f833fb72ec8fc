"""The first schema. What the tables mean is written in `store/schema.py`."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(TEXT(collation="C"), "postgresql")


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("api_keys_by_digest", "api_keys", ["digest"], unique=True)
    op.create_table(
        "webhooks",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_table(
        "sources",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_index("sources_by_id", "sources", ["id"], unique=True)
    op.create_table(
        "directory",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("directory_by_key", "directory", ["account_id", "kind", "key"], unique=True)
    op.create_table(
        "calls",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("source_id", KEY, nullable=False),
        sa.Column("call_key", KEY, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("facts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("direction", sa.Text),
        sa.Column("call_type", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("did", sa.Text),
        sa.Column("duration_seconds", sa.Integer),
        sa.Column("customer", KEY),
        sa.Column("queue", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("tags", sa.Text),
        sa.Column("speech", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("fold", sa.LargeBinary),
    )
    op.create_index("calls_by_start", "calls", ["account_id", "started_at", "id"])
    op.create_index(
        "calls_by_customer",
        "calls",
        ["account_id", "customer", "started_at", "id"],
        **where("customer IS NOT NULL"),
    )
    op.create_index(
        "calls_by_key", "calls", ["source_id", "call_key", "generation", "account_id"], unique=True
    )
    op.create_index("calls_due", "calls", ["due_at"], **where("due_at IS NOT NULL"))
    op.create_table(
        "facts",
        sa.Column("call_id", KEY, primary_key=True),
        sa.Column("natural_id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("event_id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("skipped", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("webhook_id", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("call_id", KEY),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
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
    op.create_index(
        "deliveries_held", "deliveries", ["account_id", "webhook_id", "id"], **where("status = 'held'")
    )
    op.create_index(
        "deliveries_in_hand",
        "deliveries",
        ["account_id", "webhook_id", "owner"],
        **where("status = 'pending' AND owner IS NOT NULL"),
    )
    op.create_index("deliveries_by_webhook", "deliveries", ["webhook_id", "id"])
    op.create_index(
        "deliveries_waiting",
        "deliveries",
        ["webhook_id", "due_at"],
        **where("status = 'pending' AND owner IS NULL"),
    )
    op.create_index("deliveries_by_key", "deliveries", ["key", "account_id"], unique=True)
    op.create_table(
        "attempts",
        sa.Column("delivery_id", KEY, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("latency_us", sa.BigInteger, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lanes",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("webhook_id", KEY, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "nodes",
        sa.Column("incarnation", KEY, primary_key=True),
        sa.Column("name", KEY, nullable=False),
        sa.Column("beat_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("idempotency_by_age", "idempotency", ["created_at"])
