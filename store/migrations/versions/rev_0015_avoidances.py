"""Avoidances: what jobs asked of trains, and what was answered."""

from alembic import op

from store.migrations.columns import flag, moment, text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "avoidances",
        text("id", key=True),
        text("cluster"),
        text("pool"),
        text("job"),
        text("signal", null=True),
        flag("open"),
        moment("asked_at"),
        moment("until", null=True),
        moment("changed_at"),
        text("document"),
    )
    op.create_index("ix_avoidances_cluster_open", "avoidances", ["cluster", "open"])
    op.create_index("ix_avoidances_cluster_signal", "avoidances", ["cluster", "signal"])
    op.create_index("ix_avoidances_cluster_changed_at", "avoidances", ["cluster", "changed_at"])


def downgrade() -> None:
    """Forget them: trains keep away from nobody."""
    op.drop_table("avoidances")
