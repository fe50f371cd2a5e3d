"""When a device was last read for an intent that an earlier attempt left behind."""

from alembic import op

from store.migrations.columns import moment

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of earlier releases' attempts nobody knows: their intents count from when they were written."""
    op.add_column("intents", moment("looked_at", null=True))


def downgrade() -> None:
    """Earlier releases count from when an intent was written."""
    with op.batch_alter_table("intents") as intents:
        intents.drop_column("looked_at")
