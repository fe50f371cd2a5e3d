"""Whether anything may have been sent under an intent."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Under those of earlier releases anything may have been."""
    op.add_column("intents", sa.Column("sent", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Earlier releases tell it by time alone."""
    with op.batch_alter_table("intents") as intents:
        intents.drop_column("sent")
