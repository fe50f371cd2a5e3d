"""Pages that no address took yet are kept, to be sent again."""

from alembic import op

from store.migrations.columns import moment, text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table("kept_pages", text("key", key=True), text("title"), text("body"), moment("at"))


def downgrade() -> None:
    """Drop it, and with it what nobody has been told."""
    op.drop_table("kept_pages")
