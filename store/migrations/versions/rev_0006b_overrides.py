"""Overrides of planned buffers and floors, kept with the request that they are for."""

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import text

revision = "0006b"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No request of earlier releases has one."""
    op.add_column("requests", text("override", null=True))


def downgrade() -> None:
    """Forget pin switches that have ended. Raises RuntimeError while one holds or waits, as nobody would know of it."""
    connection = op.get_bind()
    live = "SELECT id FROM requests WHERE kind = 'pin_switch' AND state <> 'ended'"
    if found := connection.execute(sa.text(live)).scalars().all():
        raise RuntimeError(f"expected no pin switch under way, found the request {found[0]}")
    connection.execute(sa.text("DELETE FROM requests WHERE kind = 'pin_switch'"))
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("override")
