"""Emergencies and their hosts, and requests that take what can be had."""

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import integer, moment, text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables. No request of earlier releases takes a part."""
    op.add_column("requests", sa.Column("partial", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "emergencies", text("id", key=True), text("cluster"), text("state"), moment("started_at"), text("document")
    )
    op.create_index("ix_emergencies_cluster_state", "emergencies", ["cluster", "state"])
    op.create_table(
        "emergency_hosts",
        text("emergency", key=True),
        text("host", key=True),
        text("pool"),
        text("domain"),
        text("state"),
        text("stop"),
        integer("give_backs"),
        text("reason"),
        moment("at"),
    )


def downgrade() -> None:
    """Forget every emergency; waiting requests take all of their hosts or none."""
    for table in ("emergency_hosts", "emergencies"):
        op.drop_table(table)
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("partial")
