"""Rungs of the repair ladder that were climbed: what limits are counted by, and what people are shown."""

from alembic import op

from store.migrations.columns import integer, moment, text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rungs",
        text("operation", key=True),
        integer("attempt", key=True),
        text("cluster"),
        text("pool"),
        text("host"),
        text("rung", null=True),
        text("category", null=True),
        text("reason"),
        moment("began"),
        moment("ended", null=True),
        text("end", null=True),
        text("said"),
    )
    op.create_index("ix_rungs_cluster_began", "rungs", ["cluster", "began"])


def downgrade() -> None:
    """Drop it: limits count anew, and repairs under way begin their ladders anew."""
    op.drop_table("rungs")
