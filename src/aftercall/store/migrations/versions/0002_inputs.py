"""What sources sent, as it was sent, and how much came of it hour by hour."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0002"
down_revision = "0001"

KEY = sa.Text().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "inputs",
        sa.Column("source_id", KEY, primary_key=True),
        sa.Column("id", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("result", KEY, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("inputs_by_result", "inputs", ["source_id", "result", "id"])
    op.create_index("inputs_by_age", "inputs", ["expires_at"])
    op.create_table(
        "traffic",
        sa.Column("source_id", KEY, primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("incarnation", KEY, primary_key=True),
        sa.Column("account_id", KEY, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("traffic_by_age", "traffic", ["hour"])
