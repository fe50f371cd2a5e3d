"""Avoidances are found by their job without reading all of them."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_avoidances_cluster_job", "avoidances", ["cluster", "job"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_avoidances_cluster_job", "avoidances")
