"""Pin switches and their hosts."""

from alembic import op

from store.migrations.columns import integer, moment, text

revision = "0007"
down_revision = "0006b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pin_switches", text("id", key=True), text("cluster"), integer("number"), text("state"), text("document")
    )
    op.create_index("ix_pin_switches_cluster_number", "pin_switches", ["cluster", "number"], unique=True)
    op.create_table(
        "pin_hosts",
        text("switch", key=True),
        text("host", key=True),
        text("pool"),
        text("state"),
        integer("batch"),
        text("reason"),
        moment("at"),
    )
    op.create_index("ix_pin_hosts_switch_batch", "pin_hosts", ["switch", "batch"])


def downgrade() -> None:
    """Forget every switch; a file that still says an old pin may be loaded again."""
    for table in ("pin_hosts", "pin_switches"):
        op.drop_table(table)
