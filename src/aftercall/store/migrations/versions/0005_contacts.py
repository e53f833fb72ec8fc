"""Contacts, the suppression list, and the new scopes (of messages, too) in the keys that may do all an owner may."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0005"
down_revision = "0004"

KEY = sa.Text().with_variant(TEXT(collation="C"), "postgresql")

OWNERS = frozenset({
    "events:write", "calls:read", "calls:write", "webhooks:read", "webhooks:write",
    "deliveries:read", "deliveries:write", "directory:read", "directory:write", "keys:write",
})  # fmt: skip  # what an account's owner could do until now
NEW = ("contacts:read", "contacts:write", "messages:read", "messages:write", "messages:override")


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("number", KEY, nullable=False),
        sa.Column("ending", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("tags", sa.Text),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("contacts_by_number", "contacts", ["number", "account_id"], unique=True)
    op.create_index("contacts_by_name", "contacts", ["account_id", "name", "id"])
    op.create_index("contacts_by_ending", "contacts", ["account_id", "ending"])
    op.create_table(
        "suppressions",
        sa.Column("address", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("scope", KEY, primary_key=True),
        sa.Column("source", KEY, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("cleared_at", sa.BigInteger),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("suppressions_by_age", "suppressions", ["account_id", "created_at"])
    _let_owners_in(op.get_bind())


def _let_owners_in(connection: sa.Connection) -> None:
    keys = sa.table("api_keys", sa.column("account_id"), sa.column("id"), sa.column("document"))
    for account_id, id_, document in connection.execute(sa.select(keys)).all():
        key = json.loads(document)
        scopes = key["scopes"]
        if not set(scopes) >= OWNERS or set(scopes) >= set(NEW):
            continue
        key["scopes"] = [*scopes, *(scope for scope in NEW if scope not in scopes)]
        changed = json.dumps(key, ensure_ascii=False, separators=(",", ":"))
        mine = (keys.c.account_id == account_id) & (keys.c.id == id_)
        connection.execute(sa.update(keys).where(mine).values(document=changed))
