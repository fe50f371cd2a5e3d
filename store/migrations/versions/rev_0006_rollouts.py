"""Rollouts, the cohorts of their phases, how hosts fared with them; and by what a rollout may choose its hosts."""

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import flag, integer, moment, number, text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; models and features of hosts come with the next sync."""
    op.add_column("hosts", text("model", null=True))
    op.add_column("hosts", sa.Column("features", sa.Text(), nullable=False, server_default=""))
    op.add_column("kept_pages", sa.Column("owner", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "rollouts", text("id", key=True), text("component"), text("state"), moment("started_at"), text("document")
    )
    op.create_index("ix_rollouts_component_state", "rollouts", ["component", "state"])
    op.create_table(
        "rollout_cohorts",
        text("rollout", key=True),
        text("cluster", key=True),
        text("host", key=True),
        integer("phase"),
        moment("tried_at", null=True),
    )
    op.create_index("ix_rollout_cohorts_cluster_host", "rollout_cohorts", ["cluster", "host"])
    op.create_table(
        "trials",
        number(),
        text("operation"),
        text("cluster"),
        text("host"),
        text("model"),
        moment("at"),
        text("versions"),
        text("rollouts"),
        flag("failed"),
        flag("inconclusive"),
        flag("in_production"),
        text("category"),
        text("detail"),
        sa.UniqueConstraint("operation", name="uq_trials_operation"),
    )
    op.create_index("ix_trials_cluster_at", "trials", ["cluster", "at"])
    op.create_index("ix_audit_subject", "audit", ["subject", "id"])


def downgrade() -> None:
    """Forget every rollout: the fleet file's desired versions hold again, offboarded ones among them."""
    op.drop_index("ix_audit_subject", "audit")
    for table in ("trials", "rollout_cohorts", "rollouts"):
        op.drop_table(table)
    with op.batch_alter_table("kept_pages") as pages:
        pages.drop_column("owner")
    with op.batch_alter_table("hosts") as hosts:
        hosts.drop_column("features")
        hosts.drop_column("model")
