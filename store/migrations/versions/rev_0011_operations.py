"""Submitted operations."""

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import integer, moment, text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; requests may be part of an operation."""
    op.create_table(
        "operations",
        text("id", key=True),
        integer("number"),
        text("key"),
        text("cluster"),
        text("state"),
        sa.Column("over", sa.Boolean(), nullable=False),
        text("document"),
    )
    op.create_index("ix_operations_number", "operations", ["number"], unique=True)
    op.create_index("ix_operations_key", "operations", ["key"], unique=True)
    op.create_index("ix_operations_over_cluster", "operations", ["over", "cluster", "number"])
    op.create_table("operation_parts", text("cluster", key=True), text("operation", key=True), text("document"))
    op.create_table(
        "operation_hosts",
        text("cluster", key=True),
        text("host", key=True),
        text("operation", key=True),
        sa.Column("parks", sa.Boolean(), nullable=False),
        moment("since"),
    )
    op.create_index("ix_operation_hosts_operation", "operation_hosts", ["operation"])
    op.add_column("requests", sa.Column("part", sa.Text(), nullable=True))
    op.create_index("ix_requests_holder", "requests", ["holder"])


def downgrade() -> None:
    """Forget every operation."""
    op.drop_index("ix_requests_holder", "requests")
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("part")
    for table in ("operation_hosts", "operation_parts", "operations"):
        op.drop_table(table)
