"""Keys that begin alike, hosts that an emergency has in hands, and what a job asked for are found without reading all
there ever were.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
BY_BYTES = (("intents", "operation"), ("steps", "operation"), ("pages", "key"))


def upgrade() -> None:
    """Make the indexes. The keys' are for PostgreSQL alone: those that SQLite has go by the bytes."""
    op.create_index("ix_emergency_hosts_state", "emergency_hosts", ["state", "emergency"])
    op.create_index("ix_avoidances_cluster_job", "avoidances", ["cluster", "job"])
    if op.get_bind().dialect.name == "postgresql":
        for table, key in BY_BYTES:
            op.create_index(f"ix_{table}_{key}_bytes", table, [key], postgresql_ops={key: "text_pattern_ops"})


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "postgresql":
        for table, key in BY_BYTES:
            op.drop_index(f"ix_{table}_{key}_bytes", table)
    op.drop_index("ix_avoidances_cluster_job", "avoidances")
    op.drop_index("ix_emergency_hosts_state", "emergency_hosts")
