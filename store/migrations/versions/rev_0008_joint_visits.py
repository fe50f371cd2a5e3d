"""Joint visits, kept with the requests that are part of them."""

from alembic import op

from store.migrations.columns import text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No request of earlier releases has one."""
    op.add_column("requests", text("joint", null=True))


def downgrade() -> None:
    """Waiting visits go alone."""
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("joint")
