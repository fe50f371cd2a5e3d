"""Hosts that go down in production, the breaker on their repairs, and handovers between us and outsiders."""

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import moment, text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("handovers", "opened_repairs", "breakers", "losses")


def upgrade() -> None:
    """Losses are counted from the next look on; no host was ever given away."""
    op.add_column("hosts", sa.Column("given", sa.Text(), nullable=False, server_default=""))
    op.create_table("losses", text("cluster", key=True), text("host", key=True), text("document"))
    op.create_table("breakers", text("cluster", key=True), text("pool", key=True), text("document"))
    op.create_table(
        "opened_repairs",
        text("operation", key=True),
        text("cluster"),
        text("cause"),
        moment("at"),
        text("document"),
    )
    op.create_index("ix_opened_repairs_cluster_at", "opened_repairs", ["cluster", "at"])
    op.create_table(
        "handovers",
        text("id", key=True),
        text("cluster"),
        text("host"),
        text("state"),
        moment("asked_at"),
        text("document"),
    )
    op.create_index("ix_handovers_cluster_host", "handovers", ["cluster", "host"])
    under_way = sa.text("state IN ('asked', 'acknowledged')")
    op.create_index(
        "ix_handovers_open",
        "handovers",
        ["cluster", "host"],
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )


def downgrade() -> None:
    """Forget them. Raises RuntimeError while a handover is under way, as nobody would know of it."""
    connection = op.get_bind()
    live = "SELECT id FROM handovers WHERE state IN ('asked', 'acknowledged')"
    if found := connection.execute(sa.text(live)).scalars().all():
        raise RuntimeError(f"expected no handover under way, found {found[0]}")
    for table in TABLES:
        op.drop_table(table)
    with op.batch_alter_table("hosts") as hosts:
        hosts.drop_column("given")
