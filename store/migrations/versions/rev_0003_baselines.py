"""What hosts measured, which others of their pool are compared with."""

from alembic import op

from store.migrations.columns import moment, real, text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "baselines",
        text("cluster", key=True),
        text("pool", key=True),
        text("metric", key=True),
        text("host", key=True),
        real("value"),
        moment("at"),
    )


def downgrade() -> None:
    """Drop it: hosts are measured anew."""
    op.drop_table("baselines")
