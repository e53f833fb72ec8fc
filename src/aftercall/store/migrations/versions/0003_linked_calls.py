"""Calls that are one: the names they share, and those that live on as another."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0003"
down_revision = "0001"

KEY = sa.Text().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "aliases",
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("call_id", KEY, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "merged_calls",
        sa.Column("call_id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sqlite_with_rowid=False,
    )
