"""Events for other systems, and what reports are made from."""

import sqlalchemy as sa
from alembic import op

from store.migrations.columns import flag, integer, moment, text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("interruptions", "host_outs", "pool_counts", "event_sinks", "event_heads", "events")


def upgrade() -> None:
    """Make the tables. Both begin with what happens from now on."""
    op.create_table(
        "events",
        text("cluster", key=True),
        integer("sequence", key=True),
        text("id"),
        text("kind"),
        moment("at"),
        moment("kept_at"),
        text("document"),
    )
    op.create_index("ix_events_id", "events", ["id"], unique=True)
    op.create_index("ix_events_cluster_kept_at", "events", ["cluster", "kept_at"])
    op.create_table("event_heads", text("cluster", key=True), integer("sequence"))
    op.create_table(
        "event_sinks",
        text("sink", key=True),
        text("cluster", key=True),
        integer("position"),
        integer("dropped"),
        integer("attempts"),
        moment("failing_since", null=True),
        text("error"),
        moment("again_at", null=True),
        text("worker"),
        moment("worker_until", null=True),
    )
    _make_reports()


def _make_reports() -> None:
    op.create_table(
        "pool_counts",
        text("cluster", key=True),
        text("pool", key=True),
        _key("since"),
        moment("until"),
        *(integer(name) for name in ("up", "planned", "failed", "foreign", "unknown")),
        *(integer(name) for name in ("planned_buffer", "failure_buffer", "floor")),
        flag("overridden"),
        flag("seen"),
        text("causes"),
    )
    op.create_index("ix_pool_counts_cluster_pool_until", "pool_counts", ["cluster", "pool", "until"])
    op.create_table(
        "host_outs",
        text("cluster", key=True),
        text("host", key=True),
        _key("since"),
        text("pool"),
        text("cause"),
        moment("until", null=True),
    )
    op.create_index("ix_host_outs_cluster_until", "host_outs", ["cluster", "until"])
    op.create_table(
        "interruptions",
        text("cluster", key=True),
        text("job", key=True),
        integer("restarts", key=True),
        text("pool"),
        moment("at"),
        text("verb"),
        integer("hosts"),
        text("operation"),
    )
    op.create_index("ix_interruptions_cluster_at", "interruptions", ["cluster", "at"])


def _key(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, primary_key=True)


def downgrade() -> None:
    """Forget them: no fact that Maintrain decides on is in them."""
    for table in TABLES:
        op.drop_table(table)
