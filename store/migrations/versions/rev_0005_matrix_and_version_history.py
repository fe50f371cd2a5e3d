"""Matrix entries can be withdrawn and stay as history, and so do the versions that hosts had."""

import json

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import integer, moment, number, text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

AT_ONCE = 1000


def upgrade() -> None:
    """Add the columns and the table; what is known of hosts now is where their history begins."""
    op.add_column("matrix_entries", moment("withdrawn_at", null=True))
    op.add_column("matrix_entries", text("withdrawn_by", null=True))
    op.add_column("matrix_entries", text("withdraw_reason", null=True))
    op.add_column("matrix_entries", integer("superseded_by", null=True))
    history = op.create_table(
        "version_history",
        number(),
        text("cluster"),
        text("host"),
        text("component"),
        text("version"),
        moment("at"),
    )
    op.create_index("ix_version_history_cluster_host", "version_history", ["cluster", "host", "component"])
    known = sa.table("host_versions", text("cluster"), text("host"), text("versions"), moment("at"))
    rows = [
        {"cluster": row.cluster, "host": row.host, "component": component, "version": version, "at": row.at}
        for row in op.get_bind().execute(sa.select(known))
        for component, version in json.loads(row.versions).items()
    ]
    for start in range(0, len(rows), AT_ONCE):
        op.bulk_insert(history, rows[start : start + AT_ONCE])


def downgrade() -> None:
    """Forget the history, and the entries that were withdrawn: they would count again."""
    op.drop_index("ix_version_history_cluster_host", "version_history")
    op.drop_table("version_history")
    op.execute("DELETE FROM matrix_entries WHERE withdrawn_at IS NOT NULL")
    with op.batch_alter_table("matrix_entries") as entries:
        for column in ("superseded_by", "withdraw_reason", "withdrawn_by", "withdrawn_at"):
            entries.drop_column(column)
